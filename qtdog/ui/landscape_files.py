"""Downloads of the Landscape tab: the numbers as CSV, the records as JSON."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from qtdog.atomic import write_atomically
from qtdog.landscape.export import as_json, to_csv
from qtdog.landscape.records import Record
from qtdog.ui.events import Shown

Buttons = tuple[gr.DownloadButton, gr.DownloadButton]


class Files:
    """Writes what is offered for download into a folder that goes with the process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="qtdog-landscape-")

    def buttons(self, name: str) -> Buttons:
        """Lay out the two buttons, of no use until `offer` gives them files."""
        with gr.Row(elem_id=f"{name}-downloads"):
            return tuple(
                gr.DownloadButton(text, size="md", visible=False, elem_id=f"{name}-{kind}")
                for text, kind in (("Numbers (CSV)", "csv"), ("Records (JSON)", "json"))
            )

    def offer(self, buttons: Buttons, records: Sequence[Record], name: str) -> Shown:
        """Updates that let the buttons download `records`, or hide them where there are none."""
        if not records:
            return {button: gr.DownloadButton(visible=False) for button in buttons}
        whole = json.dumps(as_json(records), indent=1) + "\n"
        numbers = to_csv(records)
        # Other records, another folder: a file that somebody is downloading never changes.
        folder = Path(self._folder.name) / hashlib.sha256(whole.encode()).hexdigest()[:16]
        shown = {}
        for button, text, kind in zip(buttons, (numbers, whole), ("csv", "json"), strict=True):
            path = folder / f"{name}.{kind}"
            if not path.exists():
                write_atomically(path, lambda handle, text=text: handle.write(text.encode()))
            shown[button] = gr.DownloadButton(value=str(path), visible=True)
        return shown
