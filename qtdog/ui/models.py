"""Which checkpoints the page shows, and a field to open another set beside them."""

from dataclasses import asdict
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from qtdog.catalogue import Target
from qtdog.checkpoints import CheckpointError
from qtdog.explorer import Explorer
from qtdog.opening import GUEST_COLUMNS, Guest, Guests
from qtdog.ui import figures
from qtdog.ui.events import OPENING_QUEUE, alone, torch_endpoint, torch_event
from qtdog.ui.picture import picture_field, read_or_say_why

MOST_CLASSES = 30
ASKING = "Another set of checkpoints"
HINT = (
    "A repository on the Hugging Face Hub, ORG/REPO or ORG/REPO@REVISION, or a folder on the "
    "machine that runs this page. Only config.json, index.json and safetensors files are read."
)


def models_section(explorer: Explorer, guests: Guests | None, opened: gr.State) -> None:
    """What is shown, and unless `guests` is None a field to open another set; `opened` holds its
    key, or nothing, for this visitor."""
    gr.HTML(shown(explorer), padding=False, elem_id="models-shown")

    def checkpoint_source() -> dict[str, Any]:
        """Which checkpoints the page shows.

        Returns the kind ("bundled", "folder" or "hub"), the name, for a Hub repository its
        revision and commit, and a notice when it is not what was asked for.
        """
        return asdict(explorer.checkpoint_set.describe())

    gr.api(checkpoint_source, api_name="checkpoint_source")
    if guests is None:
        return

    with gr.Row(elem_id="open-models"):
        address = gr.Textbox(
            label=ASKING, info=HINT, placeholder="ORG/REPO@REVISION", max_lines=1, scale=5
        )
        button = gr.Button("Open", scale=1, min_width=110)
    answer = gr.HTML(elem_id="opened-models", padding=False)

    def open_set(text: str, progress: gr.Progress = gr.Progress()) -> tuple[str, str]:  # noqa: B008
        try:
            guest = _open(guests, text, progress)
        except CheckpointError as error:
            return figures.notices([str(error)]), ""
        return opened_set(guest), guest.key

    gr.on(
        [button.click, address.submit],
        open_set,
        address,
        [answer, opened],
        api_visibility="private",
        **alone(OPENING_QUEUE),
    )

    def open_models(address: str) -> dict[str, Any]:
        """Open another set of checkpoints, for /classify_opened.

        address: ORG/REPO or ORG/REPO@REVISION on the Hugging Face Hub, or a folder on the machine
        that runs the page. Returns its key, where it is from, its targets with their classes, and
        one sentence for every checkpoint that cannot be used.
        """
        try:
            return asdict(_open(guests, address))
        except CheckpointError as error:
            raise gr.Error(str(error), print_exception=False) from None

    gr.api(open_models, api_name="open_models", **alone(OPENING_QUEUE))


def opened_columns(guests: Guests, opened: gr.State, picture: Component, target: Component) -> None:
    """The cards of the set that this visitor opened, for the picture and target of Try it."""
    columns = gr.HTML(visible=False, elem_id="opened-columns", padding=False)

    def answer(key: str, path: str | None, target: str) -> Any:
        if not key or path is None:
            return gr.update(visible=False, value="")
        try:
            answers = guests.classify(key, read_or_say_why(path), target)
        except CheckpointError as error:
            return gr.update(visible=True, value=figures.notices([str(error)]))
        cards = "".join(figures.card(one) for one in answers)
        shown = f'<h3>From the set that you opened</h3><div class="cards">{cards}</div>'
        return gr.update(visible=True, value=shown)

    gr.on(
        [opened.change, picture.change, target.change],
        answer,
        [opened, picture, target],
        columns,
        **torch_event(columns),
    )

    def classify_opened(key: str, image: str, target: str = "") -> list[dict[str, Any]]:
        """Classify one picture with the models of an opened set.

        key: as /open_models gave it. image: a picture file. target: "dataset/domain"; by default,
        or when the set has no such target, its first one. Returns one record a model, as /classify.
        """
        try:
            answers = guests.classify(key, read_or_say_why(image), target)
        except CheckpointError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return [asdict(one) for one in answers]

    # The endpoint's own fields, which the page does not show.
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


def shown(explorer: Explorer) -> str:
    """HTML: where the page's own checkpoints are from, any notice, and what they can be asked."""
    origin = explorer.checkpoint_set.describe()
    notice = figures.notices([origin.notice]) if origin.notice else ""
    place = f'<p class="origin">Shown are {escape(origin.phrase)}.</p>'
    return f"{notice}{place}{_targets(explorer.targets())}"


def opened_set(guest: Guest) -> str:
    """HTML: the same of an opened set, and what is wrong with it."""
    place = (
        f'<p class="origin" role="status">Opened: {escape(guest.origin.phrase)}. Its models '
        f"(at most {GUEST_COLUMNS}, EoQ and QT-DoG first) now answer beside ours under Try it.</p>"
    )
    return f"{figures.notices(guest.problems)}{place}{_targets(guest.targets)}"


def _open(guests: Guests, text: str, progress: gr.Progress | None = None) -> Guest:
    def show(done: int, total: int) -> None:
        if progress is not None:
            progress((done, total), desc="Downloading", unit="bytes")

    return guests.open(text, show)


def _targets(targets: tuple[Target, ...]) -> str:
    rows = ""
    for one in targets:
        classes = ", ".join(map(figures.plain, one.classes[:MOST_CLASSES]))
        if len(one.classes) > MOST_CLASSES:
            classes += f" and {len(one.classes) - MOST_CLASSES:,} more"
        cells = [
            f"{figures.plain(one.domain)} ({one.dataset.upper()})",
            ", ".join(map(figures.plain, one.source_domains)),
            classes,
        ]
        rows += "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    head = "<tr><th>held-out domain</th><th>trained on</th><th>classes</th></tr>"
    return f'<div class="wide"><table class="sets">{head}{rows}</table></div>'
