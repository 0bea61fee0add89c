"""The live part of the Landscape tab: flatness on a visitor's own pictures, finer and finer."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from qtdog.explorer import Explorer
from qtdog.landscape.export import as_json
from qtdog.landscape.live import MOST_MODELS, MOST_PICTURES, LiveStep, live_flatness
from qtdog.landscape.subjects import Subject, side_by_side, title
from qtdog.ui import figures, landscape_figures, landscape_texts
from qtdog.ui.events import LANDSCAPE_QUEUE, PRIVATE, Shown, alone
from qtdog.ui.landscape_files import Files
from qtdog.ui.picture import cleared_is_empty, picture_field, read_or_say_why
from qtdog.ui.samples import Sample, known_label, samples
from qtdog.ui.sentences import plain

SAMPLES_AT_FIRST = 8

Labelled = list[tuple[str, str]]
"""Pictures: file and class."""


def live_part(
    explorer: Explorer,
    networks: dict[str, Sequence[Subject]],
    target: Component,
    way: Component,
    files: Files,
) -> None:
    """Lay out the part and wire it; `target` and `way` are the tab's own choices."""
    classes = {one.key: one.classes for one in explorer.targets()}
    first = next(iter(classes))
    pictures = samples()
    start_with = first_samples(pictures, classes[first])

    gr.HTML(landscape_texts.LIVE, padding=False)
    with gr.Row(equal_height=False, elem_id="landscape-live"):
        with gr.Column(scale=4, min_width=300):
            gallery = gr.Gallery(
                _captioned(start_with),
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
                    _class_choices(classes[first]),
                    value=classes[first][0],
                    label="It shows",
                    elem_id="landscape-class",
                )
                add = gr.Button("Add it", elem_id="landscape-add")
        with gr.Column(scale=9, min_width=320):
            models = gr.CheckboxGroup(
                _model_choices(networks[first]),
                value=_first_models(networks[first]),
                label=f"Models, up to {MOST_MODELS}",
                elem_id="landscape-live-models",
            )
            again = gr.Checkbox(
                False,
                label=landscape_texts.ROUND_AGAIN,
                info=landscape_texts.ROUND_AGAIN_INFO,
                elem_id="landscape-live-again",
            )
            with gr.Row():
                start = gr.Button("Measure", variant="primary", elem_id="landscape-start")
                cancel = gr.Button("Cancel", interactive=False, elem_id="landscape-cancel")
            news = gr.HTML(landscape_texts.LIVE_WAITING, elem_id="landscape-news", padding=False)
            shown = gr.HTML(elem_id="landscape-live-shown", padding=False)
            downloads = files.buttons("landscape-live")
    kept = gr.State(start_with)

    def ready() -> Shown:
        return {start: gr.Button(interactive=True), cancel: gr.Button(interactive=False)}

    def begin() -> Shown:
        """Before the line: what was there is another measurement's."""
        return {
            news: landscape_texts.LIVE_QUEUED,
            shown: "",
            start: gr.Button(interactive=False),
            cancel: gr.Button(interactive=True),
            **files.offer(downloads, [], ""),
        }

    def run(
        labelled: Labelled, key: str, names: list[str], kind: str, again: bool
    ) -> Iterator[Shown]:
        found, known = networks[key], classes[key]
        try:
            for step in _measure(explorer, found, labelled, names, known, kind, again):
                now: Shown = {
                    news: landscape_texts.live_news(
                        step.done, step.total, step.seconds, step.finished
                    ),
                    shown: landscape_figures.live_result(step.curves, plain(key.split("/")[-1])),
                }
                if step.finished:
                    now |= files.offer(downloads, step.curves, "own-flatness") | ready()
                yield now
        except ValueError as error:  # nothing to measure, or a checkpoint cannot be read
            yield {news: figures.notices([explorer.without_root(error)]), **ready()}

    def add_picture(path: str | None, name: str, labelled: Labelled) -> Shown:
        if len(labelled) >= MOST_PICTURES:
            raise gr.Error(
                f"There are {MOST_PICTURES} pictures already: remove them first.",
                title="Too many pictures",
                print_exception=False,
            )
        read_or_say_why(path)
        now = [*labelled, (path, name)]
        return {kept: now, gallery: _captioned(now), picture: None}

    def guess_class(path: str | None, name: str) -> str:
        known = known_label(path, pictures) if path else None
        return known or name

    def choose_target(key: str, labelled: Labelled) -> Shown:
        """Other networks may know other classes: pictures of unknown ones go."""
        left = [(path, name) for path, name in labelled if name in classes[key]]
        return {
            models: gr.CheckboxGroup(
                _model_choices(networks[key]), value=_first_models(networks[key])
            ),
            label: gr.Dropdown(_class_choices(classes[key]), value=classes[key][0]),
            kept: left,
            gallery: _captioned(left),
        }

    def replace(key: str, with_samples: bool) -> Shown:
        now = first_samples(pictures, classes[key]) if with_samples else []
        return {kept: now, gallery: _captioned(now)}

    results = [news, shown, start, cancel, *downloads]
    begun = start.click(begin, None, results, queue=False, **PRIVATE)
    running = begun.then(
        run,
        [kept, target, models, way, again],
        results,
        **alone(LANDSCAPE_QUEUE),
        **PRIVATE,
    )
    cancel.click(
        lambda: {news: landscape_texts.LIVE_CANCELLED, **ready()},
        None,
        results,
        cancels=[running],
        queue=False,
        **PRIVATE,
    )
    quick: dict[str, Any] = {"queue": False, **PRIVATE}
    add.click(add_picture, [picture, label, kept], [kept, gallery, picture], **quick)
    cleared = cleared_is_empty("landscape-picture")
    picture.input(guess_class, [picture, label], label, js=cleared, **quick)
    use_samples.click(lambda key: replace(key, True), target, [kept, gallery], **quick)
    clear.click(lambda key: replace(key, False), target, [kept, gallery], **quick)
    target.change(choose_target, [target, kept], [models, label, kept, gallery], **quick)

    def landscape_live(
        images: list[str],
        labels: str,
        target: str = first,
        distance: str = "filter",
        round_again: bool = False,
    ) -> list[dict[str, Any]]:
        """Measure the local flatness of up to three networks of a held-out domain on some pictures.

        images: picture files. labels: their classes in the same order, separated by commas.
        target: "dataset/domain". distance: "filter" (relative to each filter's norm) or "whole"
        (the length of the whole change, as in the paper). round_again: whether the moved weights
        of quantized networks are rounded to their own levels before the loss is measured.
        Returns one record a network: model, radii, `centre` (loss in nats and right answers of
        the network itself) and `readings`, one row a direction, [loss, right answers] a radius.
        """
        names = [name.strip() for name in labels.split(",")]
        try:
            if target not in classes:
                raise ValueError(
                    f"There are no models for '{target}'. There are: {', '.join(classes)}."
                )
            if distance not in landscape_texts.DIRECTIONS:
                raise ValueError(f"There is no distance '{distance}'. There are: filter, whole.")
            if len(names) != len(images or []):
                raise ValueError(
                    f"There are {len(images or [])} pictures and {len(names)} classes."
                )
            labelled = list(zip(images, names, strict=True))
            chosen = _first_models(networks[target])
            found, known = networks[target], classes[target]
            for step in _measure(explorer, found, labelled, chosen, known, distance, round_again):
                last = step.curves
        except ValueError as error:
            raise gr.Error(explorer.without_root(error), print_exception=False) from None
        return as_json(last)

    # The endpoint's own fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            landscape_live,
            [
                gr.File(file_count="multiple", label="images"),
                gr.Textbox(label="labels"),
                gr.Textbox(first, label="target"),
                gr.Textbox("filter", label="distance"),
                gr.Checkbox(False, label="round_again"),
            ],
            gr.JSON(label="records"),
            api_name="landscape_live",
            **alone(LANDSCAPE_QUEUE),
        )


def first_samples(pictures: Sequence[Sample], classes: Sequence[str]) -> Labelled:
    """Eight of our samples whose class the models know, of as many classes as possible."""
    known = [one for one in pictures if one.label in classes]
    seen: dict[str, int] = {}
    ranked = []
    for place, one in enumerate(known):
        seen[one.label] = seen.get(one.label, 0) + 1
        ranked.append((seen[one.label], place, one))
    ranked.sort(key=lambda entry: entry[:2])
    return [(str(one.path), one.label) for _, _, one in ranked[:SAMPLES_AT_FIRST]]


def _measure(
    explorer: Explorer,
    found: Sequence[Subject],
    labelled: Labelled,
    names: Sequence[str],
    classes: Sequence[str],
    kind: str,
    again: bool,
) -> Iterator[LiveStep]:
    """Raises ValueError for what the visitor can mend."""
    if not labelled:
        raise ValueError("Add a picture first, or use our samples.")
    if len(labelled) > MOST_PICTURES:
        raise ValueError(f"It takes at most {MOST_PICTURES} pictures.")
    if unknown := [name for _, name in labelled if name not in classes]:
        raise ValueError(f"There is no class '{unknown[0]}'. There are: {', '.join(classes)}.")
    chosen = [one for one in found if one.folder.name in names]
    if not 1 <= len(chosen) <= MOST_MODELS:
        raise ValueError(f"Choose one to {MOST_MODELS} models.")
    pictures = [read_or_say_why(path) for path, _ in labelled]
    labels = [list(classes).index(name) for _, name in labelled]
    networks = [explorer.read(one.folder) for one in chosen]
    yield from live_flatness(networks, pictures, labels, kind, explorer.lock, again)


def _captioned(labelled: Labelled) -> Labelled:
    return [(path, plain(name)) for path, name in labelled]


def _class_choices(classes: Sequence[str]) -> list[tuple[str, str]]:
    return [(plain(name), name) for name in classes]


def _model_choices(found: Sequence[Subject]) -> list[tuple[str, str]]:
    return [(title(one.model), one.folder.name) for one in found]


def _first_models(found: Sequence[Subject]) -> list[str]:
    return [one.folder.name for one in side_by_side(found)]
