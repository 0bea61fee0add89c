"""What scripts and agents can ask about the page's checkpoints, and of other sets."""

from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.events import api

from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer, Guests
from qtdog.ui.events import OPENING_QUEUE, alone, torch_endpoint
from qtdog.ui.markup import refusal
from qtdog.ui.picture import picture_field, read_or_say_why


def add_checkpoint_source(explorer: Explorer) -> None:
    """Add /checkpoint_source to the page."""

    def checkpoint_source() -> dict[str, Any]:
        """Which checkpoints the page shows.

        Returns the kind ("bundled", "folder" or "hub"), the name, for a Hub repository its
        revision and commit, and a notice when it is not what was asked for.
        """
        return asdict(explorer.checkpoint_set.describe())

    api(checkpoint_source, api_name="checkpoint_source")


def add_open_models(guests: Guests) -> None:
    """Add /open_models to the page."""

    def open_models(address: str) -> dict[str, Any]:
        """Open another set of checkpoints, for /classify_opened.

        address: ORG/REPO or ORG/REPO@REVISION on the Hugging Face Hub, or, where the page runs on
        one's own machine alone, a folder there. Returns its key, where it is from, its targets with
        their classes, and one sentence for every checkpoint that cannot be used.
        """
        try:
            return asdict(guests.open(address))
        except CheckpointError as error:
            raise refusal(error) from None

    api(open_models, api_name="open_models", **alone(OPENING_QUEUE))


def add_classify_opened(guests: Guests) -> None:
    """Add /classify_opened to the page."""

    def classify_opened(key: str, image: str, target: str = "") -> list[dict[str, Any]]:
        """Classify one picture with the models of an opened set.

        key: as /open_models gave it. image: a picture file. target: "dataset/domain"; by default,
        or when the set has no such target, its first one. Returns one record a model, as /classify.
        """
        try:
            answers = guests.classify(key, read_or_say_why(image), target)
        except CheckpointError as error:
            raise refusal(error) from None
        return [asdict(one) for one in answers]

    # Its fields, which the page does not show.
    named = gr.Textbox(visible=False, label="key")
    file = picture_field(visible=False, label="image")
    of = gr.Textbox("", visible=False, label="target")
    gr.Button(visible=False).click(
        classify_opened,
        [named, file, of],
        gr.JSON(visible=False, label="predictions"),
        api_name="classify_opened",
        **torch_endpoint(),
    )
