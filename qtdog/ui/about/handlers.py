"""What a visitor is told who opens another set of checkpoints."""

from typing import Any

import gradio as gr

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Guest, Guests
from qtdog.ui.about import figures
from qtdog.ui.figures import notices
from qtdog.ui.picture import read_or_say_why


class Handlers:
    """Of the field that opens a set, and of the place for its answers."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests

    def open_set(
        self,
        text: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str]:
        """The set that `text` names: what it can be asked, and its key; why not, and no key."""

        def show(done: int, total: int) -> None:
            progress((done, total), desc="Downloading", unit="bytes")

        try:
            guest: Guest = self._guests.open(text, show)
        except CheckpointError as error:
            return notices([str(error)]), ""
        return figures.opened_set(guest), guest.key

    def answer(self, key: str, path: str | None, target: str) -> Any:
        """The opened set's cards for Try it's picture and held-out domain."""
        if not key or path is None:
            return gr.update(visible=False, value="")
        try:
            answers = self._guests.classify(key, read_or_say_why(path), target)
        except CheckpointError as error:
            return gr.update(visible=True, value=notices([str(error)]))
        return gr.update(visible=True, value=figures.opened_cards(answers))
