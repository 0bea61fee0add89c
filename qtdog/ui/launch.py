"""The page as a program: the explorer is opened, the page built and served."""

import contextlib
import threading
from pathlib import Path

try:  # on ZeroGPU, before torch; elsewhere it is not installed
    import spaces  # pyright: ignore[reportMissingImports]  # optional
except ImportError:
    spaces = None

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Guests, open_explorer, remote_allowed
from qtdog.hub_client import download_bar
from qtdog.images import MAX_BYTES, read_image
from qtdog.memory import share_memory_among_threads
from qtdog.reach import only_here
from qtdog.results import load_results
from qtdog.study import read_study
from qtdog.ui.appearance import css, theme
from qtdog.ui.page import build
from qtdog.ui.quiet import prepare_when_quiet
from qtdog.ui.samples import known_to, samples

# What Gradio's live region says after every event; it has no words of its own for it.
WORDS = {"common.complete": "Ready"}
FAVICON = Path(__file__).parent / "favicon.svg"


def warm_up(explorer: Explorer) -> None:
    """Load the first models and have them answer for our pictures, so that the first visitor need
    not wait."""
    with contextlib.suppress(CheckpointError):  # said on the page when somebody asks for them
        target = explorer.targets()[0]
        explorer.load(target.key)
        for sample in known_to(samples(), target.classes):
            explorer.classify(read_image(sample.path), target.key)


if spaces:  # ZeroGPU stops a Space without such a function; the models run on its CPU all the same
    spaces.GPU(warm_up)


def serve(
    checkpoints: str,
    bundled: Path | None,
    host: str | None = None,
    port: int | None = None,
    root_path: str | None = None,
    mcp: bool = False,
    results: Path | None = None,
) -> None:
    """Serve the page until it is stopped.

    checkpoints: a folder, or a repository "ORG/REPO[@REVISION]". bundled: what is shown when the
    Hub cannot give it, or None. host: by default this machine alone. port: by default the first
    free one. root_path: what a proxy takes off. mcp: as tools for agents too. results: a folder
    with numbers of another study, which the Results tab sets beside ours. Raises CheckpointError,
    and ResultsError for such a folder.
    """
    share_memory_among_threads()
    theirs = read_study(results, load_results()) if results else ()
    explorer = open_explorer(checkpoints, bundled, download_bar())
    shown = explorer.checkpoint_set.describe()
    print(f"Shown are {shown.phrase}. {shown.notice}".strip())
    guests = Guests(folders=only_here(host, root_path)) if remote_allowed() else None
    page = build(explorer, guests, theirs)
    prepare_when_quiet(explorer, page.asked)
    page.launch(
        server_name=host,
        server_port=port,
        root_path=root_path,
        theme=theme(),
        css=css(),
        favicon_path=FAVICON,
        max_file_size=MAX_BYTES,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        mcp_server=mcp,
        i18n=gr.I18n(en=WORDS),
        prevent_thread_lock=True,
    )
    # Only now: while the page is built it would take the time of what it is to save.
    threading.Thread(target=warm_up, args=(explorer,), daemon=True).start()
    page.block_thread()
