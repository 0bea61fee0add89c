"""What the Shift it tab answers: the fields' values in, what is shown on its places out."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from PIL import Image

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import SEVERITIES, SHIFTS, Explorer, Shift, shrink
from qtdog.images import ImageError, missing, read_image
from qtdog.ui.choices import class_choices
from qtdog.ui.events import Shown
from qtdog.ui.figures import LEFT_BEHIND, NO_PICTURE, notices
from qtdog.ui.markup import Markup, warn
from qtdog.ui.picture import UNUSABLE, usable, with_sample, with_upload
from qtdog.ui.samples import Sample, known_label, sample_at
from qtdog.ui.shift import figures
from qtdog.ui.shift.figures import Steps
from qtdog.ui.shift.layout import OWN, START_SEVERITY, Layout, sample_choices

ALT_TEXT = "The picture that is shifted"


@dataclass(frozen=True)
class Series:
    """What a visitor looks at: the answers at every severity."""

    shift: Shift
    target: str
    steps: Steps


class Handlers:
    """Of the tab in a `layout`, with `pictures` of ours.

    What they are given: the picture's `path` or the `sample`'s name, the held-out domain's `key`,
    the shift's `kind`, where the slider is (`at`, a severity), and the class that is `watched`.
    """

    def __init__(self, explorer: Explorer, layout: Layout, pictures: Sequence[Sample]) -> None:
        self._explorer = explorer
        self._on = layout
        self._pictures = {one.name: one for one in pictures}
        self._targets = {target.key: target for target in explorer.targets()}

    def open_tab(
        self,
        path: str | None,
        sample: str,
        key: str,
        kind: str,
        at: float,
        watched: str,
        series: Series | None,
    ) -> Shown:
        """Nothing is computed before somebody comes here, for the domain that is held out now."""
        on = self._on
        if series and series.target == key:
            return {on.series: series}
        place = None if at == START_SEVERITY else at
        if sample != OWN:
            offered = sample_choices(list(self._pictures.values()), self._targets[key])
            names = [name for _, name in offered]
            chosen = self._pictures[sample if sample in names else names[1]]
            shown = self._series(str(chosen.path), key, kind, place, watched)
            choice = gr.Dropdown(offered, value=chosen.name)
            return {on.picture: with_sample(chosen), on.sample: choice, **shown}
        if path is None or self._sample_at(path):  # an address names a picture that is not here
            return {**self._nothing(LEFT_BEHIND), on.picture: None}
        return self._series(path, key, kind, place, watched)

    def choose_sample(self, sample: str, key: str, kind: str, at: float) -> Shown:
        """One of ours."""
        on = self._on
        if sample == OWN:
            return {**self._nothing(NO_PICTURE), on.picture: None, on.sample: OWN}
        chosen = self._pictures[sample]
        shown = self._series(str(chosen.path), key, kind, at, None)
        return {on.picture: with_sample(chosen), on.sample: sample, on.watched: "", **shown}

    def upload(self, path: str | None, key: str, kind: str, at: float) -> Shown:
        """The visitor's own picture came, or left."""
        on = self._on
        own: Shown = {on.sample: OWN, on.watched: ""}
        if path is None:
            return {**own, **self._nothing(NO_PICTURE)}
        try:
            image = read_image(path, accept_partial=True)
        except ImageError as error:
            warn(error, title=UNUSABLE)
            said = notices([str(error)]) + NO_PICTURE
            return {**own, **self._nothing(said), on.picture: gr.update(value=None)}
        shown = self._series(path, key, kind, at, None)
        return {**own, on.picture: with_upload(path, image, ALT_TEXT), **shown}

    def take_over(self, path: str | None, key: str, kind: str, at: float) -> Shown:
        """The picture at `path` is Try it's."""
        on = self._on
        if path is None:
            warn("There is no picture in Try it.", title="No picture")
            return {on.sample: gr.skip()}
        if ours := self._sample_at(path):
            return self.choose_sample(ours.name, key, kind, at)
        shown = self.upload(path, key, kind, at)
        return {**shown, on.picture: gr.update(value=path, alt_text=ALT_TEXT)}

    def choose(
        self, path: str | None, key: str, kind: str, at: float, watched: str | None
    ) -> Shown:
        """Another shift."""
        if path is None:
            return self._nothing(NO_PICTURE)
        return self._series(path, key, kind, at, watched)

    def slide(
        self, path: str | None, at: float, watched: str | None, series: Series | None
    ) -> Shown:
        """Another severity."""
        if path is None or series is None:
            return self._nothing(NO_PICTURE)
        image = usable(path)
        if isinstance(image, Markup):
            return self._nothing(image)
        label = self._label(path, series.steps, watched)
        return self._at_slider(shrink(image), series, at, label)

    def watch(
        self, path: str | None, at: float, watched: str | None, series: Series | None
    ) -> Shown:
        """Another class."""
        if path is None or series is None:
            return self._nothing(NO_PICTURE)
        picture = usable(path)
        if isinstance(picture, Markup):
            return self._nothing(picture)
        image = shrink(picture)
        label = self._label(path, series.steps, watched)
        shown = self._all(image, series.shift.series(image), series, at, label)
        return {**shown, self._on.watched: watched or ""}

    def step_to(
        self, event: gr.EventData, path: str | None, watched: str | None, series: Series | None
    ) -> Shown:
        """The severity of the picture that was clicked in the filmstrip."""
        on = self._on
        if event.severity not in SEVERITIES:
            return {on.severity: gr.skip()}
        return {on.severity: event.severity, **self.slide(path, event.severity, watched, series)}

    def _sample_at(self, path: str) -> Sample | None:
        return sample_at(path, list(self._pictures.values()))

    def _series(
        self, path: str, key: str, kind: str, at: float | None, watched: str | None
    ) -> Shown:
        """All of the tab for a picture; `watched` is kept if the models know that class. Without
        `at`, the slider goes to where a model first says another one."""
        on = self._on
        picture = usable(path)
        if isinstance(picture, Markup):
            return self._nothing(picture)
        image = shrink(picture)
        shift = SHIFTS[kind]
        images = shift.series(image)
        try:
            steps = self._explorer.classify_many(images, key)
        except CheckpointError as error:  # not one model of this target can be read
            return self._nothing(notices([self._explorer.without_root(error)]))
        series = Series(shift, key, steps)
        label = self._label(path, steps, watched)
        place = figures.first_break(steps, label) if at is None else at
        place = START_SEVERITY if place is None else place
        return {
            on.series: series,
            on.severity: place,
            on.label: gr.Dropdown(class_choices(steps[0][0].classes), value=label),
            **self._all(image, images, series, place, label),
        }

    def _nothing(self, notice: Markup) -> Shown:
        """Why there is no answer, in the place of the one before."""
        on = self._on
        return {
            on.said: notice,
            on.now: "",
            on.chart: "",
            on.strip: "",
            on.table: "",
            on.series: None,
        }

    def _label(self, path: str, steps: Steps, watched: str | None) -> str:
        """The class that is watched if the models know it, else the picture's if that is known,
        else what the first model says of it unchanged."""
        first = steps[0][0]
        if watched in first.classes:
            return watched
        known = known_label(path, list(self._pictures.values()))
        return known if known in first.classes else first.label

    def _all(
        self,
        image: Image.Image,
        images: Sequence[Image.Image],
        series: Series,
        at: float,
        label: str,
    ) -> Shown:
        """`images`: `image` at each of SEVERITIES."""
        on = self._on
        shift, steps = series.shift, series.steps
        lacks = notices([missing(image)] if missing(image) else [])
        names = self._explorer.names(series.target)
        return {
            on.strip: figures.filmstrip(images, steps, label, shift),
            on.said: lacks + figures.sentence(steps, label) + figures.about(shift),
            on.table: figures.table(steps, label, shift, series.target, names),
            **self._at_slider(image, series, at, label),
        }

    def _at_slider(self, image: Image.Image, series: Series, at: float, label: str) -> Shown:
        on = self._on
        shifted = series.shift.apply(image, at)
        known = at in SEVERITIES
        here = series.steps[int(at)] if known else self._explorer.classify(shifted, series.target)
        return {
            on.now: figures.shifted(shifted, here, label, series.shift, at),
            on.chart: figures.chart(series.steps, label, series.shift, at, here),
        }
