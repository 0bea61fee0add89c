"""The Classify tab: a picture in, three models side by side out."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from qtdog.explorer import Explorer, Prediction, Target
from qtdog.ui import figures
from qtdog.ui.picture import picture_field, read_for_page
from qtdog.ui.samples import known_label, samples

# Every event that runs a network waits in this one line.
TORCH_QUEUE = "torch"


def classify_tab(page: gr.Blocks, explorer: Explorer) -> None:
    """Lay out the tab and wire it to `explorer`."""
    pictures = samples()
    targets = explorer.targets()
    first = targets[0].key

    head = gr.HTML(figures.head(targets[0]), padding=False)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            picture = picture_field(
                value=str(pictures[0].path),
                label="Your picture",
                sources=["upload", "clipboard", "webcam"],
                height=300,
                buttons=[],
                elem_id="picture",
                alt_text="The picture that is classified",
            )
            gallery = gr.Gallery(
                [(str(sample.path), sample.title) for sample in pictures],
                label="Or one of ours",
                columns=6,
                height="auto",
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
            answers = gr.HTML(
                '<p class="summary">Loading the models …</p>', elem_id="answers", padding=False
            )
    gr.HTML(figures.foot(targets[0].dataset), padding=False)

    def predictions_of(path: str | None, key: str) -> tuple[Prediction, ...]:
        image = read_for_page(path)
        try:
            return explorer.classify(image, key)
        except ValueError as error:  # no such target, or no checkpoint of it can be read
            raise gr.Error(str(error), print_exception=False) from None

    def answer(path: str | None, key: str) -> str:
        predictions = predictions_of(path, key)
        shown = figures.results(predictions, known_label(path, pictures))
        return figures.notices(explorer.problems) + shown

    def answer_sample(event: gr.SelectData, key: str) -> tuple[str, str]:
        path = str(pictures[event.index].path)
        return path, answer(path, key)

    def first_answer() -> str:
        return answer(str(pictures[0].path), first)

    def choose_target(path: str | None, key: str) -> tuple[str, str]:
        shown = next(one for one in targets if one.key == key)
        return figures.head(shown), answer(path, key)

    private: dict[str, Any] = {
        "concurrency_id": TORCH_QUEUE,
        "concurrency_limit": 1,
        "api_visibility": "private",
        "show_progress": "hidden",
    }
    page.load(first_answer, None, answers, **private)
    picture.input(_unless_cleared(answer), [picture, target], answers, **private)
    gallery.select(answer_sample, target, [picture, answers], **private)
    target.input(choose_target, [picture, target], [head, answers], **private)

    def classify(image: str, target: str = first) -> list[dict[str, Any]]:
        """Classify one picture with every model of a held-out domain.

        image: a picture file. target: "dataset/domain", for example "pacs/sketch".
        Returns one record a model (full precision, QT-DoG, EoQ): class probabilities in the order
        of `classes`, EoQ's members' probabilities, entropy in nats, bytes on disk, bits a weight,
        milliseconds, and the accuracy measured on the held-out domain.
        """
        return [
            {"label": one.label, "confidence": one.confidence, **asdict(one)}
            for one in predictions_of(image, target)
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


def _unless_cleared(answer):
    """Clearing the field is no request: the last answer stays."""

    def answered(path: str | None, key: str):
        return gr.skip() if path is None else answer(path, key)

    return answered
