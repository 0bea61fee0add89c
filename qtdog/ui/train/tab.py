"""The Train it tab: a place that the modules in qtdog/web/toy fill in the browser."""

from pathlib import Path

from qtdog.toy import FORMAT, ToyRecord, read_record
from qtdog.ui.figures import notices
from qtdog.ui.markup import Html, Markup, html
from qtdog.ui.train import words

SCRIPT = Path(__file__).with_name("train.js").read_text(encoding="utf-8")
SMALL = "?toy-hide=scenes,controls,domains,scores,curves,luck,claims"
"""Of the tab, the weights and the valleys."""


def train_tab() -> None:
    """Lay out the tab. Nothing of it asks the server: training runs in the browser."""
    record = recorded()
    if record is None:
        Html(notices([words.NO_RECORD]), padding=False)
        return
    training_place(record)


def training_place(record: ToyRecord, fixed: str = "") -> None:
    """Lay out the place where training is watched. `fixed`: the settings, as an address has them,
    of one that neither reads the page's address nor changes it."""
    Html(place(record, fixed), js_on_load=SCRIPT, padding=False)


def recorded() -> ToyRecord | None:
    """What was measured, or None where its file cannot be read."""
    try:
        return read_record()
    except (OSError, ValueError):
        return None


def place(record: ToyRecord, fixed: str = "") -> Markup:
    """The place itself, for whoever mounts the modules in it; `fixed` as above."""
    said = FORMAT.content(record, left_out=("processor", "seconds")).decode()
    return html(
        '<div class="train-place" data-fixed="{}" data-record="{}">{}</div>',
        fixed,
        said,
        words.NO_SCRIPT,
    )
