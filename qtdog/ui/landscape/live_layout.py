"""Where the fields of the live measurement stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from qtdog.landscape import MOST_MODELS, Subject, title
from qtdog.ui.choices import class_choices
from qtdog.ui.landscape.downloads import Buttons, Files
from qtdog.ui.landscape.measuring import Labelled, first_models
from qtdog.ui.landscape.texts import LIVE, LIVE_WAITING, ROUND_AGAIN, ROUND_AGAIN_INFO
from qtdog.ui.markup import Html
from qtdog.ui.picture import picture_field
from qtdog.ui.sentences import plain


@dataclass(frozen=True)
class Layout:
    """The part's components that something happens to."""

    gallery: gr.Gallery
    use_samples: gr.Button
    clear: gr.Button
    picture: gr.Image
    label: gr.Dropdown
    add: gr.Button
    models: gr.CheckboxGroup
    again: gr.Checkbox
    start: gr.Button
    cancel: gr.Button
    news: Html
    shown: Html
    downloads: Buttons
    kept: gr.State
    """The pictures with their classes."""


def lay_out(
    start_with: Labelled, classes: Sequence[str], found: Sequence[Subject], files: Files
) -> Layout:
    """Lay out the part for pictures to `start_with` and the `found` networks of these classes."""
    Html(LIVE, padding=False)
    with gr.Row(equal_height=False, elem_id="landscape-live"):
        with gr.Column(scale=4, min_width=300):
            gallery = gr.Gallery(
                captioned(start_with),
                label="Measured on",
                columns=4,
                height="auto",
                allow_preview=False,
                object_fit="contain",
                buttons=[],
                interactive=False,
                elem_id="landscape-gallery",
            )
            with gr.Row():
                use_samples = gr.Button("Use our samples", size="sm", elem_id="landscape-samples")
                clear = gr.Button("Remove all", size="sm", elem_id="landscape-clear")
            picture = picture_field(
                label="Add a picture of your own",
                sources=["upload", "clipboard", "webcam"],
                height=240,
                buttons=[],
                elem_id="landscape-picture",
            )
            with gr.Row():
                label = gr.Dropdown(
                    class_choices(classes),
                    value=classes[0],
                    label="It shows",
                    elem_id="landscape-class",
                )
                add = gr.Button("Add it", elem_id="landscape-add")
        with gr.Column(scale=9, min_width=320):
            models = gr.CheckboxGroup(
                model_choices(found),
                value=first_models(found),
                label=f"Models, up to {MOST_MODELS}",
                elem_id="landscape-live-models",
            )
            again = gr.Checkbox(
                False,
                label=ROUND_AGAIN,
                info=ROUND_AGAIN_INFO,
                elem_id="landscape-live-again",
            )
            with gr.Row():
                start = gr.Button("Measure", variant="primary", elem_id="landscape-start")
                cancel = gr.Button("Cancel", interactive=False, elem_id="landscape-cancel")
            news = Html(LIVE_WAITING, elem_id="landscape-news", padding=False)
            shown = Html(elem_id="landscape-live-shown", padding=False)
            downloads = files.buttons("landscape-live")
    kept = gr.State(start_with)
    return Layout(
        *(gallery, use_samples, clear, picture, label, add, models, again),
        *(start, cancel, news, shown, downloads, kept),
    )


def captioned(labelled: Labelled) -> Labelled:
    """Pictures with their classes as words."""
    return [(path, plain(name)) for path, name in labelled]


def model_choices(found: Sequence[Subject]) -> list[tuple[str, str]]:
    """Words and folder's name."""
    return [(title(one.model), one.folder.name) for one in found]
