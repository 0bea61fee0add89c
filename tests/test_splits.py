"""Which images train and which are held out: our rule and DomainBed's."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from qtdog import checkpoints, data
from qtdog.accuracy import Accuracy
from qtdog.data import (
    Domain,
    DomainDataset,
    domainbed_rows,
    rows_by_name,
    training_and_validation_rows,
)
from qtdog.evaluation import as_network, predict_logits
from qtdog.training import TrainConfig, load_run_data
from qtdog.training.config import RECIPES

NAMES = [f"dog/{k:03d}.png" for k in range(103)]


def domain_of(names: list[str], name: str = "photo") -> Domain:
    count = len(names)
    images = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return Domain(name, images, np.zeros(count, np.int64), tuple(names))


# Our rule ---------------------------------------------------------------------------------------


def test_the_split_is_four_to_one_disjoint_and_whole():
    train, validation = rows_by_name(domain_of(NAMES), 0)
    assert (len(train), len(validation)) == (83, 20)
    assert sorted([*train, *validation]) == list(range(103))
    assert list(train) == sorted(train)


def test_which_image_goes_where_follows_from_its_name_not_from_its_place():
    def validation_names(names: list[str]) -> set[str]:
        rows = rows_by_name(domain_of(names), 3)[1]
        return {names[row] for row in rows}

    shuffled = [NAMES[row] for row in np.random.default_rng(0).permutation(103)]
    assert validation_names(shuffled) == validation_names(NAMES)
    # Adding one image moves hardly any other to the other side.
    assert len(validation_names([*NAMES, "dog/new.png"]) & validation_names(NAMES)) >= 19


def test_the_split_is_the_same_today_as_when_checkpoints_were_trained():
    """Stated accuracies on source domains are of exactly these images."""
    rows = rows_by_name(domain_of(NAMES[:20]), 0)[1]
    assert [NAMES[row] for row in rows] == [f"dog/{k:03d}.png" for k in (0, 5, 11, 14)]


def test_seeds_and_domains_split_differently():
    rows = rows_by_name(domain_of(NAMES), 0)[1]
    assert not np.array_equal(rows, rows_by_name(domain_of(NAMES), 1)[1])
    assert not np.array_equal(rows, rows_by_name(domain_of(NAMES, "art"), 0)[1])
    assert np.array_equal(rows, rows_by_name(domain_of(NAMES), 0)[1])


# DomainBed's rule -------------------------------------------------------------------------------


def mersenne_twister(seed: int):
    """MT19937's 32-bit numbers from a 32-bit seed, as Matsumoto and Nishimura published them."""
    state = [seed]
    for k in range(1, 624):
        state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + k) & 0xFFFFFFFF)
    while True:
        for k in range(624):
            y = (state[k] & 0x80000000) | (state[(k + 1) % 624] & 0x7FFFFFFF)
            state[k] = state[(k + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
        for y in state:
            y ^= y >> 11
            y ^= (y << 7) & 0x9D2C5680
            y ^= (y << 15) & 0xEFC60000
            yield y ^ (y >> 18)


def shuffled(count: int, seed: int) -> list[int]:
    """Fisher and Yates' shuffle of 0, 1, ...; a number up to k is the next one that fits after
    cutting it to k's bits."""
    numbers, order = mersenne_twister(seed), list(range(count))
    for k in range(count - 1, 0, -1):
        mask = (1 << k.bit_length()) - 1
        other = next(cut for number in numbers if (cut := number & mask) <= k)
        order[k], order[other] = order[other], order[k]
    return order


@pytest.mark.parametrize(
    ("trial_seed", "place", "seed", "held_out"),
    [
        (0, 0, 894182419, (6, 10, 15, 20)),
        (0, 1, 1514274641, (11, 14, 17, 20)),
        (2, 3, 1709828778, (10, 11, 12, 22)),
    ],
)
def test_domainbeds_rule_holds_out_the_first_fifth_of_its_shuffle(
    trial_seed, place, seed, held_out
):
    """The literal numbers were computed once with hashlib and numpy from the published algorithm:
    MD5 of the pair's text, RandomState, shuffle, the first int(23 * 0.2) = 4."""
    digest = hashlib.md5(str((trial_seed, place)).encode()).hexdigest()
    assert int(digest, 16) % 2**31 == seed
    train, validation = domainbed_rows(23, place, trial_seed)
    assert tuple(validation) == held_out
    assert sorted([*train, *validation]) == list(range(23))
    assert tuple(validation) == tuple(sorted(shuffled(23, seed)[:4]))


def test_domainbeds_rule_on_all_of_pacs_is_that_of_an_independent_generator():
    for place, images in enumerate((2048, 2344, 1670, 3929)):
        seed = int(hashlib.md5(f"(1, {place})".encode()).hexdigest(), 16) % 2**31
        train, validation = domainbed_rows(images, place, 1)
        assert list(validation) == sorted(shuffled(images, seed)[: images // 5])
        assert len(train) == images - images // 5


def test_a_domains_place_among_all_decides_not_its_name_and_the_target_has_one_too():
    domains = tuple(domain_of(NAMES, name) for name in ("art", "photo", "sketch"))
    dataset = DomainDataset("pets", ("dog",), domains)
    for place, name in enumerate(("art", "photo", "sketch")):
        for seed in (0, 7):
            parts = training_and_validation_rows(dataset, name, seed, "domainbed")
            for part, expected in zip(parts, domainbed_rows(103, place, seed), strict=True):
                assert np.array_equal(part, expected)
    ours = training_and_validation_rows(dataset, "art", 0, "ours")
    assert np.array_equal(ours[1], rows_by_name(domains[0], 0)[1])
    with pytest.raises(ValueError, match=r"no domain 'clip'\. There are: art, photo, sketch"):
        training_and_validation_rows(dataset, "clip", 0, "domainbed")


# In training, records and evaluation -------------------------------------------------------------

CONFIG = TrainConfig("rotated_digits", "30-degrees", seed=4, **RECIPES["digits"])


def test_a_run_trains_on_the_images_that_its_rule_says():
    run = load_run_data(dataclasses.replace(CONFIG, split="domainbed"))
    digits = data.load("rotated_digits", CONFIG.image_size)
    places = [0, 1, 3, 4, 5]  # the target, the third, keeps its place
    for place, training, validation in zip(
        places, run.source_training, run.source_validation, strict=True
    ):
        expected = domainbed_rows(len(digits.domains[place]), place, 4)
        names = digits.domains[place].names
        assert training.names == tuple(names[row] for row in expected[0])
        assert validation.names == tuple(names[row] for row in expected[1])
    assert np.array_equal(run.target_in, domainbed_rows(len(digits.domains[2]), 2, 4)[0])
    ours = load_run_data(CONFIG)
    assert ours.target_in is None
    assert ours.source_validation[0].names != run.source_validation[0].names


def test_the_split_tells_runs_apart_and_old_settings_are_read():
    other = dataclasses.replace(CONFIG, split="domainbed")
    assert other.identity().name != CONFIG.identity().name
    assert other.identity().trunk.name != CONFIG.identity().trunk.name
    assert other.label("digits") == "qt-dog-lsq-least-error-7bit-domainbed"
    assert TrainConfig.from_json(other.to_json()) == other
    old = CONFIG.to_json()
    del old["split"]
    assert TrainConfig.from_json(old) == CONFIG
    with pytest.raises(ValueError, match="The split 'mine' is unknown: choose one of ours, domai"):
        dataclasses.replace(CONFIG, split="mine")


@pytest.mark.thorough
def test_a_checkpoint_under_domainbeds_split_states_its_number_and_evaluation_finds_it(
    command, tmp_path
):
    places = ("--out", tmp_path / "out", "--runs", tmp_path / "runs")
    words = ("train", "--data", "rotated_digits", "--target", "30-degrees", "--method", "qt-dog")
    code, _, _ = command(*words, "--split", "domainbed", *places)
    assert code == 0
    name = "qt-dog-lsq-least-error-7bit-domainbed-seed0"
    folder = tmp_path / "out" / "rotated_digits" / "30-degrees" / name
    config = checkpoints.load_config(folder)
    assert config.training.split == "domainbed"
    assert config.training.command.endswith("--split domainbed")

    target = data.load("rotated_digits", 32).domain("30-degrees")
    network = as_network(checkpoints.load(folder))
    right = (
        predict_logits(network, target.images, config.mean, config.std).argmax(1) == target.labels
    )
    train, held_out = domainbed_rows(len(target), 2, 0)
    assert config.target == Accuracy(int(right.sum()), 300)
    assert config.target_in == Accuracy(int(right[train].sum()), 240)
    assert config.target_in.correct + right[held_out].sum() == config.target.correct

    code, out, _ = command("evaluate", folder, "--data", "rotated_digits", "--check")
    assert code == 0
    assert "7 of 7 figures are as stated." in out
    assert str(config.target_in.correct) + "/240" in out


@pytest.mark.thorough
def test_evaluation_offers_domainbeds_number_for_a_checkpoint_under_our_split(command, tmp_path):
    places = ("--out", tmp_path / "out", "--runs", tmp_path / "runs")
    words = ("train", "--data", "rotated_digits", "--method", "erm", *places)
    assert command(*words)[0] == 0
    folder: Path = tmp_path / "out" / "rotated_digits" / "75-degrees" / "erm-seed0"
    assert checkpoints.load_config(folder).target_in is None
    plain = command("evaluate", folder, "--data", "rotated_digits", "--check")
    assert "6 of 6 figures" in plain[1]
    assert "80 %" not in plain[1]
    asked = command(
        "evaluate", folder, "--data", "rotated_digits", "--check", "--split", "domainbed"
    )
    assert asked[0] == 0
    assert "80 %" in asked[1]
    assert "/240" in asked[1]
    assert "6 of 6 figures" in asked[1], "source domains count with what training held out"
