"""Pages in a real browser, which keep what they complain of; and parts of the page served alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from qtdog.images import MAX_BYTES
from qtdog.ui import css, theme
from qtdog.ui.samples import Sample, samples

PATIENCE_MS = 90_000  # a busy machine is no defect
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def open_page(browser, address: str, query: str = "", **options: Any):
    """A page at `address` + `query`. Its `complaints` are errors in the console and requests to
    other hosts. `options`: those of the browser's new_page, for a page that shares nothing with
    others; without any, scripts that another page has loaded are not loaded again."""
    if options:
        page = browser.new_page(**{"viewport": DESKTOP, **options})
    else:
        page = browser.usual.new_page()
        page.set_viewport_size(DESKTOP)
    page.set_default_timeout(PATIENCE_MS)
    page.complaints = complaints = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    own = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else complaints.append(r.url))
    page.goto(address + query)
    return page


def sample(name: str) -> Sample:
    """The bundled sample with that name."""
    return next(one for one in samples() if one.name == name)


@contextmanager
def opening(browser, address: str) -> Iterator[Callable[..., Any]]:
    """Gives a function that opens pages as `open_page` does; in the end they are closed, and none
    may have complained."""
    pages = []

    def open_one(query: str = "", url: str = address, **options: Any):
        pages.append(open_page(browser, url, query, **options))
        return pages[-1]

    yield open_one
    for page in pages:
        page.close()
    assert [page.complaints for page in pages] == [[] for _ in pages]


@contextmanager
def served(blocks: gr.Blocks, **options: Any) -> Iterator[str]:
    """The address of a page of this process, laid out in `blocks`."""
    _, url, _ = blocks.queue().launch(
        prevent_thread_lock=True,
        quiet=True,
        theme=theme(),
        css=css(),
        ssr_mode=False,
        show_error=False,
        footer_links=[],
        max_file_size=MAX_BYTES,
        **options,
    )
    try:
        yield url
    finally:
        blocks.close(verbose=False)
