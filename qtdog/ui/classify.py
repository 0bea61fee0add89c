"""The Try it tab: a picture in, three models side by side out, and where they look."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Target
from qtdog.images import ImageError, read_image
from qtdog.ui import figures, heat
from qtdog.ui.address import Address, one_of, yes_or_no
from qtdog.ui.picture import UNUSABLE, browsers_show, picture_field, read_or_say_why
from qtdog.ui.samples import known_label, sample_for, samples

# Every event that runs a network waits in this one line.
TORCH_QUEUE = "torch"
ALT_TEXT = "The picture that is classified"
OWN_CHOICE = ("what each model says", "")
NO_SAMPLE = "own"
Shown = dict[Any, Any]  # component -> its new value or settings

# Gradio calls them "Thumbnail 3 of 17"; screen readers should say what they show.
NAME_THE_SAMPLES = """() => document.querySelectorAll('#samples button.thumbnail-item').forEach(
    (button) => button.setAttribute('aria-label', button.querySelector('img').alt))"""

# A field that is cleared may still send the picture it had: what it shows counts.
CLEARED_IS_EMPTY = """async (picture, ...rest) => {
    await new Promise((shown) => setTimeout(shown));
    return [document.querySelector("#picture img") ? picture : null, ...rest];
}"""


def classify_tab(
    page: gr.Blocks, explorer: Explorer, address: Address
) -> tuple[Component, Component]:
    """Lay out the tab and wire it to `explorer` and `address`; returns the fields with the picture
    and the held-out domain."""
    pictures = samples()
    names = [sample.name for sample in pictures]
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))
    start = sample_for(targets[first].domain, pictures)

    with gr.Column(elem_id="page"):
        question = gr.HTML(figures.question(targets[first]), padding=False)
        with gr.Row(equal_height=False, elem_id="bench"):
            with gr.Column(scale=4, min_width=300, elem_id="question"):
                picture = picture_field(
                    value=str(start.path),
                    label="Your picture",
                    sources=["upload", "clipboard", "webcam"],
                    height=300,
                    buttons=[],
                    elem_id="picture",
                    alt_text=start.alt,
                )
                gallery = gr.Gallery(
                    [(str(sample.path), sample.title) for sample in pictures],
                    label="Or one of ours",
                    columns=6,
                    height="auto",
                    selected_index=pictures.index(start),
                    allow_preview=False,
                    object_fit="contain",
                    buttons=[],
                    interactive=False,
                    elem_id="samples",
                )
                target = gr.Dropdown(
                    [(_choice(one), one.key) for one in targets.values()],
                    value=first,
                    label="Held-out domain (never seen in training)",
                    elem_id="target",
                )
            with gr.Column(scale=9, min_width=320):
                answers = gr.HTML(figures.LOADING, elem_id="answers", padding=False)
                look = gr.Checkbox(
                    False, label="Show where each model looks (Grad-CAM)", elem_id="look"
                )
                with gr.Column(visible=False, elem_id="looking") as looking:
                    label_field = gr.Dropdown(
                        _labels(targets[first]),
                        value="",
                        label="Evidence for the class",
                        elem_id="class",
                    )
                    looks = gr.HTML(elem_id="looks", padding=False, js_on_load=heat.ON_LOAD)
        gr.HTML(figures.NOTES, padding=False)
        # The name of the sample in the picture field, for the address.
        sample = gr.Textbox(start.name, label="sample", elem_classes="unseen")

    address.add("sample", sample, one_of([*names, NO_SAMPLE]))
    address.add("domain", target, one_of(list(targets)))
    address.add("look", look, yes_or_no)
    classes = {name for one in targets.values() for name in one.classes}
    address.add("class", label_field, one_of(["", *sorted(classes)]))

    def answer(image: Image.Image, path: str, key: str) -> str:
        try:
            shown = figures.results(explorer.classify(image, key), known_label(path, pictures))
        except CheckpointError:  # not one model of this target can be read
            shown = ""
        return figures.notices(explorer.problems) + shown

    def overlays(image: Image.Image, key: str, label: str) -> str:
        label = label if label in targets[key].classes else None
        try:
            return heat.looks(image, explorer.explain(image, key, label))
        except ValueError as error:  # no model can be read, or no network has a feature map
            return figures.notices([explorer.without_root(error)])

    # Handlers yield the answers first; where a model looks comes after, to those who asked for it.

    def answer_sample(event: gr.SelectData, key: str, label: str, look: bool) -> Iterator[Shown]:
        chosen = pictures[event.index]
        image = read_image(chosen.path)
        yield {
            picture: gr.update(value=str(chosen.path), alt_text=chosen.alt),
            answers: answer(image, str(chosen.path), key),
            sample: chosen.name,
        }
        if look:
            yield {looks: overlays(image, key, label)}

    def answer_upload(path: str | None, key: str, label: str, look: bool) -> Iterator[Shown]:
        shown: Shown = {gallery: gr.Gallery(selected_index=None), sample: NO_SAMPLE}
        if path is None:  # clearing the field is no question: the last answer stays
            yield shown
            return
        try:
            image = read_image(path)
        except ImageError as error:
            gr.Warning(str(error), title=UNUSABLE)
            # An empty field: the answers that stay are not this picture's.
            yield {**shown, picture: gr.update(value=None)}
            return
        copy = {} if browsers_show(path) else {"value": image}
        yield {
            **shown,
            picture: gr.update(alt_text=ALT_TEXT, **copy),
            answers: answer(image, path, key),
        }
        if look:
            yield {looks: overlays(image, key, label)}

    def choose_target(path: str | None, key: str, label: str, look: bool) -> Iterator[Shown]:
        known = label if label in targets[key].classes else ""
        shown: Shown = {
            question: figures.question(targets[key]),
            label_field: gr.Dropdown(_labels(targets[key]), value=known),
        }
        if path is None:  # the old answers were of other models
            yield {**shown, answers: figures.NO_PICTURE, looks: ""}
            return
        image = read_or_say_why(path)
        yield {**shown, answers: answer(image, path, key)}
        if look:
            yield {looks: overlays(image, key, known)}

    def choose_look(path: str | None, key: str, label: str, look: bool) -> Shown:
        shown: Shown = {looking: gr.Column(visible=look)}
        if look:
            missing = path is None
            shown[looks] = (
                figures.NO_PICTURE if missing else overlays(read_or_say_why(path), key, label)
            )
        return shown

    def open_address(request: gr.Request) -> Iterator[Shown]:
        """The first answer, to what the address asks for; `Address` itself sets the fields."""
        asked = address.read(request).values
        key, name = asked.get("domain", first), asked.get("sample", start.name)
        chosen = pictures[names.index(name)] if name in names else start
        image = read_image(chosen.path)
        shown: Shown = {
            question: figures.question(targets[key]),
            answers: answer(image, str(chosen.path), key),
        }
        if chosen != start:
            shown[picture] = gr.update(value=str(chosen.path), alt_text=chosen.alt)
            shown[gallery] = gr.Gallery(selected_index=pictures.index(chosen))
        yield shown
        if asked.get("look"):
            label = asked.get("class", "")
            yield {looking: gr.Column(visible=True), looks: overlays(image, key, label)}

    private: dict[str, Any] = {
        "outputs": [picture, gallery, sample, question, answers, label_field, looking, looks],
        "concurrency_id": TORCH_QUEUE,
        "concurrency_limit": 1,
        "api_visibility": "private",
        "show_progress": "hidden",
        # A picture that comes while the one before is being classified must not get lost.
        "trigger_mode": "always_last",
    }
    chosen_fields = [target, label_field, look]
    page.load(None, js=NAME_THE_SAMPLES)
    page.load(open_address, None, **private)
    gallery.select(answer_sample, chosen_fields, **private)
    picture.input(answer_upload, [picture, *chosen_fields], js=CLEARED_IS_EMPTY, **private)
    target.input(choose_target, [picture, *chosen_fields], **private)
    gr.on([look.input, label_field.input], choose_look, [picture, *chosen_fields], **private)

    def classify(image: str, target: str = first) -> list[dict[str, Any]]:
        """Classify one picture with every model of a held-out domain.

        image: a picture file. target: "dataset/domain", for example "pacs/sketch".
        Returns one record a model (full precision, QT-DoG, EoQ): class probabilities in the order
        of `classes`, EoQ's members' probabilities, entropy and the members' disagreement (mutual
        information) in nats, bytes on disk, bits a weight, milliseconds, the accuracy measured on
        the held-out domain, and whether the picture looks unfamiliar, with energies, thresholds
        and how often that hint comes.
        """
        picture = read_or_say_why(image)
        try:
            predictions = explorer.classify(picture, target)
        except ValueError as error:  # no such target, or none of its checkpoints can be read
            raise gr.Error(explorer.without_root(error), print_exception=False) from None
        return [
            {
                "label": one.label,
                "confidence": one.confidence,
                "disagreement": one.disagreement,
                **asdict(one),
            }
            for one in predictions
        ]

    def explain(image: str, target: str = first, label: str = "") -> list[dict[str, Any]]:
        """Where every model of a held-out domain looks in a picture, by Grad-CAM.

        image: a picture file. target: "dataset/domain". label: the class to find evidence for; by
        default each model's own answer.
        Returns one record a model: the class, the heat (rows from top to bottom, 0 to 1, the
        hottest place 1) and in words where it is.
        """
        picture = read_or_say_why(image)
        try:
            explanations = explorer.explain(picture, target, label or None)
        except ValueError as error:  # no such target or class, or nothing to explain with
            raise gr.Error(explorer.without_root(error), print_exception=False) from None
        return [{**asdict(one), "where": heat.where(one.heat)} for one in explanations]

    # The endpoints' own fields, which the page does not show.
    file = picture_field(visible=False, label="image")
    key = gr.Textbox(first, visible=False, label="target")
    chosen = gr.Textbox("", visible=False, label="label")
    records = gr.JSON(visible=False, label="predictions")
    maps = gr.JSON(visible=False, label="explanations")
    public: dict[str, Any] = {"concurrency_id": TORCH_QUEUE, "concurrency_limit": 1}
    hidden = gr.Button(visible=False)
    hidden.click(classify, [file, key], records, api_name="classify", **public)
    hidden.click(explain, [file, key, chosen], maps, api_name="explain", **public)
    return picture, target


def _choice(target: Target) -> str:
    return f"{figures.plain(target.domain)} ({target.dataset.upper()})"


def _labels(target: Target) -> list[tuple[str, str]]:
    return [OWN_CHOICE, *((figures.plain(name), name) for name in target.classes)]
