"""The explorer without a server, in a real browser, from Python's own web server."""

import numpy as np
import pytest
import static_site
from pages import open_page

from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.inference import open_stored
from qtdog.models import network_input, resize
from qtdog.places import PROGRAM
from qtdog.ui.classify.figures import results
from qtdog.ui.samples import samples

SKETCH = "pacs/sketch"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return static_site.tiny_set(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    return static_site.exported(root, tmp_path_factory.mktemp("site") / "under" / "a path")


@pytest.fixture(scope="module")
def address(folder):
    with static_site.serving(folder.parents[1]) as address:
        yield f"{address}under/a%20path/"


@pytest.fixture(scope="module")
def modules(browser, address):
    """A page that asks the folder's modules."""
    page = static_site.asked(browser, address)
    yield page
    page.close()


def same_answers(page, explorer: Explorer, target: str, pictures) -> float:
    """The largest difference of the logits; everything else must be the same."""
    largest = 0.0
    paths = [one.folder for one in explorer.shown(target)]
    stored = {one.config.method: one for one in map(open_stored, paths)}
    for sample in pictures:
        image = read_image(sample.path)
        expected = explorer.classify(image, target)
        found = page.evaluate(static_site.ANSWERS, [f"samples/{sample.path.name}", target])
        assert [one["method"] for one in found] == [one.method for one in expected]
        for ours, theirs in zip(expected, found, strict=True):
            model = stored[ours.method]
            config = model.config
            inputs = network_input(resize(image, config.image_size)[None], config.mean, config.std)
            logits = np.stack([network.logits(inputs)[0] for network in model.networks])
            largest = max(largest, float(np.abs(logits - np.array(theirs["logits"])).max()))
            assert theirs["label"] == ours.label
            assert theirs["probabilities"] == pytest.approx(ours.probabilities, abs=1e-3)
            assert theirs["entropy"] == pytest.approx(ours.entropy, abs=1e-3)
            votes = [[one.index(max(one)) for one in each] for each in (ours.members, theirs["members"])]
            assert votes[0] == votes[1]
            assert (theirs["disagreement"] is None) == (ours.disagreement is None)
    return largest


def test_the_browser_answers_as_the_package(modules, root):
    assert same_answers(modules, Explorer(root), SKETCH, samples()[:3]) < 1e-3


@pytest.mark.slow
def test_every_sample_through_every_model_of_every_domain(browser, tmp_path):
    bundled = PROGRAM / "checkpoints"
    explorer = Explorer(bundled)
    folder = static_site.exported(bundled, tmp_path / "site")
    with static_site.serving(folder) as address:
        page = static_site.asked(browser, address)
        for target in explorer.targets():
            assert same_answers(page, explorer, target.key, samples()) < 1e-3
        page.close()


def test_the_page_says_what_its_sister_says(browser, address, root, tmp_path):
    explorer = Explorer(root)
    sample = samples()[1]
    expected = tmp_path / "expected.html"
    expected.write_text(
        results(explorer.classify(read_image(sample.path), SKETCH), sample.label), encoding="utf-8"
    )
    page = open_page(browser, address, f"?sample={sample.name}", locale="en-GB")
    page.locator("#answers .card").nth(2).wait_for()
    other = browser.new_page()
    other.goto(expected.as_uri())

    def said(place) -> list[str]:
        lines = [line.strip() for line in place.all_inner_texts()[0].splitlines()]
        return [line for line in lines if line and not line.endswith(" ms")]

    assert said(page.locator("#answers")) == said(other.locator("body"))
    assert page.complaints == []
    other.close()
    page.close()
