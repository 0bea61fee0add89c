"""The About tab: the checkpoints, how they came about, citation, licence, privacy, this server."""

import gradio as gr

from qtdog.citation import CITATION
from qtdog.explorer import Explorer, Guests
from qtdog.ui.about.models import models_section
from qtdog.ui.about.tables import checkpoint_tables, server
from qtdog.ui.about.texts import LICENCE, PRIVACY, TRAINING, without_server
from qtdog.ui.markup import Html, html


def about_tab(explorer: Explorer, guests: Guests | None, opened: gr.State) -> None:
    """Lay out the tab. With `guests`, a visitor can open another set of checkpoints; `opened` holds
    its key, or nothing, for this visitor."""
    with gr.Column(elem_id="about"):
        Html(html("<h2>Which networks answer here</h2>"), padding=False)
        models_section(explorer, guests, opened)
        Html(checkpoint_tables(explorer), padding=False)
        Html(html("<h2>How they were trained</h2>{}", TRAINING), padding=False)
        Html(html("<h2>Citation</h2>"), padding=False)
        gr.Textbox(
            CITATION,
            label="BibTeX of the paper",
            lines=6,
            interactive=False,
            buttons=["copy"],
            elem_id="citation",
        )
        Html(html("<h2>Licence</h2>{}<h2>Privacy</h2>{}", LICENCE, PRIVACY), padding=False)
        Html(html("<h2>Without a server</h2>{}", without_server()), padding=False)
        Html(html("<h2>This server</h2>{}", server()), padding=False)
