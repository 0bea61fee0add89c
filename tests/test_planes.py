"""Every plane whose model is ticked is drawn, however many there are."""

import json
import re
from html import unescape

import gradio as gr
import pytest
from landscape_files import SMALL, save_images
from tiny import save_checkpoint

from qtdog.checkpoints import find
from qtdog.explorer import Explorer
from qtdog.landscape import subjects
from qtdog.landscape.plan import plan
from qtdog.landscape.precompute import run_all
from qtdog.ui.address import Address
from qtdog.ui.choices import domain_choice
from qtdog.ui.landscape.tab import landscape_tab

TARGET = "pacs/sketch"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """What the tab shows for its fields, of five networks of one seed."""
    root = tmp_path_factory.mktemp("planes")
    folder = root / "checkpoints" / "pacs" / "sketch"
    save_checkpoint(folder / "erm-seed0", "erm", 0)
    for bits in (8, 7, 6, 5):
        save_checkpoint(folder / f"qt-dog-{bits}bit-seed0", "qt-dog", 0, bits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QTDOG_CACHE", str(root / "cache"))
        jobs = plan(subjects(find(folder)), str(save_images(root)), SMALL)
        planes = [job for job in jobs if getattr(job.record, "kind", "") == "plane"]
        run_all(planes, root / "out", root / "unfinished", lambda done, name: None)
    explorer = Explorer(root / "checkpoints")
    with gr.Blocks() as page, gr.Tabs(), gr.Tab("Landscape") as tab:
        target = domain_choice(explorer.targets())
        landscape_tab(explorer, Address(), tab, target, root / "out")
    return next(one.fn for one in page.fns.values() if one.name == "show")


@pytest.mark.thorough
@pytest.mark.parametrize("count", [1, 4, 5])
def test_as_many_planes_are_drawn_as_models_are_ticked(tab, count):
    models = ["erm-seed0", *(f"qt-dog-{bits}bit-seed0" for bits in (8, 7, 6, 5))][:count]
    shown = tab(TARGET, "filter", "plane", "target", "loss", False, False, ",".join(models))
    (boxes,) = [value for value in shown.values() if isinstance(value, gr.CheckboxGroup)]
    assert len(boxes.choices) == 5
    assert sorted(boxes.value) == sorted(models)
    columns = [value for value in shown.values() if isinstance(value, gr.Column)]
    assert sum(column.visible for column in columns) == count
    drawn = [value for field, value in shown.items() if isinstance(field, gr.Plot) and value]
    assert len(drawn) == count
    assert len({json.dumps(one.data[0].zmax) for one in drawn}) == 1


@pytest.mark.thorough
def test_surfaces_of_all_that_are_ticked_have_one_scale(tab):
    names = ",".join(["erm-seed0", "qt-dog-8bit-seed0"])
    shown = tab(TARGET, "filter", "plane", "target", "loss", True, False, names)
    found = [re.findall('data-surface="(.*?)"', str(value)) for value in shown.values()]
    surfaces = [json.loads(unescape(text)) for texts in found for text in texts]
    assert [one["name"] for one in surfaces] == [
        "Full precision, seed 0",
        "QT-DoG, 8 bits, seed 0",
    ]
    assert surfaces[0]["limits"] == surfaces[1]["limits"]
    assert not [1 for field, value in shown.items() if isinstance(field, gr.Plot) and value]


@pytest.mark.thorough
def test_the_models_that_a_link_names_or_a_visitor_picked_are_ticked(tab):
    asked = "qt-dog-6bit-seed0,qt-dog-5bit-seed0,gone"
    shown = tab(TARGET, "filter", "plane", "target", "loss", False, False, asked)
    (boxes,) = [value for value in shown.values() if isinstance(value, gr.CheckboxGroup)]
    assert sorted(boxes.value) == ["qt-dog-5bit-seed0", "qt-dog-6bit-seed0"]


@pytest.mark.thorough
def test_at_first_one_network_of_each_method_is_ticked_and_drawn(tab):
    shown = tab(TARGET, "filter", "plane", "target", "loss", False, False)
    (boxes,) = [value for value in shown.values() if isinstance(value, gr.CheckboxGroup)]
    drawn = [value for field, value in shown.items() if isinstance(field, gr.Plot) and value]
    assert len(drawn) == 2
    assert boxes.value == ["erm-seed0", "qt-dog-8bit-seed0"]
