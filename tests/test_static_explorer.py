"""The explorer without a server, in a real browser, from Python's own web server."""

import base64
import csv
import re
import shutil
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import hostile
import numpy as np
import pytest
import static_site
from pages import open_page

from qtdog.checkpoints import INDEX, CheckpointError, index_json, load, make_index
from qtdog.explorer import SHIFTS, Explorer, Grid, Lab, WeightPairs
from qtdog.images import read_image
from qtdog.inference import open_stored
from qtdog.models import network_input, resize
from qtdog.places import PROGRAM, SAMPLES
from qtdog.quantization import NearestConfig
from qtdog.ui.classify.figures import LOOK, results
from qtdog.ui.figures import summary_line
from qtdog.ui.quantize.layer import layer_sentence
from qtdog.ui.quantize.words import layer_name
from qtdog.ui.samples import known_to, samples
from qtdog.ui.shift.figures import sentence
from qtdog.ui.weights.table import to_csv
from qtdog.ui.weights.words import comparison, names
from qtdog.ui.weights.words import layer_sentence as sentence_of_two

# What a web server cannot hand on, or would wait for.
OF_THE_DISK = re.compile("100 GB|a folder|a link|waits for a writer")


@pytest.fixture(scope="module")
def root(static_set):
    return static_set


@pytest.fixture(scope="module")
def address(static_address):
    return static_address


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
            votes = [
                [one.index(max(one)) for one in each] for each in (ours.members, theirs["members"])
            ]
            assert votes[0] == votes[1]
            assert (theirs["disagreement"] is None) == (ours.disagreement is None)
    return largest


def test_the_browser_answers_as_the_package(modules, root):
    assert same_answers(modules, Explorer(root), static_site.SKETCH, samples()[:3]) < 1e-3


@pytest.mark.slow
def test_every_sample_through_every_model_of_every_domain(browser, tmp_path):
    bundled = PROGRAM / "checkpoints"
    explorer = Explorer(bundled)
    folder = static_site.exported(bundled, tmp_path / "site")
    with static_site.serving(folder) as address:
        page = static_site.asked(browser, address)
        for target in explorer.targets():
            shown = known_to(samples(), target.classes)
            assert same_answers(page, explorer, target.key, shown) < 1e-3
        page.close()


@pytest.mark.thorough
def test_the_page_says_what_its_sister_says(browser, address, root, tmp_path):
    explorer = Explorer(root)
    sample = samples()[1]
    expected = tmp_path / "expected.html"
    answers = results(explorer.classify(read_image(sample.path), static_site.SKETCH), sample.label)
    # A button by the cards leads to the box below them; here the box stands beside them.
    expected.write_text(answers.replace(LOOK, ""), encoding="utf-8")
    page = open_page(browser, address, f"?sample={sample.name}", locale="en-GB")
    page.locator("#answers .card").nth(2).wait_for()
    other = browser.new_page()
    other.goto(expected.as_uri())

    def said(place) -> str:
        return re.sub(r"[\d.]+ ms|\s", "", place.text_content())

    assert said(page.locator("#answers")) == said(other.locator("body"))
    assert page.complaints == []
    other.close()
    page.close()


def _refusals(page, address: str, root: Path, place: Path, step: int) -> list[tuple[str, str, str]]:
    """Every `step`th hostile set that the package refuses: its name, what the package said of it,
    and what the browser said."""
    (root / INDEX).write_bytes(index_json(make_index(root)))
    found = []
    changes = [one for one in hostile.changes() if not OF_THE_DISK.search(one[0])]
    for number, (name, change) in enumerate(changes[::step]):
        folder = Path(shutil.copytree(root, place / str(number) / "set"))
        change(folder)
        if not (folder / INDEX).exists():  # a browser has no other list
            with suppress(CheckpointError, OSError):
                (folder / INDEX).write_bytes(index_json(make_index(folder)))
        if said := hostile.open_all(folder).replace(f"{folder}/", ""):
            found.append(
                (name, said, page.evaluate(static_site.OPEN_ALL, f"{address}{number}/set/"))
            )
        shutil.rmtree(place / str(number))
    return found


def _judge(found: list[tuple[str, str, str]], least_same: int) -> None:
    for name, said, ours in found:
        assert ours, f"{name}: the package said {said}"
        assert re.fullmatch(r"[^\n]{10,500}\.", ours), f"{name}: {ours}"
        assert "Not a sentence" not in ours, f"{name}: {ours}"
    assert sum(said == ours for _, said, ours in found) >= least_same


@pytest.mark.thorough
def test_hostile_sets_are_refused_with_the_packages_sentences(modules, static_folder, tmp_path):
    root = static_site.tiny_set(tmp_path / "healthy")
    place = static_folder / "hostile"  # of the page's origin
    _judge(_refusals(modules, modules.url.replace("style.css", "hostile/"), root, place, 9), 15)


@pytest.mark.slow
def test_all_hostile_sets_are_refused(modules, static_folder, tmp_path):
    root = static_site.tiny_set(tmp_path / "healthy")
    place = static_folder / "hostile"
    found = _refusals(modules, modules.url.replace("style.css", "hostile/"), root, place, 1)
    _judge(found, 180)


def _farthest(page, image, severity: float) -> dict[str, int]:
    """By shift, the largest difference of the browser's pixels from the package's, of 255."""
    found = {}
    for shift in SHIFTS.values():
        ours = np.asarray(shift.apply(image, severity)).astype(int)
        theirs = static_site.shifted_in_browser(page, image, shift, severity).astype(int)
        found[shift.name] = int(np.abs(ours - theirs).max())
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["horse-painting", "dog-line"])
def test_shifts_give_the_packages_pixels(modules, name):
    image = read_image(SAMPLES / f"{name}.png").resize((150, 110))
    for severity in (1.0, 5.0):
        far = _farthest(modules, image, severity)
        print(far)
        assert max(far.values()) <= 1


def _check_codes(page, folder: Path, path: str, bits: int, rule: str) -> None:
    """The browser's step sizes and codes are the package's. Sums differ in their last digit: of two
    step sizes with the same error the other may be taken, and a code may fall to the other side of
    a half."""
    network = load(folder).networks[0]
    channels = other_steps = codes = other_codes = 0
    for name, packed, steps in page.evaluate(static_site.ROUNDED, [path, bits, rule]):
        weight = network.get_parameter(name)
        quantizer = NearestConfig(bits, "channel", rule).build(weight)
        same = np.isclose(steps, quantizer.step_size.numpy(), rtol=1e-6, atol=0)
        expected = quantizer.codes(weight).numpy().reshape(len(same), -1)
        found = np.frombuffer(base64.b64decode(packed), np.int8).reshape(expected.shape)
        other_codes += int((expected != found)[same].sum())
        other_steps += int((~same).sum())
        codes, channels = codes + expected.size, channels + same.size
    assert codes > 300_000
    assert other_codes <= 2e-6 * codes, (bits, rule, other_codes)
    assert other_steps <= 1e-3 * channels, (bits, rule, other_steps)


@pytest.mark.thorough
@pytest.mark.parametrize("rule", ["start", "least error"])
def test_rounding_gives_the_packages_codes(modules, root, rule):
    path = "pacs/sketch/erm-seed0"
    for bits in (8, 4, 2):
        _check_codes(modules, root / path, path, bits, rule)


def test_a_layers_figure_has_the_packages_numbers_and_words(modules, root):
    lab = Lab(Explorer(root))
    key = "pacs/sketch/erm-seed0"
    layers = lab.layers(key)
    for bits, rule, layer in ((4, "least error", layers[3]), (3, "start", layers[-1])):
        seen = lab.round_layer(key, layer.name, Grid(bits, "channel", rule))
        ours = seen.rounding
        asked = {"path": key, "layer": layer.name, "bits": bits, "rule": rule}
        theirs = modules.evaluate(static_site.LAYER, asked)
        assert theirs["edges"] == pytest.approx(ours.weights.edges, rel=1e-6, abs=1e-5)
        apart = np.subtract(theirs["counts"], ours.weights.counts)
        assert np.abs(apart).sum() <= 2
        assert theirs["grid"] == pytest.approx(ours.grid)
        assert theirs["clipped"] == ours.clipped
        assert theirs["relativeError"] == pytest.approx(ours.relative_error, rel=1e-6)
        said = re.sub("<.*?>", " ", layer_sentence(seen)).replace("&#39;", "'")
        for told in re.split(r"(?<=\.) ", theirs["sentence"]):
            assert told in said
        assert theirs["names"] == [layer_name(i, one) for i, one in enumerate(layers, start=1)]


def _same(found, expected) -> None:
    """The same numbers, and none where there is none."""
    for one, other in zip(found, expected, strict=True):
        assert one == (other if other is None else pytest.approx(other, rel=1e-5, abs=1e-7))


@pytest.mark.parametrize(
    "pair", [("erm-seed0", "qt-dog-7bit-seed0"), ("qt-dog-7bit-seed0", "qt-dog-7bit-seed1")]
)
def test_two_networks_are_compared_as_in_the_package(modules, root, pair):
    first, second = (f"{static_site.SKETCH}/{name}" for name in pair)
    ours = WeightPairs(Explorer(root)).compare(first, second)
    theirs = modules.evaluate(static_site.COMPARED, [first, second])
    assert [one["name"] for one in theirs["layers"]] == [one.name for one in ours.layers]
    for one, other in zip(ours.layers, theirs["layers"], strict=True):
        for name in ("distance", "cosine", "rounding"):
            _same([other[name]], [getattr(one, name)])
        assert other["norms"] == pytest.approx(one.norms, rel=1e-6)
        assert abs((other["changed"] or 0) - (one.changed or 0)) <= 1e-4 * one.weights
        assert other["used"] == list(one.codes_used)
        assert other["possible"] == list(one.codes_possible)
        _same(other["steps"], one.step_sizes)
    assert theirs["whole"]["distance"] == pytest.approx(ours.whole.distance, rel=1e-6)
    lead, aside = theirs["said"]
    expected = re.sub("<.*?>", "|", comparison(ours)).replace("&#39;", "'")
    assert expected == f"|{lead}|{aside}||"


def _check_csv(text: str, expected: str) -> None:
    """The same lines; numbers as far as sums in another order are the same."""
    for line, other in zip(
        csv.reader(text.splitlines()), csv.reader(expected.splitlines()), strict=True
    ):
        for found, wanted in zip(line, other, strict=True):
            if re.fullmatch(r"-?[\d.]+(e-?\d+)?", wanted):
                assert float(found) == pytest.approx(float(wanted), rel=1e-5, abs=2e-4)
            else:
                assert found == wanted


@pytest.mark.parametrize(
    ("pair", "places"),
    [
        (("erm-seed0", "qt-dog-7bit-seed0"), (0, 5, -1)),
        (("qt-dog-7bit-seed0", "erm-seed0"), (9,)),
        (("qt-dog-7bit-seed1", "qt-dog-7bit-seed0"), (5,)),
    ],
)
def test_a_layer_of_two_networks_is_shown_as_in_the_package(modules, root, pair, places):
    first, second = (f"{static_site.SKETCH}/{name}" for name in pair)
    pairs = WeightPairs(Explorer(root))
    compared = pairs.compare(first, second)
    for place in places:
        name = compared.layers[place].name
        ours = pairs.layer(first, second, name)
        theirs = modules.evaluate(static_site.PAIRED, [first, second, name])
        assert theirs["byChannel"] == ours.by_channel
        assert theirs["single"] == ours.single
        assert theirs["grid"] == pytest.approx(ours.grid)
        assert theirs["reach"] == pytest.approx(ours.reach)
        assert theirs["edges"] == pytest.approx(ours.edges)
        for found, expected in zip(theirs["counts"], ours.counts, strict=True):
            assert np.abs(np.subtract(found, expected)).sum() <= 2
        assert abs(theirs["outside"] - ours.outside) <= 2
        cells = {(round(one["first"], 3), round(one["second"], 3)) for one in theirs["cells"]}
        expected = {(round(one.first, 3), round(one.second, 3)) for one in ours.cells}
        assert len(cells ^ expected) <= 2
        assert [one["channel"] for one in theirs["channels"]] == [
            one.channel for one in ours.channels
        ]
        for one, other in zip(ours.channels, theirs["channels"], strict=True):
            _same([other["distance"], other["cosine"]], [one.distance, one.cosine])
        assert theirs["said"] == sentence_of_two(ours.layer, *names(compared))
    _check_csv(theirs["csv"], to_csv(compared))


def test_where_a_shift_breaks_is_said_in_the_packages_words(modules):
    models = ("Full precision", "QT-DoG", "EoQ")
    for labels in (("d" * 6,) * 3, ("dddhhd", "dhhhhh", "d" * 6), ("hhhhhh", "dddddg", "hdhhhh")):
        steps = [
            [
                SimpleNamespace(model=m, label={"d": "dog", "h": "horse", "g": "big_cat"}[each[i]])
                for m, each in zip(models, labels, strict=True)
            ]
            for i in range(6)
        ]
        said = [[{"name": one.model, "label": one.label} for one in each] for each in steps]
        lead, aside = modules.evaluate(static_site.BREAKS, [said, "dog"])
        assert summary_line(lead, aside) == sentence(steps, "dog")


@pytest.mark.slow
def test_rounding_the_bundled_network_gives_the_packages_codes(browser, tmp_path):
    bundled, path = PROGRAM / "checkpoints", "pacs/sketch/erm-seed0"
    with static_site.serving(static_site.exported(bundled, tmp_path / "site")) as address:
        page = static_site.asked(browser, address)
        for rule in ("start", "least error"):
            for bits in range(2, 9):
                _check_codes(page, bundled / path, path, bits, rule)
        page.close()
