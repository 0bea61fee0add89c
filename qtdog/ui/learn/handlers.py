"""What the Learn tab shows: answers of the networks, and all of it for another held-out domain."""

from collections.abc import Callable, Sequence

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Prediction
from qtdog.images import read_image
from qtdog.ui.events import Shown
from qtdog.ui.figures import ballot, notices
from qtdog.ui.landscape.way_place import way_shown
from qtdog.ui.learn import figures
from qtdog.ui.learn.layout import Walk, one_a_domain
from qtdog.ui.learn.telling import Told
from qtdog.ui.learn.words import Texts
from qtdog.ui.markup import Markup, join
from qtdog.ui.quantize.thumbnails import thumbnail
from qtdog.ui.samples import Sample, known_to

PICTURE = 150  # pixels


class Handlers:
    """Of the tab laid out `on`; `tell` says what there is of a held-out domain's key."""

    def __init__(
        self,
        explorer: Explorer,
        on: Walk,
        texts: Texts,
        pictures: Sequence[Sample],
        tell: Callable[[str], Told],
    ) -> None:
        self._explorer, self._on, self._texts, self._tell = explorer, on, texts, tell
        self._samples = {sample.name: sample for sample in pictures}
        self._thumbnails = {sample.name: thumbnail(sample, PICTURE) for sample in pictures}

    def classified(self, name: str, key: str) -> Markup:
        """What the models of a held-out domain say of a sample."""
        return self._answered(name, key, figures.sample_answers)

    def voted(self, name: str, key: str) -> Markup:
        """What each of EoQ's members says of it."""

        def shown(found: Sequence[Prediction], sample: Sample, thumbnail: str) -> Markup:
            panel = join(ballot(one) for one in found if one.members)
            return figures.member_votes(found, sample, thumbnail, panel)

        return self._answered(name, key, shown)

    def _answered(
        self,
        name: str,
        key: str,
        shown: Callable[[Sequence[Prediction], Sample, str], Markup],
    ) -> Markup:
        sample = self._samples[name]
        try:
            predictions = self._explorer.classify(read_image(sample.path), key)
        except CheckpointError as error:
            return notices([self._explorer.without_root(error)])
        return shown(predictions, sample, self._thumbnails[name])

    def follow(self, key: str, shown: str, chosen: str, asked: str) -> Shown:
        """Everything for the page's held-out domain, unless that is what is `shown` already;
        `chosen` and `asked` are the samples of the first step and of the sixth."""
        on = self._on
        if key == shown:
            return {on.shown: gr.skip()}
        told = self._tell(key)
        pictures = known_to(list(self._samples.values()), told.lesson.target.classes)
        few = one_a_domain(pictures)
        changed: Shown = {
            on.shown: key,
            on.chosen: _sample_choice(gr.Radio, few, chosen),
            on.asked: _sample_choice(gr.Dropdown, pictures, asked),
            on.abroad: figures.home_and_abroad(told.lesson),
            on.curves: figures.training_curves(told.lesson),
            on.memory: figures.memory_bars(told.lesson),
            on.measured: told.measured,
        }
        for place, (before, after) in enumerate(on.said, start=1):
            changed |= {before: told.before(place), after: told.after(place, self._texts)}
        if on.way is not None:
            changed |= way_shown(on.way, told.way)
        return changed


def _sample_choice(
    kind: type[gr.Radio] | type[gr.Dropdown], pictures: Sequence[Sample], chosen: str
) -> gr.Radio | gr.Dropdown:
    names = [one.name for one in pictures]
    value = chosen if chosen in names else names[0]
    return kind([(one.title, one.name) for one in pictures], value=value)
