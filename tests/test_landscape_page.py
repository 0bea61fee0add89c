"""The Landscape tab in a real browser: stored landscapes and a measurement on the spot."""

import csv
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from landscape_files import save_images, save_landscapes, save_trunk
from pages import opening, sample
from servers import ROOT, running
from tiny import CLASSES

from qtdog.checkpoints import find
from qtdog.fair_lock import FairLock
from qtdog.landscape import (
    Curvature,
    FlatnessCurve,
    Surface,
    against_full_precision,
    increases,
    live,
    mean_and_error,
    side_by_side,
    store,
    subjects,
    title,
)
from qtdog.ui.landscape import figures as landscape_figures
from qtdog.ui.landscape.measuring import first_samples, measure
from qtdog.ui.landscape.planes import SURFACE_HEIGHT
from qtdog.ui.landscape.stored import is_rounded, load_stored
from qtdog.ui.samples import samples

pytestmark = pytest.mark.slow  # minutes in a browser; test_every_tab.py opens each tab by default


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return save_trunk(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def landscapes(zoo, tmp_path_factory):
    root = tmp_path_factory.mktemp("landscapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QTDOG_CACHE", str(root / "cache"))
        return save_landscapes(zoo, save_images(root), root / "out")


@pytest.fixture(scope="module")
def records(landscapes):
    found, problems = store.load_all(landscapes)
    assert problems == []
    return [one for one in found if not is_rounded(one)]


@pytest.fixture(scope="module")
def rounded(landscapes):
    return [one for one in store.load_all(landscapes)[0] if is_rounded(one)]


@pytest.fixture(scope="module")
def address(zoo, landscapes):
    script = str(ROOT / "tests" / "landscape_page.py")
    with running([script, str(zoo.parents[1]), str(landscapes)]) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """A fresh page on the tab, at flatness."""
    with opening(browser, address) as open_one:
        page = open_one("?tab=landscape&landscape=flatness")
        page.wait_for_selector("#landscape-numbers table")
        yield page


def cells(page, where):
    return [row.locator("th, td").all_inner_texts() for row in page.locator(f"{where} tr").all()]


def of_kind(records, kind):
    found = [one for one in records if isinstance(one, kind)]
    return {getattr(one, "model", None) and one.model.name: one for one in found}


def test_the_table_shows_the_measured_flatness(page, records):
    curves = of_kind(records, FlatnessCurve)
    rows = {row[0]: row for row in cells(page, "#landscape-numbers table")}
    names = {
        "Full precision, seed 0": "erm-seed0",
        "Full precision, averaged, seed 0": "erm-averaged-seed0",
        "QT-DoG, 7 bits, seed 0": "qt-dog-7bit-seed0",
    }
    for name, folder in names.items():
        curve = curves[folder]
        mean, error = mean_and_error(increases(curve))
        expected = [f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)]
        assert rows[name][3:] == expected
        assert rows[name][1] == f"{curve.centre.loss:.3f}"
    said = page.locator("#landscape-said .summary").inner_text()
    outcome = against_full_precision(list(curves.values()))
    assert f"{outcome.difference:+.3f}".replace("-", "\N{MINUS SIGN}") in said
    assert f"{outcome.error:.3f}" in said


def test_weights_rounded_again_are_shown_on_request(page, records, rounded):
    again = page.locator("#landscape-again")
    again.locator("input").check()
    page.wait_for_function(
        "document.querySelector('#landscape-numbers table').innerText.includes('rounded again')"
    )
    rows = {row[0]: row for row in cells(page, "#landscape-numbers table")}
    for name, curve in (
        ("QT-DoG, 7 bits, seed 0, rounded again", of_kind(rounded, FlatnessCurve)),
        ("Full precision, seed 0", of_kind(records, FlatnessCurve)),
    ):
        curve = curve["qt-dog-7bit-seed0" if "QT" in name else "erm-seed0"]
        mean, error = mean_and_error(increases(curve))
        assert rows[name][3:] == [f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)]
    assert "QT-DoG, 7 bits, seed 0" not in rows
    assert "rounded again" in page.locator("#landscape-said .summary").inner_text()
    page.locator("#landscape-kind label", has_text="Curvature").click()
    again.wait_for(state="hidden")


def test_a_model_can_be_left_out(page):
    page.locator("#landscape-models").get_by_label("Full precision, averaged, seed 0").uncheck()
    page.wait_for_function(
        "!document.querySelector('#landscape-numbers table').innerText.includes('averaged')"
    )
    assert page.locator("#landscape-numbers table").first.locator("tbody tr").count() == 2


def test_what_is_left_out_changes_no_verdict(page):
    said = page.locator("#landscape-said .summary").inner_text()
    page.locator("#landscape-models").get_by_label("QT-DoG, 7 bits, seed 0").uncheck()
    page.wait_for_function(
        "!document.querySelector('#landscape-numbers table').innerText.includes('QT-DoG')"
    )
    assert page.locator("#landscape-said .summary").inner_text() == said


# What is drawn on every surface's canvas, as one text each.
PIXELS = "[...document.querySelectorAll('.surface canvas')].map(one => one.toDataURL())"


def test_it_opens_with_surfaces_of_one_scale_and_one_shape(browser, address, records):
    planes = [one for one in records if isinstance(one, Surface) and one.kind == "plane"]
    with opening(browser, address) as open_one:
        page = open_one("?tab=landscape")
        page.wait_for_function(
            "document.querySelectorAll('.surface[data-drawn=loss] canvas').length === 3"
        )
        surfaces = page.evaluate(
            "[...document.querySelectorAll('.surface')].map(one => JSON.parse(one.dataset.surface))"
        )
        assert len({json.dumps(one["limits"]) for one in surfaces}) == 1
        assert {one["height"] for one in surfaces} == {SURFACE_HEIGHT}
        names = [one["name"] for one in surfaces]
        for plane in planes:
            seen = surfaces[names.index(title(plane.markers[0].model))]
            assert (seen["x"], seen["y"]) == (list(plane.x), list(plane.y))
            losses = [[reading.loss for reading in row] for row in plane.readings]
            assert np.allclose(seen["loss"], losses, atol=5e-5)
            assert seen["markers"][0]["loss"] == plane.markers[0].reading.loss
        said = page.locator("#landscape-said").inner_text()
        assert "than full precision" in said or "do not tell" in said
        assert "Curvature in the steepest direction" in said

        page.wait_for_timeout(500)  # at rest
        before = page.evaluate(PIXELS)
        assert len(set(before)) == 3  # three landscapes
        first = page.locator(".surface canvas").first
        first.press("ArrowRight")
        page.wait_for_function(
            f"before => ({PIXELS}).every((one, k) => one !== before[k])", arg=before
        )
        page.wait_for_timeout(500)
        turned = page.evaluate(PIXELS)
        box = first.bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 60, middle[1], steps=4)
        page.mouse.up()
        page.wait_for_function(
            f"before => ({PIXELS}).every((one, k) => one !== before[k])", arg=turned
        )


def test_a_click_on_a_surface_reads_the_same_point_in_all(browser, address, records):
    with opening(browser, address) as open_one:
        page = open_one("?tab=landscape")
        canvas = page.locator(".surface[data-drawn] canvas").first
        canvas.wait_for()
        box = canvas.bounding_box()
        # Below its middle stands the floor's nearer half: somewhere the surface lies before it.
        for part in (0.5, 0.55, 0.45, 0.6):
            page.mouse.click(box["x"] + 0.52 * box["width"], box["y"] + part * box["height"])
            said = page.locator("#landscape-picked").inner_text()
            if said.startswith("At the same point"):
                break
        x, y = map(float, re.match(r"At the same point \((.+), (.+)\):", said).groups())
        for one in records:
            if isinstance(one, Surface) and one.kind == "plane":
                reading = one.readings[np.abs(np.array(one.y) - y).argmin()][
                    np.abs(np.array(one.x) - x).argmin()
                ]
                share = 100 * reading.correct / one.images.count
                name = title(one.markers[0].model)
                assert f"{name}: {reading.loss:.3f} nats, {share:.1f} %" in said


def test_a_click_reads_the_same_point_in_every_plane(page, records):
    page.locator("#landscape-kind label", has_text="A plane around each model").click()
    page.locator("#landscape-3d input").uncheck()
    page.wait_for_function(
        "[...document.querySelectorAll('.js-plotly-plot')]"
        ".filter(p => p.data?.[0]?.type === 'contour').length === 3"
    )
    drag = page.locator("#landscape-plane-0 .js-plotly-plot .nsewdrag").first
    drag.scroll_into_view_if_needed()
    box = drag.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.wait_for_timeout(500)
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.wait_for_function(
        "document.querySelector('#landscape-picked').innerText.startsWith('At the same point')"
    )
    marks = page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].map(p => p.data.at(-1))"
        ".map(trace => [trace.x[0], trace.y[0]])"
    )
    assert len({tuple(mark) for mark in marks}) == 1
    (x, y) = marks[0]
    said = page.locator("#landscape-picked").inner_text()
    for one in records:
        if isinstance(one, Surface) and one.kind == "plane":
            reading = one.readings[one.y.index(y)][one.x.index(x)]
            share = 100 * reading.correct / one.images.count
            name = title(one.markers[0].model)
            assert f"{name}: {reading.loss:.3f} nats, {share:.1f} %" in said


def test_the_other_kinds_show_their_numbers(page, records):
    kind = page.locator("#landscape-kind")
    kind.locator("label", has_text="The plane through three models").click()
    page.wait_for_function("document.querySelectorAll('.surface canvas').length === 1")
    plane = next(one for one in records if getattr(one, "kind", "") == "three-models")
    rows = cells(page, "#landscape-numbers table")[1:]
    assert [row[2] for row in rows] == [f"{m.reading.loss:.3f}" for m in plane.markers]
    kind.locator("label", has_text="The line between two models").click()
    page.wait_for_selector("#landscape-numbers .charts svg")
    page.locator("#landscape-numbers summary").click()
    line = next(one for one in records if getattr(one, "kind", "") == "interpolation")
    rows = cells(page, "#landscape-numbers table")[1:]
    assert [row[1] for row in rows] == [f"{r.loss:.3f}" for r in line.readings[0]]
    lowest = min(reading.loss for reading in line.readings[0])
    assert f"{lowest:.3f} nats, is at" in page.locator("#landscape-said .summary").inner_text()
    kind.locator("label", has_text="Curvature").click()
    page.wait_for_function(
        "document.querySelector('#landscape-numbers').innerText.includes('largest eigenvalue')"
    )
    bent = of_kind(records, Curvature)["erm-seed0"]
    rows = {row[0]: row for row in cells(page, "#landscape-numbers table")}
    shown = rows["Full precision, seed 0"]
    assert shown[1].split(" ")[0] == f"{bent.eigenvalue:,.1f}"
    assert shown[2].split(" ")[0] == f"{np.mean(bent.traces):,.1f}"
    page.locator("#landscape-images label", has_text="Source domains").click()
    page.wait_for_function(
        "document.querySelector('#landscape-said').innerText.includes('not been measured')"
    )
    said = page.locator("#landscape-said .nothing").inner_text()
    assert "Measured is: held-out domain, relative to each filter" in said
    assert "source" not in said


def test_downloads_hold_every_number(page, records, tmp_path):
    page.wait_for_selector("#landscape-json")
    files = {}
    for kind in ("csv", "json"):
        with page.expect_download() as waiting:
            page.locator(f"#landscape-{kind}").click()
        waiting.value.save_as(tmp_path / kind)
        files[kind] = (tmp_path / kind).read_text(encoding="utf-8-sig")
    curves = of_kind(records, FlatnessCurve)
    whole = {one["model"]["name"]: one for one in json.loads(files["json"])}
    assert whole.keys() == curves.keys()
    sha = curves["qt-dog-7bit-seed0"].model.sha256
    assert whole["qt-dog-7bit-seed0"]["model"]["sha256"] == sha
    rows = list(csv.DictReader(files["csv"].splitlines()))
    one = next(
        row
        for row in rows
        if (row["model"], row["direction"], row["radius"]) == ("erm-seed0", "1", "0.1")
    )
    reading = curves["erm-seed0"].readings[1][curves["erm-seed0"].radii.index(0.1)]
    assert (float(one["loss"]), int(one["correct"])) == (reading.loss, reading.correct)


def test_a_measurement_on_the_spot_shows_what_the_library_measures(page, zoo):
    page.locator("#landscape-start").click()
    page.wait_for_function(
        "document.querySelector('#landscape-news').innerText.includes('12 directions in')"
    )
    found = subjects(find(zoo))
    from qtdog.checkpoints import load
    from qtdog.images import read_image

    labelled = first_samples(samples(), CLASSES)
    assert len(labelled) == 8
    assert len({name for _, name in labelled}) == 7
    steps = list(
        live.live_flatness(
            [load(one.folder) for one in side_by_side(found)],
            [read_image(path) for path, _ in labelled],
            [CLASSES.index(name) for _, name in labelled],
            "filter",
            FairLock(),
        )
    )
    rows = {row[0]: row for row in cells(page, "#landscape-live-shown table")}
    for curve in steps[-1].curves:
        mean, error = mean_and_error(increases(curve))
        shown = rows[landscape_figures.title(curve.model)]
        assert shown[3:] == [f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)]
    assert [step.done for step in steps] == list(range(1, 13))
    assert [step.finished for step in steps] == [False] * 11 + [True]
    # Coarse first: the first step is the first direction of the last.
    assert steps[0].curves[0].readings == steps[-1].curves[0].readings[:1]


def test_a_picture_of_ones_own_is_added_with_its_class(page):
    page.locator("#landscape-clear").click()
    page.locator("#landscape-gallery .thumbnail-item").first.wait_for(state="detached")
    page.locator("#landscape-start").click()
    page.wait_for_function(
        "document.querySelector('#landscape-news').innerText.includes('Add a picture')"
    )
    own = page.locator("#landscape-picture input[type=file]")
    own.set_input_files(sample("guitar-pencil").path)
    page.wait_for_function("document.querySelector('#landscape-class input').value === 'guitar'")
    page.locator("#landscape-add").click()
    page.wait_for_selector("#landscape-gallery .thumbnail-item")
    assert page.locator("#landscape-gallery .caption-label").all_inner_texts() == ["guitar"]
    page.locator("#landscape-start").click()
    page.wait_for_function(
        "document.querySelector('#landscape-live-shown').innerText.includes('(1/1)') ||"
        "document.querySelector('#landscape-live-shown').innerText.includes('(0/1)')"
    )


def test_a_measurement_can_be_cancelled(page):
    page.locator("#landscape-start").click()
    # The click belongs to the same moment as the news: these networks are soon done.
    page.wait_for_function(
        """() => {
            const news = document.querySelector("#landscape-news").innerText;
            if (!news.includes(" of 12 directions,")) return false;
            document.querySelector("#landscape-cancel").click();
            return true;
        }"""
    )
    page.wait_for_function(
        "document.querySelector('#landscape-news').innerText.startsWith('Cancelled')"
    )
    page.wait_for_timeout(1500)
    assert page.locator("#landscape-news").inner_text().startswith("Cancelled")
    assert page.locator("#landscape-live-shown table").count() == 1
    assert page.locator("#landscape-start").is_enabled()
    assert page.locator("#landscape-cancel").is_disabled()


def test_nothing_is_wider_than_the_screen(page):
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_endpoints_answer_and_refuse_in_sentences(address, records):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    stored = client.predict("pacs/sketch", "target", "curvature", api_name="/landscape")
    bent = of_kind(records, Curvature)
    assert {one["model"]["name"]: one["eigenvalue"] for one in stored} == {
        name: one.eigenvalue for name, one in bent.items()
    }
    with pytest.raises(Exception, match="There are: plane, flatness"):
        client.predict("pacs/sketch", "target", "depth", api_name="/landscape")
    file = gradio_client.handle_file(str(samples()[0].path))
    measured = client.predict([file], "dog", api_name="/landscape_live")
    assert len(measured) == 3
    assert len(measured[0]["readings"]) == 12
    for words, reason in (
        ((["cow"], "pacs/sketch"), "There is no class 'cow'"),
        ((["dog"], "pacs/nowhere"), "There are: pacs/sketch"),
        ((["dog", "cat"], "pacs/sketch"), "1 pictures and 2 classes"),
    ):
        with pytest.raises(Exception, match=reason) as raised:
            client.predict([file], ",".join(words[0]), words[1], api_name="/landscape_live")
        assert "Traceback" not in str(raised.value)


def test_landscapes_of_other_checkpoints_are_not_shown(landscapes, zoo):
    found = subjects(find(zoo))
    assert len(load_stored(landscapes, found).records) == 13
    few = load_stored(landscapes, [one for one in found if one.model.method == "erm"])
    names = {name for one in few.records for name in re.findall(r"[a-z-]+\d?\S*seed0", repr(one))}
    assert not any("qt-dog" in name for name in names)
    assert len(few.records) == 6
    broken = landscapes / "pacs" / "sketch" / "broken.json"
    broken.write_text("{")
    try:
        assert load_stored(landscapes, found).problems == (
            "pacs/sketch/broken.json is not JSON: it is truncated or another file.",
        )
    finally:
        broken.unlink()


def test_limits_of_a_live_measurement():
    with pytest.raises(ValueError, match="one to 3 models"):
        next(live.live_flatness([None] * 4, [None], [0], "filter", None))
    with pytest.raises(ValueError, match="one to 16 pictures"):
        next(live.live_flatness([None], [None] * 17, [0] * 17, "filter", None))


def test_a_picture_that_was_deleted_meanwhile_is_told_with_what_to_do(tmp_path):
    network = SimpleNamespace(folder=tmp_path / "erm-seed0")
    gone = [(str(tmp_path / "gone.png"), "dog")]
    asked = measure(None, [network], gone, ["erm-seed0"], ["dog"], "filter", False)
    with pytest.raises(ValueError, match=r"no longer on the server: remove all") as raised:
        next(asked)
    assert str(tmp_path) not in str(raised.value)
