"""Start the explorer: `python app.py`, at home or as a Hugging Face Space."""

import argparse
import contextlib
import importlib.util
import os
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

try:  # on ZeroGPU, before torch; elsewhere it is not installed
    import spaces
except ImportError:
    spaces = None

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.hub import download_bar
from qtdog.images import MAX_BYTES
from qtdog.opening import Guests, open_explorer, remote_allowed
from qtdog.ui.page import build
from qtdog.ui.theme import css, theme

BUNDLED = Path(__file__).resolve().parent / "checkpoints"
FAVICON = Path(__file__).resolve().parent / "qtdog" / "ui" / "favicon.svg"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="QT-DoG Explorer, a page in your browser.")
    parser.add_argument(
        "--checkpoints",
        metavar="FOLDER or ORG/REPO[@REVISION]",
        default=os.environ.get("QTDOG_CHECKPOINTS") or str(BUNDLED),
        help="folder of checkpoints, or a repository on the Hugging Face Hub "
        "(default: the bundled ones, or QTDOG_CHECKPOINTS)",
    )
    parser.add_argument("--host", help="address to serve on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="serve the page's endpoints as tools for agents too, at /gradio_api/mcp/ "
        '(needs: pip install "gradio[mcp]")',
    )
    return parser.parse_args()


def warm_up(explorer: Explorer) -> None:
    """Load the first models while the page comes up, so that the first visitor need not wait."""
    with contextlib.suppress(CheckpointError):  # said on the page when somebody asks for them
        explorer.load(explorer.targets()[0].key)


if spaces:  # ZeroGPU stops a Space without such a function; the models run on its CPU all the same
    spaces.GPU(warm_up)


def main() -> None:
    """Options, page, launch."""
    chosen = options()
    if chosen.mcp and importlib.util.find_spec("mcp") is None:
        _stop('--mcp needs a package that is not installed: pip install "gradio[mcp]"')
    if chosen.port is not None:
        _check_port(chosen.host or "127.0.0.1", chosen.port)
    try:
        explorer = open_explorer(chosen.checkpoints, BUNDLED, download_bar())
    except CheckpointError as error:
        _stop(str(error))
    shown = explorer.checkpoint_set.describe()
    print(f"Shown are {shown.phrase}. {shown.notice}".strip())
    threading.Thread(target=warm_up, args=(explorer,), daemon=True).start()
    build(explorer, Guests() if remote_allowed() else None).launch(
        server_name=chosen.host,
        server_port=chosen.port,
        theme=theme(),
        css=css(),
        favicon_path=FAVICON,
        max_file_size=MAX_BYTES,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        mcp_server=chosen.mcp,
    )


def _check_port(host: str, port: int) -> None:
    """Before anything is loaded: Gradio would say it with a traceback, after everything is."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            _stop(f"{host}, port {port}, cannot be served: {reason}. Choose another --port.")


def _stop(reason: str) -> NoReturn:
    print(f"app.py: {reason}", file=sys.stderr)
    raise SystemExit(2) from None


if __name__ == "__main__":
    main()
