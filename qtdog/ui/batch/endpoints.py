"""What scripts and agents can ask of many pictures."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from qtdog.explorer import (
    Explorer,
    Row,
    accuracies,
    agreements,
    classify_files,
    confusion,
    models_of,
    open_batch,
)
from qtdog.ui.events import BATCH_QUEUE, alone
from qtdog.ui.markup import refusal


def add_endpoint(explorer: Explorer) -> None:
    """Add /batch to the page."""
    targets = {target.key: target for target in explorer.targets()}
    first = next(iter(targets))

    def batch(files: list[str], target: str = first) -> dict[str, Any]:
        """Classify many pictures with every model of a held-out domain.

        files: picture files and zip archives of pictures; inside an archive, the nearest folder
        named like a class is the picture's class. target: "dataset/domain".
        Returns `rows` (file, known class, each model's class and confidence, the problem),
        `accuracy` by model with counts, `confusion` by model (known class down, answer across, in
        the order of `classes`) and `agreement` between models.
        """
        try:
            if target not in targets:
                raise ValueError(
                    f"There are no models for '{target}'. There are: {', '.join(targets)}."
                )
            classes = targets[target].classes
            with open_batch(files or [], classes) as opened:
                rows = [row for chunk in classify_files(explorer, opened, target) for row in chunk]
        except ValueError as error:
            raise refusal(explorer.without_root(error)) from None
        known = accuracies(rows)
        return {
            "classes": classes,
            "rows": [_record(row) for row in rows],
            "accuracy": {model: asdict(one) for model, one in known.items()},
            "confusion": {
                model: confusion(rows, model, classes).tolist()
                for model in (models_of(rows) if known else ())
            },
            "agreement": [asdict(one) for one in agreements(rows)],
        }

    # Its fields, which the page does not show.
    with gr.Row(visible=False):
        gr.Button().click(
            batch,
            [gr.File(file_count="multiple", label="files"), gr.Textbox(first, label="target")],
            gr.JSON(label="results"),
            api_name="batch",
            **alone(BATCH_QUEUE),
        )


def _record(row: Row) -> dict[str, Any]:
    """What the API tells of a picture: not the picture itself."""
    record = asdict(row)
    del record["thumbnail"]
    return record
