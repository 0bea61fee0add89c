"""`python -m qtdog app`, which `python app.py` is too: the page on this machine."""

import importlib.util
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from qtdog.places import CHECKPOINTS


def root_path(text: str | None) -> str | None:
    """As Gradio wants it: with a slash before and none behind. Raises ValueError."""
    if text is None:
        return None
    path = text.rstrip("/")
    if re.fullmatch(r"https?://[^/?#\s]+(/[\w.~/-]*)?", path):
        return path
    if ".." in path or not re.fullmatch(r"/?[\w.~-]+(/[\w.~-]+)*", path):
        raise ValueError(
            f"--root-path {text!r} is neither a path such as /qtdog nor a URL such as "
            "https://lab.org/qtdog."
        )
    return path if path.startswith("/") else f"/{path}"


def app(
    context: typer.Context,
    checkpoints: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER or ORG/REPO[@REVISION]",
            envvar="QTDOG_CHECKPOINTS",
            help="Folder of checkpoints, or a repository on the Hugging Face Hub. Default: those "
            "that a clone of the program has; an installed package has none.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to serve on. Default: this machine only.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Default: the first free one from 7860.")] = None,
    behind: Annotated[
        str | None,
        typer.Option(
            "--root-path",
            metavar="/PREFIX or URL",
            callback=root_path,
            help="Where the page is behind a proxy that takes this prefix off; the whole address "
            "where it has a name of its own. Default: GRADIO_ROOT_PATH, or none.",
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder with a measured.csv, or with run records, of a study of yours: the "
            "Results tab shows its numbers beside ours.",
        ),
    ] = None,
    mcp: Annotated[
        bool,
        typer.Option(
            "--mcp",
            help="Serve the page's endpoints as tools for agents too, at /gradio_api/mcp/ "
            '(needs: pip install "gradio[mcp]").',
        ),
    ] = False,
) -> None:
    """Start the QT-DoG Explorer, a page in your browser."""
    if not checkpoints and CHECKPOINTS is None:
        raise ValueError(
            "An installed package has no checkpoints of its own: name some with --checkpoints "
            "FOLDER or --checkpoints ORG/REPO (a repository on the Hugging Face Hub)."
        )
    if mcp and importlib.util.find_spec("mcp") is None:
        raise ValueError('--mcp needs a package that is not installed: pip install "gradio[mcp]"')
    if host or port is not None:
        _check_address(host or "127.0.0.1", port)
    for sentence in settle():
        typer.echo(f"{context.obj}: {sentence}", err=True)

    from qtdog.ui import serve

    serve(checkpoints or str(CHECKPOINTS), CHECKPOINTS, host, port, behind, mcp, results)


def settle() -> list[str]:
    """Prepare this process before gradio and torch, which ask the environment once; gives a
    sentence for each proxy that is not used. Raises ValueError."""
    from qtdog import cores, proxies, scratch

    cores.share(threads=1)
    said = proxies.settle()
    try:
        scratch.use_own_folder()
    except OSError as error:
        raise ValueError(f"There is no folder for temporary files: {error}") from None
    # Spaces are stopped so: end as after Ctrl+C, with the temporary files removed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return said


def _check_address(host: str, port: int | None) -> None:
    """Before anything is loaded: Gradio would say it with a traceback, after everything is."""
    try:
        family, *_, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        where = host if port is None else f"{host}, port {port},"
        other = "--host" if port is None else "--port"
        raise ValueError(f"{where} cannot be served: {reason}. Choose another {other}.") from None
