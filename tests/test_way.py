"""The picture of the way there: what it draws and says is what the record holds."""

import csv
import io
import json
import re

import numpy as np
import pytest
from pages import opening
from way_record import QUANTIZED, STEPS, way_record

from qtdog.landscape import Trajectories, store, to_csv
from qtdog.places import LANDSCAPES
from qtdog.ui.landscape import figures, way
from qtdog.ui.landscape.stored import load_stored

BUNDLED = [
    one
    for one in store.load_all(LANDSCAPES, "trajectories-*.json")[0]
    if isinstance(one, Trajectories)
]


@pytest.fixture(params=[way_record(), *BUNDLED], ids=lambda one: f"{one.images.split}-{one.held}")
def record(request) -> Trajectories:
    return request.param


def path(record: Trajectories, arm: int) -> dict:
    """Step -> point of one run's whole way."""
    return {one.step: one for one in (*record.trunk, *record.arms[arm].points)}


def test_the_picture_draws_the_plane_and_every_point_of_both_ways(record):
    drawn = way.picture(record, "loss", way.steps_of(record)[-1])
    plane = drawn.data[0]
    assert (list(plane.x), list(plane.y)) == (list(record.x), list(record.y))
    assert np.array_equal(plane.z, [[one.loss for one in row] for row in record.readings])
    lines = [one for one in drawn.data[1:] if one.mode == "lines+markers"]
    expected = [record.trunk, *((record.trunk[-1], *arm.points) for arm in record.arms)]
    assert [list(zip(one.x, one.y, strict=True)) for one in lines] == [
        [(point.x, point.y) for point in points] for points in expected
    ]
    last = [(one.x[0], one.y[0]) for one in drawn.data[-2:]]
    assert last == [(arm.points[-1].x, arm.points[-1].y) for arm in record.arms]
    (note,) = drawn.layout.annotations
    assert (note.x, note.y) == (record.trunk[-1].x, record.trunk[-1].y)
    assert f"{record.quantize_step:,}" in note.text
    accuracy = way.picture(record, "accuracy", 0).data[0].z
    right = [[100 * one.correct / record.images.count for one in row] for row in record.readings]
    assert np.allclose(accuracy, right)


def test_at_every_step_the_places_and_accuracies_are_the_records(record):
    frames = way.frames(record)
    assert [one["step"] for one in frames] == way.steps_of(record)
    for frame in frames:
        points = [path(record, arm)[frame["step"]] for arm in (0, 1)]
        assert frame["x"] == [one.x for one in points]
        assert frame["y"] == [one.y for one in points]
        said = [float(word.removesuffix(" %")) for word in frame["words"][2:]]
        wanted = [100 * v for one in points for v in (one.source_validation, one.target)]
        assert said == pytest.approx(wanted, abs=0.0501)
        assert frame["words"][0] == f"Step {frame['step']:,} of {record.steps:,}"
        assert ("one network" in frame["words"][1]) == (frame["step"] <= record.quantize_step)
    shown = way.numbers_at(record, frames[3]["step"])
    told = re.search('data-frames="(.*?)"', shown)
    assert told is not None
    assert json.loads(told[1].replace("&#34;", '"').replace("&quot;", '"')) == frames
    for word in frames[3]["words"]:
        assert word in shown


def test_the_sentence_the_table_and_the_download_say_the_same(record):
    held = way.held_sentence(record)
    assert f"{100 * record.held:.0f} %" in held
    assert f"{100 * sum(record.principal[:2]):.0f} %" in held
    shown = figures.numbers([record], [record])
    for arm in record.arms:
        assert f"{arm.points[-1].own_reading.loss:.3f}" in shown
        assert arm.command in shown
        assert arm.commit[:10] in shown
    rows = list(csv.DictReader(io.StringIO(to_csv([record]))))
    assert len(rows) == 2 * len(way.steps_of(record)) + len(record.x) * len(record.y)
    assert float(rows[0]["held-out accuracy"]) == record.trunk[0].target


def test_a_step_between_evaluations_is_the_one_before(record):
    steps = way.steps_of(record)
    for arm in record.arms:
        assert way.point_at(record, arm, steps[2] + 1).step == steps[2]
        assert way.point_at(record, arm, 0).step == steps[0]
        assert way.point_at(record, arm, 10**9).step == steps[-1]


def test_ways_are_of_runs_of_their_own_and_survive_the_round_trip(tmp_path):
    made = way_record()
    store.save(tmp_path, made)
    stored = load_stored(tmp_path, [])
    assert stored.records == (made,)
    assert stored.of("pacs/sketch", "target", "trajectories", "filter") == [made]
    assert stored.of("pacs/sketch", "source", "trajectories", "filter") == []
    assert stored.there_is("pacs/sketch", "trajectories") == ["held-out domain"]
    assert (QUANTIZED, STEPS[-1]) == (made.trunk[-1].step, made.arms[0].points[-1].step)


# In the browser ---------------------------------------------------------------------------------

PLACE = "#landscape-way"
MOVED = (
    "() => { const plot = document.querySelector('#landscape-way .js-plotly-plot');"
    " return plot?.data && plot.data.slice(-2).map((one) => [one.x[0], one.y[0]]); }"
)


def words(page) -> list[str]:
    return page.locator(f"{PLACE} [data-way]").all_inner_texts()


def bundled(split: str) -> Trajectories:
    of_split = [one for one in BUNDLED if one.images.split == split]
    return next(one for one in of_split if one.target_domain == "sketch")


@pytest.mark.thorough
def test_the_slider_moves_both_runs_and_play_goes_on(browser, shared_app):
    record = bundled("target")
    frames = {one["step"]: one for one in way.frames(record)}
    steps = list(frames)

    def wait_for(page, step: int) -> None:
        frame = frames[step]
        places = [list(pair) for pair in zip(frame["x"], frame["y"], strict=True)]
        page.wait_for_function(
            f"(wanted) => JSON.stringify(({MOVED})()) === JSON.stringify(wanted)", arg=places
        )
        assert words(page) == frame["words"]

    with opening(browser, shared_app) as open_one:
        page = open_one(
            f"?tab=landscape&landscape=trajectories&landscape-step={steps[3]}",
            reduced_motion="reduce",
        )
        page.locator(f"{PLACE} .js-plotly-plot .contourlayer").wait_for()
        wait_for(page, steps[3])
        slider = page.locator("#landscape-way-step input[type=range]")
        slider.focus()
        page.keyboard.press("ArrowRight")
        wait_for(page, steps[4])
        page.wait_for_function(f"location.search.includes('landscape-step={steps[4]}')")
        # Less motion: one evaluation a press, from the last on to the first.
        play = page.locator("#landscape-way-play")
        play.focus()
        page.keyboard.press("Enter")
        wait_for(page, steps[5])
        page.wait_for_timeout(1000)
        assert words(page) == frames[steps[5]]["words"]
        slider.focus()
        page.keyboard.press("End")
        wait_for(page, steps[-1])
        play.click()
        wait_for(page, steps[0])
        # With motion it runs to the end, and stops where it is pressed again.
        page.emulate_media(reduced_motion="no-preference")
        play.click()
        assert play.inner_text() == "Stop"
        wait_for(page, steps[2])
        play.click()
        assert play.inner_text() == "Play"
        at = words(page)
        page.wait_for_timeout(1500)
        assert words(page) == at
        # Other images: another plane, the same place on it.
        page.locator("#landscape-images label", has_text="Source domains").click()
        loss = [[one.loss for one in row] for row in bundled("source").readings]
        drawn = "document.querySelector('#landscape-way .js-plotly-plot').calcdata[0][0].z"
        page.wait_for_function(f"(loss) => Math.abs({drawn}[0][0] - loss) < 1e-9", arg=loss[0][0])
        assert page.evaluate(f"{drawn}.map((row) => [...row])") == loss
        assert words(page) == at
