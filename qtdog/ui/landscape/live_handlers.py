"""What the live measurement shows when something is pressed, chosen or measured."""

from collections.abc import Iterator, Mapping, Sequence

import gradio as gr

from qtdog.explorer import Explorer
from qtdog.landscape import MOST_PICTURES, Subject
from qtdog.ui.choices import class_choices
from qtdog.ui.events import Shown
from qtdog.ui.figures import notices
from qtdog.ui.landscape.downloads import Files
from qtdog.ui.landscape.figures import live_result
from qtdog.ui.landscape.live_layout import Layout, captioned, model_choices
from qtdog.ui.landscape.measuring import Labelled, first_models, first_samples, measure
from qtdog.ui.landscape.texts import LIVE_CANCELLED, LIVE_QUEUED, LIVE_WAITING, live_news
from qtdog.ui.markup import refusal
from qtdog.ui.picture import read_or_say_why
from qtdog.ui.samples import Sample, known_label
from qtdog.ui.sentences import plain


class LiveHandlers:
    """`networks` and `classes` are by target's key."""

    def __init__(
        self,
        at: Layout,
        explorer: Explorer,
        networks: Mapping[str, Sequence[Subject]],
        classes: Mapping[str, Sequence[str]],
        pictures: Sequence[Sample],
        files: Files,
    ) -> None:
        self._at, self._explorer, self._files = at, explorer, files
        self._networks, self._classes, self._pictures = networks, classes, pictures

    def ready(self) -> Shown:
        return {
            self._at.start: gr.Button(interactive=True),
            self._at.cancel: gr.Button(interactive=False),
        }

    def begin(self) -> Shown:
        """Before the line: what was there is another measurement's."""
        return {
            self._at.news: LIVE_QUEUED,
            self._at.shown: "",
            self._at.start: gr.Button(interactive=False),
            self._at.cancel: gr.Button(interactive=True),
            **self._files.offer(self._at.downloads, [], ""),
        }

    def run(
        self, labelled: Labelled, key: str, names: list[str], kind: str, again: bool
    ) -> Iterator[Shown]:
        found, known = self._networks[key], self._classes[key]
        try:
            for step in measure(self._explorer, found, labelled, names, known, kind, again):
                now: Shown = {
                    self._at.news: live_news(step.done, step.total, step.seconds, step.finished),
                    self._at.shown: live_result(step.curves, plain(key.split("/")[-1])),
                }
                if step.finished:
                    now |= (
                        self._files.offer(self._at.downloads, step.curves, "own-flatness")
                        | self.ready()
                    )
                yield now
        except ValueError as error:  # nothing to measure, or a checkpoint cannot be read
            yield {self._at.news: notices([self._explorer.without_root(error)]), **self.ready()}

    def add_picture(self, path: str | None, name: str, labelled: Labelled) -> Shown:
        if len(labelled) >= MOST_PICTURES:
            raise refusal(
                f"There are {MOST_PICTURES} pictures already: remove them first.",
                title="Too many pictures",
            )
        read_or_say_why(path)
        now = [*labelled, (path, name)]
        return {self._at.kept: now, self._at.gallery: captioned(now), self._at.picture: None}

    def guess_class(self, path: str | None, name: str) -> str:
        known = known_label(path, self._pictures) if path else None
        return known or name

    def choose_target(self, key: str, labelled: Labelled) -> Shown:
        """Other networks may know other classes: pictures of unknown ones go. What was measured
        was measured on other networks."""
        left = [(path, name) for path, name in labelled if name in self._classes[key]]
        if labelled and not left:
            left = first_samples(self._pictures, self._classes[key])
        return {
            self._at.news: LIVE_WAITING,
            self._at.shown: "",
            **self._files.offer(self._at.downloads, [], ""),
            **self.ready(),
            self._at.models: gr.CheckboxGroup(
                model_choices(self._networks[key]), value=first_models(self._networks[key])
            ),
            self._at.label: gr.Dropdown(
                class_choices(self._classes[key]), value=self._classes[key][0]
            ),
            self._at.kept: left,
            self._at.gallery: captioned(left),
        }

    def cancelled(self) -> Shown:
        return {self._at.news: LIVE_CANCELLED, **self.ready()}

    def use_samples(self, key: str) -> Shown:
        return self._replace(first_samples(self._pictures, self._classes[key]))

    def remove_all(self) -> Shown:
        return self._replace([])

    def _replace(self, now: Labelled) -> Shown:
        return {self._at.kept: now, self._at.gallery: captioned(now)}
