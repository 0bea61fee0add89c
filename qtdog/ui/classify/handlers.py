"""What the Try it tab answers: the fields' values in, what is shown on its places out.

Handlers yield the answers first; where a model looks comes after, to those who asked for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.images import ImageError, missing, read_image
from qtdog.ui.classify import figures, heat
from qtdog.ui.classify.layout import Layout, labels, shown_samples
from qtdog.ui.events import Shown
from qtdog.ui.figures import LEFT_BEHIND, NO_PICTURE, notices
from qtdog.ui.markup import Markup, warn
from qtdog.ui.picture import UNUSABLE, usable, with_sample, with_upload
from qtdog.ui.samples import Sample, known_label, known_to, sample_at

ALT_TEXT = "The picture that is classified"
NO_SAMPLE = "own"


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


class Handlers:
    """Of the tab in a `layout`; `at_first` is what its fields say, `start` the sample in it."""

    def __init__(
        self,
        explorer: Explorer,
        layout: Layout,
        pictures: Sequence[Sample],
        start: Sample,
        at_first: Asked,
    ) -> None:
        self._explorer = explorer
        self._on = layout
        self._pictures = pictures
        self._start = start
        self._at_first = at_first
        self._targets = {target.key: target for target in explorer.targets()}

    def first_answer(self, given: Mapping[str, Any]) -> Iterator[Shown]:
        """To what the address asks for, by the names of its parameters; `Address` itself sets the
        fields."""
        usual = self._at_first
        asked = Asked(
            given.get("domain", usual.target),
            given.get("models", usual.models),
            given.get("class", usual.label),
            given.get("look", usual.look),
        )
        yield from self._opened(given.get("sample", self._start.name), asked, usual.target)

    def go_back(self, path: str | None, sample: str, *fields: Any) -> Iterator[Shown]:
        """The browser's Back or Forward has set the fields, not the picture; one's own is there
        still, if no other was chosen since."""
        on, asked = self._on, Asked(*fields)
        target = self._targets[asked.target]
        if sample == NO_SAMPLE and path and not sample_at(path, self._pictures):
            shown: Shown = {on.question: figures.question(target)}
            yield from self._answered_again(path, asked, shown)
        else:
            yield from self._opened(sample, asked)
        known = asked.label if asked.label in target.classes else ""
        classes = gr.Dropdown(labels(target), value=known)
        yield {on.label: classes, on.looking: gr.Column(visible=asked.look)}

    def _opened(self, sample: str, asked: Asked, offered: str | None = None) -> Iterator[Shown]:
        """The answer to a `sample`, or that one's own picture is missing. `offered`: the page shows
        the first sample already, among those where that domain is held out."""
        on = self._on
        if sample == NO_SAMPLE:
            shown = {on.picture: None, on.gallery: gr.Gallery(selected_index=None)}
            shown |= {on.question: figures.question(self._targets[asked.target])}
            yield {**shown, on.answers: LEFT_BEHIND}
            return
        fitting = self._fitting(asked.target)
        start = self._start if self._start in fitting else fitting[0]
        chosen = next((one for one in self._pictures if one.name == sample), start)
        image = read_image(chosen.path)
        shown: Shown = {
            on.question: figures.question(self._targets[asked.target]),
            on.answers: self._answer(image, str(chosen.path), asked),
        }
        there = offered is not None and not self._differ(asked.target, offered)
        if chosen != self._start or not there:
            shown |= self._offer(asked.target, chosen)
            shown |= {on.picture: with_sample(chosen), on.sample: chosen.name}
        yield shown
        if asked.look:
            yield {on.looking: gr.Column(visible=True), on.looks: self._looks(image, asked)}

    def answer_sample(self, place: str, *fields: Any) -> Iterator[Shown]:
        """One of ours was chosen, the one at `place`."""
        on, asked = self._on, Asked(*fields)
        offered = self._fitting(asked.target)
        if place not in map(str, range(len(offered))):
            yield {on.sample: gr.skip()}
            return
        chosen = offered[int(place)]
        shown: Shown = {on.picture: with_sample(chosen), on.sample: chosen.name}
        image = read_image(chosen.path)
        yield from self._answered(image, str(chosen.path), asked, shown)

    def answer_upload(self, path: str | None, *fields: Any) -> Iterator[Shown]:
        """The visitor's own picture came, or left."""
        on = self._on
        shown: Shown = {on.gallery: gr.Gallery(selected_index=None), on.sample: NO_SAMPLE}
        if path is None:
            yield {**shown, on.answers: NO_PICTURE, on.looks: ""}
            return
        try:
            image = read_image(path, accept_partial=True)
        except ImageError as error:
            warn(error, title=UNUSABLE)
            said = notices([str(error)]) + NO_PICTURE
            yield {**shown, on.picture: gr.update(value=None), on.answers: said, on.looks: ""}
            return
        shown[on.picture] = with_upload(path, image, ALT_TEXT)
        yield from self._answered(image, path, Asked(*fields), shown)

    def choose_target(self, path: str | None, offered: str, *fields: Any) -> Iterator[Shown]:
        """Another held-out domain: other models, that may know other classes, of which other
        samples are than those of the domain `offered`."""
        on = self._on
        asked = Asked(*fields)
        target = self._targets[asked.target]
        fitting = self._fitting(asked.target)
        known = asked.label if asked.label in target.classes else ""
        shown: Shown = {
            on.question: figures.question(target),
            on.label: gr.Dropdown(labels(target), value=known),
        }
        if self._differ(asked.target, offered):
            ours = sample_at(path, self._pictures) if path else None
            if ours and ours not in fitting:
                ours = fitting[0]
                path = str(ours.path)
                shown |= {on.picture: with_sample(ours), on.sample: ours.name}
            shown |= self._offer(asked.target, ours)
        if path is None:  # the old answers were of other models
            yield {**shown, on.answers: NO_PICTURE, on.looks: ""}
        else:
            yield from self._answered_again(path, asked, shown)

    def choose_models(self, path: str | None, *fields: Any) -> Iterator[Shown]:
        """Other models side by side."""
        if path is None:
            yield {self._on.answers: NO_PICTURE, self._on.looks: ""}
        else:
            yield from self._answered_again(path, Asked(*fields), {})

    def choose_look(self, path: str | None, *fields: Any) -> Shown:
        """Whether to show where the models look, or for which class."""
        on = self._on
        asked = Asked(*fields)
        shown: Shown = {on.looking: gr.Column(visible=asked.look)}
        if not asked.look:
            return shown
        image = NO_PICTURE if path is None else usable(path)
        looks = image if isinstance(image, Markup) else self._looks(image, asked)
        return {**shown, on.looks: looks}

    def _fitting(self, key: str) -> tuple[Sample, ...]:
        """The samples to offer where that domain is held out."""
        return known_to(self._pictures, self._targets[key].classes)

    def _differ(self, key: str, other: str) -> bool:
        """Whether other samples are offered there, or with other words."""
        classes = [self._targets[one].classes for one in (key, other)]
        return known_to(self._pictures, classes[0]) != known_to(self._pictures, classes[1]) or (
            set(classes[0]) != set(classes[1])
        )

    def _offer(self, key: str, chosen: Sample | None) -> Shown:
        """These samples in the gallery."""
        content = shown_samples(self._targets[key], self._pictures, chosen)
        return {self._on.gallery: gr.Gallery(**content), self._on.offered: key}

    def _answered_again(self, path: str, asked: Asked, shown: Shown) -> Iterator[Shown]:
        """`shown` and another answer about the picture that is there."""
        image = usable(path)
        if isinstance(image, Markup):
            on = self._on
            yield {**shown, on.picture: None, on.answers: image, on.looks: ""}
        else:
            yield from self._answered(image, path, asked, shown)

    def _answered(
        self, image: Image.Image, path: str, asked: Asked, shown: Shown
    ) -> Iterator[Shown]:
        yield {**shown, self._on.answers: self._answer(image, path, asked)}
        if asked.look:
            yield {self._on.looks: self._looks(image, asked)}

    def _answer(self, image: Image.Image, path: str, asked: Asked) -> Markup:
        explorer = self._explorer
        try:
            found = explorer.classify(image, asked.target)
        except CheckpointError as error:  # no model can be read, or one has no answer
            said = explorer.without_root(error)
            return notices(list(dict.fromkeys([*explorer.problems, said])))
        shown = [one for one in found if one.method in asked.models]
        if not shown:
            return notices(explorer.problems) + figures.NO_MODEL
        lacks = [missing(image)] if missing(image) else []
        known = known_label(path, self._pictures)
        return notices([*explorer.problems, *lacks]) + figures.results(shown, known)

    def _looks(self, image: Image.Image, asked: Asked) -> Markup:
        label = asked.label if asked.label in self._targets[asked.target].classes else None
        try:
            found = self._explorer.explain(image, asked.target, label)
        except ValueError as error:  # no model can be read, or no network has a feature map
            return notices([self._explorer.without_root(error)])
        shown = [one for one in found if one.method in asked.models]
        return heat.looks(image, shown) if shown else figures.NO_MODEL
