"""The Landscape tab alone, on given folders, as a server of its own: for tests and screenshots."""

import sys
from pathlib import Path

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.ui import css, figures, theme
from qtdog.ui.address import Address
from qtdog.ui.choices import domain_choice
from qtdog.ui.landscape.tab import landscape_tab


def main(checkpoints: Path, landscapes: Path, port: int) -> None:
    """Serve until it is killed."""
    address, explorer = Address(), Explorer(checkpoints)
    with gr.Blocks(analytics_enabled=False) as page:
        notice = gr.HTML(visible=False, padding=False)
        target = domain_choice(explorer.targets())
        with gr.Tabs() as tabs:
            with address.add_tab(gr.Tab("First", id="first")):
                gr.HTML(figures.HEAD, padding=False)
            with address.add_tab(gr.Tab("Landscape", id="landscape")) as tab:
                landscape_tab(explorer, address, tab, target, landscapes)
        address.wire(page, tabs, notice)
    page.queue().launch(
        server_port=port,
        theme=theme(),
        css=css(),
        ssr_mode=False,
        show_error=False,
        footer_links=[],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
