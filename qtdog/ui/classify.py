"""The Classify tab: a picture in, three models side by side out."""

from dataclasses import asdict
from typing import Any

import gradio as gr
from PIL import Image

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Target
from qtdog.images import ImageError, read_image
from qtdog.ui import figures
from qtdog.ui.picture import UNUSABLE, browsers_show, picture_field, read_or_say_why
from qtdog.ui.samples import known_label, samples

# Every event that runs a network waits in this one line.
TORCH_QUEUE = "torch"
ALT_TEXT = "The picture that is classified"

# Gradio calls them "Thumbnail 3 of 17"; screen readers should say what they show.
NAME_THE_SAMPLES = """() => document.querySelectorAll('#samples button.thumbnail-item').forEach(
    (button) => button.setAttribute('aria-label', button.querySelector('img').alt))"""


def classify_tab(page: gr.Blocks, explorer: Explorer) -> None:
    """Lay out the tab and wire it to `explorer`."""
    pictures = samples()
    targets = explorer.targets()
    first = targets[0].key

    with gr.Column(elem_id="page"):
        head = gr.HTML(figures.head(targets[0]), padding=False)
        with gr.Row(equal_height=False, elem_id="bench"):
            with gr.Column(scale=4, min_width=300, elem_id="question"):
                picture = picture_field(
                    value=str(pictures[0].path),
                    label="Your picture",
                    sources=["upload", "clipboard", "webcam"],
                    height=300,
                    buttons=[],
                    elem_id="picture",
                    alt_text=pictures[0].alt,
                )
                gallery = gr.Gallery(
                    [(str(sample.path), sample.title) for sample in pictures],
                    label="Or one of ours",
                    columns=6,
                    height="auto",
                    selected_index=0,
                    allow_preview=False,
                    object_fit="contain",
                    buttons=[],
                    interactive=False,
                    elem_id="samples",
                )
                target = gr.Dropdown(
                    [(_choice(one), one.key) for one in targets],
                    value=first,
                    label="Held-out domain (never seen in training)",
                    elem_id="target",
                )
            with gr.Column(scale=9, min_width=320):
                answers = gr.HTML(figures.LOADING, elem_id="answers", padding=False)
        gr.HTML(figures.foot(), padding=False)

    def answer(image: Image.Image, path: str, key: str) -> str:
        try:
            shown = figures.results(explorer.classify(image, key), known_label(path, pictures))
        except CheckpointError:  # not one model of this target can be read
            shown = ""
        return figures.notices(explorer.problems) + shown

    def answer_sample(event: gr.SelectData, key: str) -> tuple[dict[str, Any], str]:
        sample = pictures[event.index]
        path = str(sample.path)
        return gr.update(value=path, alt_text=sample.alt), answer(read_image(path), path, key)

    def answer_upload(path: str | None, key: str) -> tuple[Any, Any, Any]:
        if path is None:  # clearing the field is no question: the last answer stays
            return gr.skip(), gr.skip(), gr.skip()
        try:
            image = read_image(path)
        except ImageError as error:
            gr.Warning(str(error), title=UNUSABLE)
            # An empty field: the answers that stay are not this picture's.
            return gr.update(value=None), gr.skip(), gr.Gallery(selected_index=None)
        shown = gr.update(alt_text=ALT_TEXT)
        if not browsers_show(path):
            shown = gr.update(alt_text=ALT_TEXT, value=image)
        return shown, answer(image, path, key), gr.Gallery(selected_index=None)

    def first_answer() -> str:
        path = str(pictures[0].path)
        return answer(read_image(path), path, first)

    def choose_target(path: str | None, key: str) -> tuple[str, str]:
        shown = figures.head(next(one for one in targets if one.key == key))
        if path is None:  # the old answers were of other models
            return shown, figures.NO_PICTURE
        return shown, answer(read_or_say_why(path), path, key)

    private: dict[str, Any] = {
        "concurrency_id": TORCH_QUEUE,
        "concurrency_limit": 1,
        "api_visibility": "private",
        "show_progress": "hidden",
        # A picture that comes while the one before is being classified must not get lost.
        "trigger_mode": "always_last",
    }
    page.load(None, js=NAME_THE_SAMPLES)
    page.load(first_answer, None, answers, **private)
    picture.input(answer_upload, [picture, target], [picture, answers, gallery], **private)
    gallery.select(answer_sample, target, [picture, answers], **private)
    target.input(choose_target, [picture, target], [head, answers], **private)

    def classify(image: str, target: str = first) -> list[dict[str, Any]]:
        """Classify one picture with every model of a held-out domain.

        image: a picture file. target: "dataset/domain", for example "pacs/sketch".
        Returns one record a model (full precision, QT-DoG, EoQ): class probabilities in the order
        of `classes`, EoQ's members' probabilities, entropy in nats, bytes on disk, bits a weight,
        milliseconds, and the accuracy measured on the held-out domain.
        """
        picture = read_or_say_why(image)
        try:
            predictions = explorer.classify(picture, target)
        except ValueError as error:  # no such target, or none of its checkpoints can be read
            raise gr.Error(str(error), print_exception=False) from None
        return [
            {"label": one.label, "confidence": one.confidence, **asdict(one)} for one in predictions
        ]

    # The endpoint's own fields, which the page does not show.
    file = picture_field(visible=False, label="image")
    key = gr.Textbox(first, visible=False, label="target")
    records = gr.JSON(visible=False, label="predictions")
    gr.Button(visible=False).click(
        classify,
        [file, key],
        records,
        api_name="classify",
        concurrency_id=TORCH_QUEUE,
        concurrency_limit=1,
    )


def _choice(target: Target) -> str:
    return f"{figures.plain(target.domain)} ({target.dataset.upper()})"
