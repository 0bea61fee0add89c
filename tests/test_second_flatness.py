"""Question (d) of the second study, from made-up curves of made-up networks."""

import dataclasses
import re

import numpy as np
import pytest
from scipy import stats
from second_records import config, write

from qtdog.landscape import FlatnessCurve, ModelReference
from qtdog.landscape.records import Directions, ImageSample, Provenance, Reading
from qtdog.study import load_study
from qtdog.study.members import MEANS
from qtdog.study.second.flatness import _correlation, flatness_section
from qtdog.study.second.networks import Study, StudyNetwork

PLACES = [(domain, seed) for domain in ("art_painting", "cartoon") for seed in range(3)]
RADII = (0.1, 0.2)
IMAGES = 100


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    root = tmp_path_factory.mktemp("flatness")
    for domain, seed in PLACES:
        write(root, config(domain, seed), 2.0)
        write(root, config(domain, seed, "qt-dog", 5), 2.6)
    return load_study(root)


def rise_of(network: StudyNetwork) -> float:
    """Nats: half as large at 5 bits, in art painting ten times as large, not the same for seeds."""
    row = network.row
    usual = 1.0 + 0.1 * (row.seed or 0)
    usual += 0.01 * (row.seed or 0) ** 2 if row.bits == 5 else 0
    return usual * (0.5 if row.bits == 5 else 1) * (10 if row.domain == "art_painting" else 1)


def curve_of(network: StudyNetwork, tempered: bool = True) -> FlatnessCurve:
    """At fitted temperature every network loses the same; in accuracy 5 bits lose more."""
    row, rise = network.row, rise_of(network)
    images = ImageSample("pacs", (row.domain,), "source", IMAGES, 0, "as they come", row.domain)
    right = 60 if row.bits == 5 else 70

    def reading(more: float, correct: int) -> Reading:
        return Reading(0.3 + more, correct, 0.2 + more / rise if tempered else None)

    return FlatnessCurve(
        ModelReference("a network", "erm", row.bits, False, row.seed or 0, row.sha256),
        row.domain,
        images,
        Directions("filter", 0, 2, "at random"),
        "weights",
        RADII,
        Provenance("0" * 40, "a machine", "torch"),
        centre=Reading(0.3, 90, 0.2 if tempered else None),
        readings=(
            (reading(0.5 * rise, right + 5), reading(1.5 * rise, right - 5)),
            (reading(0.8 * rise, right), reading(1.2 * rise, right)),
        ),
    )


def single(study: Study) -> list[StudyNetwork]:
    arms = ("ERM", "QT-DoG, 5 bits")
    return [one for one in study.parts[0].networks if one.arm in arms]


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return re.split(r" *\| *", line)[2:-1]


def numbers(cell: str) -> list[float]:
    plain = cell.replace("\N{MINUS SIGN}", "-")
    return [float(one) for one in re.findall(r"[+-]\d+\.\d+", plain)]


def test_the_mean_difference_and_its_interval_know_the_seeds(study):
    networks = single(study)
    text = flatness_section(study.parts[0], MEANS, [curve_of(one) for one in networks])
    setting, loss, tempered, accuracy, pairs = cells(text, "QT-DoG, 5 bits – ERM")
    assert (setting, pairs) == ("source domains, relative to each filter", "6")
    rises = {(one.row.domain, one.row.seed, one.row.bits): rise_of(one) for one in networks}
    found = [
        [rises[domain, seed, 5] - rises[domain, seed, 32] for seed in range(3)]
        for domain in ("art_painting", "cartoon")
    ]
    mean = np.mean(found)
    # Stratified: four degrees of freedom, the variance pooled over both domains.
    error = np.sqrt(sum(np.var(one, ddof=1) for one in found) / 2 * (2 / 3) / 4)
    reach = stats.t.ppf(0.975, 4) * error
    of_domains = stats.t.interval(0.95, 1, mean, stats.sem([np.mean(one) for one in found]))
    expected = [mean, mean - reach, mean + reach, *of_domains]
    assert numbers(loss) == pytest.approx(expected, abs=6e-4)
    assert loss.endswith(", flatter")
    assert numbers(tempered)[0] == 0
    assert tempered.endswith(", not decided")
    assert numbers(accuracy)[0] == 10.0, "90 right at first; 70 against 60"
    assert accuracy.endswith(", sharper")
    (said,) = [line for line in text.splitlines() if line.startswith("- QT-DoG, 5 bits against")]
    assert "by loss flatter in 1" in said
    assert "by loss at fitted temperature not decided in 1" in said
    assert "by accuracy sharper in 1" in said


def test_the_correlation_is_within_held_out_domains(study):
    networks = single(study)
    text = flatness_section(study.parts[0], MEANS, [curve_of(one) for one in networks])
    table = text.partition("flatness and accuracy on the held-out domain")[2]
    loss, _, _, count = cells(table, "source domains, relative to each filter")
    assert count == "12"
    centred = []
    for domain in ("art_painting", "cartoon"):
        values = [(rise_of(n), n.row.accuracy) for n in networks if n.row.domain == domain]
        centred.append(np.array(values) - np.mean(values, axis=0))
    r = stats.pearsonr(*np.concatenate(centred).T).statistic
    reach = stats.norm.ppf(0.975) / np.sqrt(12 - 1 - 3)  # one domain's mean is taken off too
    expected = [r, np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)]
    assert numbers(loss) == pytest.approx(expected, abs=6e-3)


def test_what_no_temperature_was_fitted_for_is_left_out_of_that_measure_alone(study):
    curves = [curve_of(one, tempered=False) for one in single(study)]
    _, loss, tempered, _, _ = cells(
        flatness_section(study.parts[0], MEANS, curves), "QT-DoG, 5 bits – ERM"
    )
    assert loss.endswith(", flatter")
    assert tempered == "–"


def test_one_seed_decides_nothing_and_unlike_curves_are_refused(study):
    ones = [curve_of(one) for one in single(study) if one.row.seed == 0]
    _, loss, *_ = cells(flatness_section(study.parts[0], MEANS, ones), "QT-DoG, 5 bits – ERM")
    assert loss.endswith(", not decided")
    assert flatness_section(study.parts[0], MEANS, ones[:1]) == ""
    stranger = dataclasses.replace(ones[0], model=dataclasses.replace(ones[0].model, sha256="0"))
    assert flatness_section(study.parts[0], MEANS, [stranger, *ones[:1]]) == ""
    other = dataclasses.replace(ones[0], radii=(0.1, 0.3))
    with pytest.raises(ValueError, match="were measured on other images, directions or radii"):
        flatness_section(study.parts[0], MEANS, [*ones[1:], other])


def test_numbers_on_one_line_are_wholly_correlated():
    line = [("sketch", float(k), 2.0 * k) for k in range(6)]
    assert _correlation(line) == "+1.00 (+1.00 to +1.00)"
    assert _correlation(line[:3]) == "–", "too few"
    assert _correlation([("sketch", 1.0, float(k)) for k in range(6)]) == "–", "all as flat"
