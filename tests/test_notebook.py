"""The notebook runs from beginning to end, and shows what the package says."""

import json

import nbformat
import numpy as np
import pytest
import torch
from documents import ROOT
from nbclient import NotebookClient
from PIL import Image

from qtdog import checkpoints
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.landscape import LossMeter, random_direction, weight_point
from qtdog.models import resize
from qtdog.places import SAMPLES

BOOK = ROOT / "notebooks" / "explore.ipynb"
SKETCH = ROOT / "checkpoints" / "pacs" / "sketch"
TELL = """print(json.dumps({
    "answers": {name: answers[name].tolist() for name in answers},
    "counts": counts,
    "qt-dog": right(networks["QT-DoG"], batch(networks["QT-DoG"])),
    "rises": {name: rise.tolist() for name, rise in measured.items()},
    "radii": RADII,
}))"""


@pytest.fixture(scope="module")
def book():
    return nbformat.read(BOOK, as_version=4)


@pytest.fixture(scope="module")
def told(book):
    """What the notebook's variables hold after its last cell."""
    book = nbformat.from_dict(book)
    book.cells.append(nbformat.v4.new_code_cell(TELL))
    client = NotebookClient(book, resources={"metadata": {"path": str(BOOK.parent)}})
    done = client.execute()
    shown = [one for cell in done.cells[:-1] for one in cell.get("outputs", ())]
    assert sum("application/vnd.plotly.v1+json" in one.get("data", {}) for one in shown) == 2
    return json.loads(done.cells[-1].outputs[0].text)


def test_it_is_stored_without_outputs(book):
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


@pytest.mark.slow
def test_its_answers_are_the_pages(told):
    picture = read_image(SAMPLES / "dog-pencil.png")
    answers = Explorer(ROOT / "checkpoints").classify(picture, "pacs/sketch")
    for name, answer in zip(("ERM", "QT-DoG", "EoQ"), answers, strict=True):
        assert told["answers"][name] == pytest.approx(answer.probabilities, abs=1e-4)


@pytest.mark.slow
def test_rounding_hurts_only_where_bits_are_few(told):
    counts = told["counts"]
    samples = len(json.loads((SAMPLES / "index.json").read_text(encoding="utf-8")))
    assert list(counts) == ["32", "8", "7", "6", "5", "4", "3", "2"]
    assert counts["32"] > samples / 2
    assert abs(counts["8"] - counts["32"]) <= 1
    assert counts["2"] < samples / 2
    assert samples / 2 < told["qt-dog"] <= samples


@pytest.mark.slow
def test_its_flatness_is_the_packages(told):
    """Of the first direction, at every radius."""
    entries = json.loads((SAMPLES / "index.json").read_text(encoding="utf-8"))
    for name, folder in (("ERM", "erm-seed0"), ("QT-DoG", "qt-dog-7bit-seed0")):
        loaded = checkpoints.load(SKETCH / folder)
        config = loaded.config
        images = [Image.open(SAMPLES / entry["file"]).convert("RGB") for entry in entries]
        pixels = np.stack([resize(image, config.image_size) for image in images])
        labels = np.array([config.classes.index(entry["class"]) for entry in entries])
        point = weight_point(loaded.networks[0])
        way = random_direction(point, "filter", 0, 0)

        def moved(radius: float, point=point, way=way) -> torch.Tensor:
            return point.vector + radius * way

        with LossMeter(point, pixels, labels, config.mean, config.std) as meter:
            points = [lambda r=r: moved(r) for r in (0.0, *told["radii"])]
            start, *rest = [one.loss for one in meter.read(points)]
        expected = [loss - start for loss in rest]
        assert told["rises"][name][0] == pytest.approx(expected, abs=1e-3)
