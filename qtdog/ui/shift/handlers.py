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
from qtdog.ui.figures import NO_PICTURE, notices
from qtdog.ui.markup import Markup, warn
from qtdog.ui.picture import UNUSABLE, usable, with_sample, with_upload
from qtdog.ui.samples import Sample, known_label
from qtdog.ui.shift import figures
from qtdog.ui.shift.figures import Steps
from qtdog.ui.shift.layout import OWN, Layout

ALT_TEXT = "The picture that is shifted"


@dataclass(frozen=True)
class Series:
    """What a visitor looks at: the answers at every severity."""

    shift: Shift
    target: str
    steps: Steps


class Handlers:
    """Of the tab in a `layout`, which has `opening` of the `pictures` at first.

    What they are given: the picture's `path` or the `sample`'s name, the held-out domain's `key`,
    the shift's `kind`, where the slider is (`at`, a severity), and the class that is `watched`.
    """

    def __init__(
        self, explorer: Explorer, layout: Layout, pictures: Sequence[Sample], opening: Sample
    ) -> None:
        self._explorer = explorer
        self._on = layout
        self._pictures = {one.name: one for one in pictures}
        self._opening = opening

    def open_tab(self, sample: str, key: str, kind: str, at: float, series: Series | None) -> Shown:
        """Nothing is computed before somebody comes here."""
        if series:
            return {self._on.series: series}
        return self.choose_sample(sample or self._opening.name, key, kind, at)

    def choose_sample(self, sample: str, key: str, kind: str, at: float) -> Shown:
        """One of ours."""
        on = self._on
        if sample == OWN:
            return {on.sample: OWN}
        chosen = self._pictures[sample]
        shown = self._series(str(chosen.path), key, kind, at, None)
        return {on.picture: with_sample(chosen), on.sample: sample, **shown}

    def upload(self, path: str | None, key: str, kind: str, at: float) -> Shown:
        """The visitor's own picture came, or left."""
        on = self._on
        if path is None:  # clearing the field is no question: the last answer stays
            return {on.sample: OWN}
        try:
            image = read_image(path, accept_partial=True)
        except ImageError as error:
            warn(error, title=UNUSABLE)
            return {on.picture: gr.update(value=None), on.sample: OWN}
        shown = self._series(path, key, kind, at, None)
        return {on.picture: with_upload(path, image, ALT_TEXT), on.sample: OWN, **shown}

    def take_over(self, path: str | None, key: str, kind: str, at: float) -> Shown:
        """The picture at `path` is Try it's."""
        on = self._on
        if path is None:
            warn("There is no picture in Try it.", title="No picture")
            return {on.sample: gr.skip()}
        shown = self.upload(path, key, kind, at)
        return {**shown, on.picture: gr.update(value=path, alt_text=ALT_TEXT)}

    def choose(
        self, path: str | None, key: str, kind: str, at: float, watched: str | None
    ) -> Shown:
        """Another shift, or another held-out domain."""
        return self._series(path, key, kind, at, watched) if path else {self._on.said: NO_PICTURE}

    def slide(
        self, path: str | None, at: float, watched: str | None, series: Series | None
    ) -> Shown:
        """Another severity."""
        if path is None or series is None:
            return {self._on.said: NO_PICTURE}
        image = usable(path)
        if isinstance(image, Markup):
            return self._nothing(image)
        label = self._label(path, series.steps, watched)
        return self._at_slider(shrink(image), series, at, label)

    def watch(
        self, path: str | None, at: float, watched: str | None, series: Series | None
    ) -> Shown:
        """Another class."""
        on = self._on
        if path is None or series is None:
            return {on.said: NO_PICTURE}
        picture = usable(path)
        if isinstance(picture, Markup):
            return self._nothing(picture)
        image = shrink(picture)
        label = self._label(path, series.steps, watched)
        return self._all(image, series.shift.series(image), series, at, label)

    def _series(self, path: str, key: str, kind: str, at: float, watched: str | None) -> Shown:
        """All of the tab for a picture; `watched` is kept if the models know that class."""
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
        return {
            on.series: series,
            on.label: gr.Dropdown(class_choices(steps[0][0].classes), value=label),
            **self._all(image, images, series, at, label),
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
