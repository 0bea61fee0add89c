"""Which checkpoints the page shows, and a field to open another set beside them."""

import gradio as gr

from qtdog.explorer import Explorer, Guests
from qtdog.ui.about import figures
from qtdog.ui.about.endpoints import add_checkpoint_source, add_classify_opened, add_open_models
from qtdog.ui.about.handlers import Handlers
from qtdog.ui.events import OPENING_QUEUE, alone, torch_event
from qtdog.ui.markup import Html
from qtdog.ui.picture import PictureField

ASKING = "Another set of checkpoints"
HUB_HINT = "A repository on the Hugging Face Hub, ORG/REPO or ORG/REPO@REVISION"
FOLDER_HINT = ", or a folder on this machine"
HINT = "Only config.json, index.json and safetensors files are read."


def models_section(explorer: Explorer, guests: Guests | None, opened: gr.State) -> None:
    """What is shown, and unless `guests` is None a field to open another set; `opened` holds its
    key, or nothing, for this visitor."""
    Html(figures.shown_set(explorer), padding=False, elem_id="models-shown")
    add_checkpoint_source(explorer)
    if guests is None:
        return

    hint = f"{HUB_HINT}{FOLDER_HINT if guests.folders else ''}. {HINT}"
    with gr.Row(elem_id="open-models"):
        address = gr.Textbox(
            label=ASKING, info=hint, placeholder="ORG/REPO@REVISION", max_lines=1, scale=5
        )
        button = gr.Button("Open", scale=1, min_width=110)
    answer = Html(elem_id="opened-models", padding=False)
    gr.on(
        [button.click, address.submit],
        Handlers(guests).open_set,
        address,
        [answer, opened],
        api_visibility="private",
        **alone(OPENING_QUEUE),
    )
    add_open_models(guests)


def opened_columns(
    guests: Guests, opened: gr.State, picture: PictureField, target: gr.Dropdown
) -> None:
    """The cards of the set that this visitor opened, for the picture and target of Try it."""
    columns = Html(visible=False, elem_id="opened-columns", padding=False)
    gr.on(
        [opened.change, picture.change, target.change],
        Handlers(guests).answer,
        [opened, picture, target],
        columns,
        **torch_event(columns),
    )
    add_classify_opened(guests)
