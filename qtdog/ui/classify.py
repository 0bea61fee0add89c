"""The Try it tab: a picture in, three models side by side out, and where they look."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from qtdog.catalogue import MODEL_NAMES, Target
from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.images import ImageError, read_image
from qtdog.ui import figures, heat
from qtdog.ui.address import Address, one_of, several_of, yes_or_no
from qtdog.ui.events import PRIVATE, Shown, torch_endpoint, torch_event
from qtdog.ui.picture import (
    UNUSABLE,
    browsers_show,
    cleared_is_empty,
    picture_field,
    read_or_say_why,
)
from qtdog.ui.samples import known_label, sample_for, samples

ALT_TEXT = "The picture that is classified"
OWN_CHOICE = ("what each model says", "")
NO_SAMPLE = "own"

# Gradio calls them "Thumbnail 3 of 17"; screen readers should say what they show.
NAME_THE_SAMPLES = """() => document.querySelectorAll('#samples button.thumbnail-item').forEach(
    (button) => button.setAttribute('aria-label', button.querySelector('img').alt))"""
# The place of the sample that is chosen. Gradio would hand a click that comes while the one before
# is being answered over as the one before; of a field the latest value counts.
CHOSEN_PLACE = """async () => {
    await new Promise((shown) => setTimeout(shown));
    const samples = [...document.querySelectorAll("#samples button.thumbnail-item")];
    return String(samples.findIndex((button) => button.classList.contains("selected")));
}"""


@dataclass(frozen=True)
class Asked:
    """What the fields beside the picture say."""

    target: str
    models: Sequence[str]
    """Methods: "erm", "qt-dog", "eoq"."""
    label: str
    """The class to explain, or "" for each model's own."""
    look: bool
    """Whether to show where the models look."""


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
    methods = _methods(explorer)

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
                    columns=7,
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
                with gr.Row(elem_id="show-what"):
                    chosen_models = gr.CheckboxGroup(
                        [(MODEL_NAMES[method], method) for method in methods],
                        value=list(methods),
                        label="Models to show",
                        elem_id="models",
                    )
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
        place = gr.Textbox(label="place", elem_classes="unseen")

    address.add("sample", sample, one_of([*names, NO_SAMPLE]))
    address.add("domain", target, one_of(list(targets)))
    address.add("models", chosen_models, several_of(methods))
    address.add("look", look, yes_or_no)
    classes = {name for one in targets.values() for name in one.classes}
    address.add("class", label_field, one_of(["", *sorted(classes)]))

    def answer(image: Image.Image, path: str, asked: Asked) -> str:
        try:
            found = explorer.classify(image, asked.target)
        except CheckpointError:  # not one model of this target can be read
            return figures.notices(explorer.problems)
        shown = [one for one in found if one.method in asked.models]
        if not shown:
            return figures.notices(explorer.problems) + figures.NO_MODEL
        known = known_label(path, pictures)
        return figures.notices(explorer.problems) + figures.results(shown, known)

    def overlays(image: Image.Image, asked: Asked) -> str:
        label = asked.label if asked.label in targets[asked.target].classes else None
        try:
            found = explorer.explain(image, asked.target, label)
        except ValueError as error:  # no model can be read, or no network has a feature map
            return figures.notices([explorer.without_root(error)])
        shown = [one for one in found if one.method in asked.models]
        return heat.looks(image, shown) if shown else figures.NO_MODEL

    # Handlers yield the answers first; where a model looks comes after, to those who asked for it.

    def answer_sample(place: str, *fields: Any) -> Iterator[Shown]:
        if place not in map(str, range(len(pictures))):
            yield {sample: gr.skip()}
            return
        asked = Asked(*fields)
        chosen = pictures[int(place)]
        image = read_image(chosen.path)
        yield {
            picture: gr.update(value=str(chosen.path), alt_text=chosen.alt),
            answers: answer(image, str(chosen.path), asked),
            sample: chosen.name,
        }
        if asked.look:
            yield {looks: overlays(image, asked)}

    def answer_upload(path: str | None, *fields: Any) -> Iterator[Shown]:
        asked = Asked(*fields)
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
            answers: answer(image, path, asked),
        }
        if asked.look:
            yield {looks: overlays(image, asked)}

    def choose_target(path: str | None, *fields: Any) -> Iterator[Shown]:
        asked = Asked(*fields)
        known = asked.label if asked.label in targets[asked.target].classes else ""
        shown: Shown = {
            question: figures.question(targets[asked.target]),
            label_field: gr.Dropdown(_labels(targets[asked.target]), value=known),
        }
        if path is None:  # the old answers were of other models
            yield {**shown, answers: figures.NO_PICTURE, looks: ""}
            return
        image = read_or_say_why(path)
        yield {**shown, answers: answer(image, path, asked)}
        if asked.look:
            yield {looks: overlays(image, asked)}

    def choose_models(path: str | None, *fields: Any) -> Iterator[Shown]:
        asked = Asked(*fields)
        if path is None:
            yield {answers: figures.NO_PICTURE}
            return
        image = read_or_say_why(path)
        yield {answers: answer(image, path, asked)}
        if asked.look:
            yield {looks: overlays(image, asked)}

    def choose_look(path: str | None, *fields: Any) -> Shown:
        asked = Asked(*fields)
        shown: Shown = {looking: gr.Column(visible=asked.look)}
        if asked.look and path is None:
            shown[looks] = figures.NO_PICTURE
        elif asked.look:
            shown[looks] = overlays(read_or_say_why(path), asked)
        return shown

    def open_address(request: gr.Request) -> Iterator[Shown]:
        """The first answer, to what the address asks for; `Address` itself sets the fields."""
        given = address.read(request).values
        asked = Asked(
            given.get("domain", first),
            given.get("models", methods),
            given.get("class", ""),
            given.get("look", False),
        )
        name = given.get("sample", start.name)
        chosen = pictures[names.index(name)] if name in names else start
        image = read_image(chosen.path)
        shown: Shown = {
            question: figures.question(targets[asked.target]),
            answers: answer(image, str(chosen.path), asked),
        }
        if chosen != start:
            shown[picture] = gr.update(value=str(chosen.path), alt_text=chosen.alt)
            shown[gallery] = gr.Gallery(selected_index=pictures.index(chosen))
        yield shown
        if asked.look:
            yield {looking: gr.Column(visible=True), looks: overlays(image, asked)}

    private: dict[str, Any] = {
        "outputs": [picture, gallery, sample, question, answers, label_field, looking, looks],
        **torch_event(answers),
    }
    fields = [target, chosen_models, label_field, look]
    page.load(None, js=NAME_THE_SAMPLES)
    page.load(open_address, None, **private)
    gallery.select(None, None, place, js=CHOSEN_PLACE, **PRIVATE).then(
        answer_sample, [place, *fields], **private
    )
    picture.input(answer_upload, [picture, *fields], js=cleared_is_empty("picture"), **private)
    target.input(choose_target, [picture, *fields], **private)
    chosen_models.input(choose_models, [picture, *fields], **private)
    gr.on([look.input, label_field.input], choose_look, [picture, *fields], **private)

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
    public = torch_endpoint()
    hidden = gr.Button(visible=False)
    hidden.click(classify, [file, key], records, api_name="classify", **public)
    hidden.click(explain, [file, key, chosen], maps, api_name="explain", **public)
    return picture, target


def _methods(explorer: Explorer) -> tuple[str, ...]:
    """What there is to show side by side, of any held-out domain."""
    there = {one.config.method for each in explorer.targets() for one in explorer.shown(each.key)}
    return tuple(method for method in MODEL_NAMES if method in there)


def _choice(target: Target) -> str:
    return f"{figures.plain(target.domain)} ({target.dataset.upper()})"


def _labels(target: Target) -> list[tuple[str, str]]:
    return [OWN_CHOICE, *((figures.plain(name), name) for name in target.classes)]
