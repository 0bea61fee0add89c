"""The Train it tab: a place that the modules in qtdog/web/toy fill in the browser."""

from pathlib import Path

from qtdog.toy import FORMAT, ToyRecord, read_record
from qtdog.ui.figures import notices
from qtdog.ui.markup import Html, Markup, html
from qtdog.ui.train import words

SCRIPT = Path(__file__).with_name("train.js").read_text(encoding="utf-8")


def train_tab() -> None:
    """Lay out the tab. Nothing of it asks the server: training runs in the browser."""
    try:
        record = read_record()
    except (OSError, ValueError):
        Html(notices([words.NO_RECORD]), padding=False)
        return
    Html(_place(record), js_on_load=SCRIPT, padding=False, elem_id="train-it")


def _place(record: ToyRecord) -> Markup:
    said = FORMAT.content(record, left_out=("processor", "seconds")).decode()
    return html('<div class="toy-place" data-record="{}">{}</div>', said, words.LOADING)
