"""Downloads of the Landscape tab: the numbers as CSV, the records as JSON."""

import json
from collections.abc import Sequence

import gradio as gr

from qtdog.csv_file import csv_bytes
from qtdog.landscape import Record, as_json, to_csv
from qtdog.ui.downloads import Downloads
from qtdog.ui.events import Shown

Buttons = tuple[gr.DownloadButton, gr.DownloadButton]


class Files:
    """What the tab's buttons offer."""

    def __init__(self) -> None:
        self._downloads = Downloads()

    def buttons(self, name: str) -> Buttons:
        """Lay out the two buttons, of no use until `offer` gives them files."""
        with gr.Row(elem_id=f"{name}-downloads"):
            csv = _button("Numbers (CSV)", f"{name}-csv")
            return csv, _button("Records (JSON)", f"{name}-json")

    def offer(self, buttons: Buttons, records: Sequence[Record], name: str) -> Shown:
        """Updates that let the buttons download `records`, or hide them where there are none."""
        if not records:
            return {button: gr.DownloadButton(visible=False) for button in buttons}
        whole = json.dumps(as_json(records), indent=1) + "\n"
        contents = (csv_bytes(to_csv(records)), whole.encode())
        shown = {}
        for button, content, kind in zip(buttons, contents, ("csv", "json"), strict=True):
            path = self._downloads.offer(f"{name}.{kind}", content)
            shown[button] = gr.DownloadButton(value=str(path), visible=True)
        return shown


def _button(text: str, name: str) -> gr.DownloadButton:
    return gr.DownloadButton(text, size="md", visible=False, elem_id=name)
