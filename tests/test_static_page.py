"""The explorer without a server: its tabs, address, names from strangers, and whom it lets in."""

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path

import evil
import pytest
import static_site
import tiny
from pages import PHONE, open_page
from playwright.sync_api import Page, expect

from qtdog import checkpoints
from qtdog.accuracy import Accuracy
from qtdog.checkpoints import load_config, storage
from qtdog.explorer import SHIFTS, Explorer, shrink
from qtdog.images import read_image
from qtdog.places import SAMPLES
from qtdog.results import load_results
from qtdog.ui.quantize.measured import measured_at
from qtdog.ui.shift import figures

TABS = ("try", "shift", "train", "results", "landscape", "quantize", "learn", "about")
ANSWERING = ("try", "shift", "quantize")
NARROW = {"width": 320, "height": 700}
READY = {
    "try": "#answers .card >> nth=2",
    "shift": "#answers .card >> nth=2",
    "train": "#panel-train .train-scores",
    "quantize": "#answers .card >> nth=1",
    "results": "#panel-results .results-table",
    "landscape": "#panel-landscape .summary, #panel-landscape .nothing",
    "learn": "#learn-step-1 .step-title",
    "about": "#about table",
}


@pytest.fixture(scope="module")
def address(static_address):
    return static_address


def all_answered(page: Page) -> None:
    page.locator("#answers .card").nth(2).wait_for()


@pytest.mark.thorough
def test_every_tab_opens_and_the_address_opens_it_again(browser, address):
    page = open_page(browser, address, "?landscape-3d=false")
    for name in TABS:
        page.click(f"[data-tab={name}]")
        page.locator(READY[name]).first.wait_for()
        assert ("tab=" + name in page.url) == (name != "try")
    page.click("[data-tab=shift]")
    page.select_option("#shift", "blur")
    page.fill("#severity", "4.5")
    page.click("[data-sample='horse-line']")
    page.locator("#shown[aria-label^='Line drawing of a horse']").wait_for()
    page.locator("#answers .summary", has_text="class is horse").wait_for()
    shown, url = page.inner_text("#answers .summary"), page.url
    assert "shift=blur" in url
    assert "severity=4.5" in url
    assert "sample=horse-line" in url
    again = open_page(browser, address, url.removeprefix(address))
    again.locator("#answers .summary", has_text="class is horse").wait_for()
    all_answered(again)
    assert again.input_value("#severity") == "4.5"
    again.wait_for_function(  # not those of the picture before it was shifted
        "shown => document.querySelector('#answers .summary')?.innerText === shown", arg=shown
    )
    assert (page.complaints, again.complaints) == ([], [])
    page.close()
    again.close()


@pytest.mark.thorough
def test_an_address_that_says_what_there_is_not_is_told(browser, address):
    page = open_page(browser, address, "?domain=pacs/moon&severity=9&sample=dog-line")
    page.locator("#picture-notice:visible").wait_for()
    assert "domain=pacs/moon, severity=9" in page.inner_text("#picture-notice")
    page.close()


def _check(page: Page, names: tuple[str, ...]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for name in names:
        page.click(f"[data-tab={name}]")
        page.locator(READY[name]).first.wait_for()
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
        found = axe.run(page, options=rules).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name


@pytest.mark.thorough
def test_nobody_is_left_out(browser, address):
    page = open_page(browser, address, bypass_csp=True, color_scheme="dark", viewport=NARROW)
    all_answered(page)
    _check(page, ANSWERING)
    assert page.complaints == []
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": PHONE}])
def test_nobody_is_left_out_of_any_tab(browser, address, options):
    page = open_page(browser, address, bypass_csp=True, **options)
    _check(page, TABS)
    assert page.complaints == []
    page.close()


@pytest.mark.thorough
def test_it_is_used_with_the_keyboard_alone(browser, address):
    page = open_page(browser, address)
    all_answered(page)
    page.focus("[data-tab=try]")
    page.keyboard.press("ArrowRight")
    page.locator("#shift-tools:visible").wait_for()
    page.focus("[data-sample='giraffe-pencil']")
    page.keyboard.press("Enter")
    page.locator("#shown[aria-label^='Pencil drawing of a spotted giraffe']").wait_for()
    page.fill("#severity", "0.5")
    page.focus("#severity")
    for expected in ("1", "2"):
        page.keyboard.press("ArrowRight")
        assert page.input_value("#severity") == expected
    page.close()


@pytest.mark.thorough
def test_the_strip_shows_what_every_severity_does_and_leads_there(browser, address):
    page = open_page(browser, address, "?tab=shift&shift=blur&sample=horse-line")
    page.locator("#strip:not(.stale) li >> nth=5").wait_for()
    first = page.inner_text("#strip-said")
    page.click("#strip-frames [data-severity='5']")
    page.locator("#strip-frames [aria-pressed=true][data-severity='5']").wait_for()
    assert page.input_value("#severity") == "5"
    assert "severity=5" in page.url
    said = page.locator("#strip-frames > li >> nth=5").locator(".verdicts .class").all_inner_texts()
    page.locator("#answers .summary").wait_for()
    cards = page.locator("#answers .card .verdict strong").all_inner_texts()
    assert said == cards
    assert page.inner_text("#strip-said") == first
    page.select_option("#shift", "rotation")
    page.locator("#strip-frames[aria-label^='Rotation']").wait_for()
    page.click("#draw")  # nothing stands still there
    page.locator("#strip").wait_for(state="hidden")
    assert page.complaints == []
    page.close()


@pytest.mark.thorough
def test_quantize_tells_what_was_measured_and_shows_a_layer_on_its_grid(
    browser, address, static_set, static_folder
):
    page = open_page(browser, address, "?tab=quantize&bits=7")
    page.locator("#layer-chart svg").wait_for()
    reference = load_config(static_set / "pacs" / "sketch" / "erm-seed0")
    measured = load_results(static_folder.parents[2] / "results").measured
    for bits in (7, 4):
        page.fill("#bits", str(bits))
        page.locator("#layer-said", has_text=f"At {bits} bits").wait_for()
        expected = re.sub("<.*?>", "", measured_at(bits, reference, measured))
        assert page.inner_text("#measured").strip() == expected.strip()
        assert f"{2**bits} levels" in page.get_attribute("#layer-chart svg", "aria-label")
    before = page.inner_text("#layer-said")
    page.select_option("#layer", index=0)
    page.wait_for_function(
        "(before) => document.querySelector('#layer-said').innerText !== before", arg=before
    )
    assert page.complaints == []
    page.close()


def _lines(text: str) -> list[list[str]]:
    return list(csv.reader(text.removeprefix("\ufeff").splitlines()))


@pytest.mark.thorough
def test_the_watched_class_is_drawn_over_every_severity_and_saved(
    browser, address, static_set, tmp_path
):
    query = "?tab=shift&shift=blur&sample=horse-line&severity=2.5&shift-class=elephant"
    page = open_page(browser, address, query)
    page.locator("#strip-chart figcaption", has_text="Probability of elephant").wait_for()
    assert page.input_value("#shift-class") == "elephant"
    explorer, shift, watched = Explorer(static_set), SHIFTS["blur"], "elephant"
    image = shrink(read_image(SAMPLES / "horse-line.png"))
    steps = explorer.classify_many(shift.series(image), static_site.SKETCH)
    wanted = figures.to_csv(
        steps, watched, shift, static_site.SKETCH, explorer.names(static_site.SKETCH)
    )
    with page.expect_download() as download:
        page.click("#strip-save a")
    download.value.save_as(tmp_path / "blur.csv")
    found = _lines((tmp_path / "blur.csv").read_text(encoding="utf-8"))
    for line, other in zip(found, _lines(wanted), strict=True):
        assert line[:7] == other[:7]
        if other[7] != "its probability":
            numbers, expected = ([float(one) for one in each[7:]] for each in (line, other))
            assert numbers == pytest.approx(expected, abs=2e-3)
    here = [
        one.probabilities[one.classes.index(watched)]
        for one in explorer.classify(shift.apply(image, 2.5), static_site.SKETCH)
    ]
    drawn = page.locator("#strip-chart .marker title").all_text_contents()
    assert sorted(float(one.split(": ")[1]) for one in drawn if one.startswith("2.5: ")) == (
        pytest.approx(sorted(100 * one for one in here), abs=0.3)
    )
    page.select_option("#shift-class", "dog")
    page.locator("#strip-chart figcaption", has_text="Probability of dog").wait_for()
    assert "shift-class=dog" in page.url
    page.click("[data-sample='giraffe-pencil']")  # which is watched for what it shows
    page.locator("#strip-chart figcaption", has_text="Probability of giraffe").wait_for()
    assert "shift-class" not in page.url
    assert page.complaints == []
    page.close()


CHOSEN_LAYER = "(name) => document.querySelector('#weights-layer').value === name"


@pytest.mark.thorough
def test_a_layer_of_two_networks_is_chosen_by_a_click_and_the_table_saved(
    browser, address, static_set, tmp_path
):
    query = "?tab=quantize&quantize=weights&weights-second=pacs/sketch/qt-dog-7bit-seed1"
    page = open_page(browser, address, query)
    page.locator("#weights-pair svg").nth(1).wait_for()
    assert page.inner_text("#weights-said").startswith(
        "Full precision, seed 0 and QT-DoG (7 bits), seed 1 are"
    )
    bar = page.locator("#weights-layers rect[data-layer]").nth(2)
    name = bar.get_attribute("data-layer")
    bar.click()
    page.wait_for_function(CHOSEN_LAYER, arg=name)
    assert f"weights-layer={name}" in page.url
    page.locator("#weights-layer-said", has_text=" apart, cosine ").wait_for()
    assert page.locator("#weights-channels tbody tr").count() > 1
    again = open_page(browser, address, page.url.removeprefix(address))
    again.wait_for_function(CHOSEN_LAYER, arg=name)
    with page.expect_download() as download:
        page.click("#weights-save a")
    download.value.save_as(tmp_path / "weights.csv")
    rows = list(csv.DictReader((tmp_path / "weights.csv").open(encoding="utf-8-sig")))
    assert rows[0]["second"] == "sketch (PACS): QT-DoG (7 bits), seed 1"
    assert rows[2]["layer"] == name
    assert (page.complaints, again.complaints) == ([], [])
    page.close()
    again.close()


def _evil_set(root):
    """The evil texts of tests/evil.py in folders whose names an index may hold."""
    size, tiny.SIZE = tiny.SIZE, 32
    try:
        folders = []
        for name, method, seed, bits in (("erm", "erm", 0, 32), ("q0", "qt-dog", 0, 7)):
            config = evil.evil_config(method, seed, bits)
            stored = storage.store(tiny.random_network(seed, bits if bits < 32 else None))
            folders.append(root / "a" / "b" / name)
            checkpoints.save(folders[-1], stored, config, "step\n")
        ensemble = dataclasses.replace(
            evil.evil_config("eoq", 9, 7),
            source_validation=(),
            training=None,
            target=Accuracy(70, 100),
        )
        checkpoints.save_ensemble(root / "a" / "b" / "eoq", folders[1:], ensemble)
    finally:
        tiny.SIZE = size
    return root


@pytest.mark.thorough
def test_no_name_in_a_set_runs_a_script(browser, tmp_path):
    results = static_site.few_results(tmp_path / "results")
    folder = static_site.exported(_evil_set(tmp_path / "set"), tmp_path / "site", results)
    with static_site.serving(folder) as address:
        page = open_page(browser, address, "?look=true", bypass_csp=True)
        all_answered(page)
        for name in TABS:
            page.click(f"[data-tab={name}]")
            page.locator(READY[name]).first.wait_for()
            assert page.evaluate("window.evil") is None, name
            assert page.locator("img[src='x']").count() == 0, name
        assert evil.EVIL.split("<")[0] in page.locator("#about").inner_text()
        page.close()


@pytest.mark.thorough
def test_every_data_set_has_its_own_samples(browser, tmp_path, static_set):
    """Beside PACS, one of the networks as if it knew things of an office."""
    root = Path(shutil.copytree(static_set, tmp_path / "set"))
    other = root / "office_caltech" / "amazon" / "erm-seed0"
    shutil.copytree(root / "pacs" / "sketch" / "erm-seed0", other)
    things = ["bike", "calculator", "keyboard", "laptop", "mouse", "mug", "projector"]
    known = {"dataset": "office_caltech", "target_domain": "amazon", "classes": things}
    config = json.loads((other / "config.json").read_bytes())
    (other / "config.json").write_text(json.dumps(config | known))
    results = static_site.few_results(tmp_path / "results")
    folder = static_site.exported(root, tmp_path / "site", results, tmp_path / "no landscapes")
    shown = "#sample-list li:visible [data-sample]"
    with static_site.serving(folder) as address:
        page = open_page(browser, address, "?domain=office_caltech/amazon")
        page.locator("#answers .card").wait_for()
        names = [one.get_attribute("data-sample") for one in page.locator(shown).all()]
        assert sorted({name.partition("-")[0] for name in names}) == things
        page.click("[data-sample='mug-pencil']")
        page.locator("#answers .summary", has_text="class is mug").wait_for()
        page.select_option("#domain", "pacs/sketch")
        expect(page.locator(shown)).to_have_count(25)
        assert page.complaints == []
        page.close()


@pytest.mark.thorough
def test_the_policy_lets_nothing_in_from_elsewhere(static_folder):
    text = (static_folder / "index.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert re.findall(r"\son\w+=", text) == []
    assert {
        one.split(":")[0] for one in re.findall(r'(?:src|href)="([^"]+)"', text) if ":" in one
    } <= {
        "https",
        "data",
    }
