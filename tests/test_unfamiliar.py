"""The hint "none of the known classes": thresholds from source validation, shares as measured."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import CLASSES, SIZE, save_checkpoint, save_set

from qtdog import checkpoints, data, models
from qtdog.data import DataError, Domain, DomainDataset, rows_by_name
from qtdog.explorer import DIGITS, SOURCE, TARGET, Explorer, unfamiliar
from qtdog.explorer.unfamiliar import HintError

ROOT = Path(__file__).resolve().parents[1]
PACS = ROOT.parent / "shared" / "data" / "pacs"
IMAGES = 60  # a domain
DOMAINS = ("art_painting", "cartoon", "photo", "sketch")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return save_set(tmp_path_factory.mktemp("checkpoints"), members=3)


@pytest.fixture(scope="module")
def dataset():
    """Noise of another brightness in each domain."""
    random = np.random.default_rng(0)
    domains = []
    for place, name in enumerate(DOMAINS):
        images = random.integers(0, 100 + 50 * place, (IMAGES, SIZE, SIZE, 3), np.uint8)
        labels = np.arange(IMAGES) % len(CLASSES)
        names = tuple(f"{CLASSES[label]}/{i}.png" for i, label in enumerate(labels))
        domains.append(Domain(name, images, labels.astype(np.int64), names))
    return DomainDataset("pacs", CLASSES, tuple(domains))


@pytest.fixture(autouse=True, scope="module")
def few_digits():
    def some(size):
        domains = tuple(
            Domain(str(place), np.full((5, size, size, 3), place, np.uint8), np.zeros(5, int), ())
            for place in range(6)
        )
        return DomainDataset("digits", ("0", "1"), domains)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "rotated_digits", some)
        yield


@pytest.fixture(scope="module")
def loaded(root):
    target = root / "pacs" / "sketch"
    return [checkpoints.load(target / "erm-seed0"), checkpoints.load(target / "eoq-7bit")]


@pytest.fixture(scope="module")
def measured(loaded, dataset, few_digits, tmp_path_factory):
    """A file with ERM, and one that was extended by EoQ and its members."""
    folder = tmp_path_factory.mktemp("measured")
    unfamiliar.extend(folder / "erm.csv", loaded[:1], lambda size: dataset, print)
    shutil.copy(folder / "erm.csv", folder / "all.csv")
    names = []
    unfamiliar.extend(folder / "all.csv", loaded, lambda size: dataset, names.append)
    assert names == ["erm-seed0", *(f"qt-dog-7bit-seed{i}" for i in range(3)), "eoq-7bit"]
    return folder


def on(calibration, images):
    return next((one for one in calibration.flagged if one.images == images), None)


def plain_energies(network, images):
    """By the float network in eager mode and numpy."""
    mean, std = np.array(models.IMAGENET_MEAN), np.array(models.IMAGENET_STD)
    pixels = ((images / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(pixels)).double().numpy()
    return -np.log(np.exp(logits).sum(1))


def source_validation(dataset, seed):
    parts = [domain.images[rows_by_name(domain, seed)[1]] for domain in dataset.domains[:3]]
    return np.concatenate(parts)


def test_energy_is_minus_the_log_of_summed_exponentials():
    logits = np.array([[0.0, 0.0], [3.0, -1.0]])
    expected = [-np.log(2), -np.log(np.exp(3) + np.exp(-1))]
    np.testing.assert_allclose(unfamiliar.energy(logits), expected)
    assert np.isfinite(unfamiliar.energy(np.array([[900.0, 0.0]]))).all()


def test_more_than_half_of_the_networks_decide():
    assert unfamiliar.says_unfamiliar([1.0], [0.5])
    assert not unfamiliar.says_unfamiliar([0.5], [0.5])
    assert not unfamiliar.says_unfamiliar([1.0, 0.0], [0.5, 0.5])
    assert unfamiliar.says_unfamiliar([1.0, 0.0, 9.0], [0.5, 0.5, 8.0])


@pytest.mark.thorough
def test_the_threshold_is_the_energy_of_the_highest_twentieth(measured, loaded, dataset):
    calibration = unfamiliar.read(measured / "erm.csv")[loaded[0].config.files[0].sha256]
    energies = plain_energies(loaded[0].networks[0], source_validation(dataset, seed=0))
    assert len(energies) == 36
    # At most 5 % of 36 is one image: the threshold lies at the second highest.
    assert calibration.threshold == pytest.approx(np.sort(energies)[-2], abs=1e-4)
    assert (on(calibration, SOURCE).flagged, on(calibration, SOURCE).total) == (1, 36)
    on_target = plain_energies(loaded[0].networks[0], dataset.domain("sketch").images)
    assert on(calibration, TARGET).flagged == (on_target > calibration.threshold).sum()
    assert on(calibration, TARGET).total == IMAGES
    assert on(calibration, DIGITS).total == 30


def test_eoq_brings_its_members_and_asks_them(measured, loaded, dataset):
    known = unfamiliar.read(measured / "all.csv")
    assert len(known) == 5
    eoq = loaded[1]
    own = known[unfamiliar.identity(eoq)]
    thresholds = [known[unfamiliar.identity(member)].threshold for member in eoq.members]
    images = dataset.domain("sketch").images
    above = [
        plain_energies(network, images) > threshold
        for network, threshold in zip(eoq.networks, thresholds, strict=True)
    ]
    assert own.threshold is None
    assert on(own, SOURCE) is None  # its members have different splits
    assert on(own, TARGET).flagged == (np.sum(above, 0) >= 2).sum()
    assert len(set(thresholds)) == 3


def test_a_second_run_measures_nothing_and_a_new_checkpoint_is_added(measured, loaded):
    before = (measured / "all.csv").read_bytes()
    assert set((measured / "erm.csv").read_bytes().splitlines()) < set(before.splitlines())

    def refuse(size):
        raise AssertionError("nothing is to be measured")

    unfamiliar.extend(measured / "all.csv", loaded, refuse, print)
    assert (measured / "all.csv").read_bytes() == before


@pytest.mark.thorough
def test_other_weights_under_the_same_name_replace_the_rows(measured, dataset, tmp_path):
    file = Path(shutil.copy(measured / "erm.csv", tmp_path))
    retrained = checkpoints.load(save_checkpoint(tmp_path / "erm-seed0", "erm", 3))
    unfamiliar.extend(file, [retrained], lambda size: dataset, print)
    assert set(unfamiliar.read(file)) == {unfamiliar.identity(retrained)}


def test_data_that_the_checkpoint_was_not_trained_on_are_refused(loaded, dataset, tmp_path):
    other = DomainDataset("digits", dataset.classes, dataset.domains)
    with pytest.raises(DataError, match="erm-seed0 was trained on pacs"):
        unfamiliar.extend(tmp_path / "energy.csv", loaded[:1], lambda size: other, print)
    assert not (tmp_path / "energy.csv").exists()


def test_the_explorer_shows_the_hint_of_a_file_beside_the_checkpoints(
    root, measured, loaded, dataset, tmp_path
):
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    image = Image.fromarray(dataset.domain("sketch").images[0])
    assert all(one.hint is None for one in Explorer(copy).classify(image, "pacs/sketch"))
    shutil.copy(measured / "erm.csv", copy / "energy.csv")
    erm, qt_dog, eoq = Explorer(copy).classify(image, "pacs/sketch")
    assert (qt_dog.hint, eoq.hint) == (None, None)
    expected = plain_energies(loaded[0].networks[0], dataset.domain("sketch").images[:1])
    assert erm.hint.energies == pytest.approx(expected, abs=1e-4)
    assert erm.hint.unfamiliar == (erm.hint.energies[0] > erm.hint.thresholds[0])
    assert [one.images for one in erm.hint.flagged] == [SOURCE, TARGET, DIGITS]
    shutil.copy(measured / "all.csv", copy / "energy.csv")
    eoq = Explorer(copy).classify(image, "pacs/sketch")[2]
    assert len(eoq.hint.energies) == len(eoq.hint.thresholds) == 3


def test_a_broken_file_is_named_and_hides_nothing_else(root, dataset, tmp_path):
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    (copy / "energy.csv").write_text("dataset,flagged\npacs,many\n")
    with pytest.raises(HintError, match=r"energy\.csv is not a file of energy thresholds"):
        unfamiliar.read(copy / "energy.csv")
    explorer = Explorer(copy)
    image = Image.fromarray(dataset.domain("sketch").images[0])
    assert len(explorer.classify(image, "pacs/sketch")) == 3
    (problem,) = explorer.problems
    assert problem.startswith("energy.csv is not a file of energy thresholds")


@pytest.mark.thorough
def test_the_bundled_file_belongs_to_the_bundled_checkpoints():
    rows = list(csv.DictReader(unfamiliar.MEASURED.open(encoding="utf-8-sig")))
    identities = {}
    for row in rows:
        place = (row["dataset"], row["target"], row["checkpoint"])
        if place not in identities:
            folder = ROOT.joinpath("checkpoints", *place)
            identities[place] = unfamiliar.identity(checkpoints.load(folder))
        assert row["sha256"] == identities[place]
        if row["images"] == SOURCE:
            share = int(row["flagged"]) / int(row["total"])
            assert 0.045 < share <= unfamiliar.SOURCE_SHARE
    explorer = Explorer(ROOT / "checkpoints")
    image = Image.new("RGB", (9, 9))
    for key in {f"{row['dataset']}/{row['target']}" for row in rows}:
        assert all(one.hint is not None for one in explorer.classify(image, key))


@pytest.mark.slow
@pytest.mark.skipif(not PACS.is_dir(), reason="needs PACS in ../shared/data/pacs")
def test_a_stored_share_is_measured_again():
    checkpoint = checkpoints.load(ROOT / "checkpoints/pacs/sketch/erm-seed0")
    dataset = data.load(str(PACS), checkpoint.config.image_size)
    stored = unfamiliar.read()[unfamiliar.identity(checkpoint)]
    energies = plain_energies(checkpoint.networks[0], source_validation(dataset, seed=0))
    # The threshold is an image's own energy, whose last digits depend on the order of sums.
    surely, perhaps = ((energies > stored.threshold + slack).sum() for slack in (1e-4, -1e-4))
    assert surely <= on(stored, SOURCE).flagged <= perhaps <= surely + 1
    assert len(energies) == on(stored, SOURCE).total
