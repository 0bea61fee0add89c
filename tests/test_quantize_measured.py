"""What the Quantize tab says was measured at a width is what the results' file holds."""

import csv
import re
import statistics

import pytest
from bundled import BUNDLED, FIRST_STUDY

from qtdog.checkpoints import load_config
from qtdog.explorer import Explorer, Lab
from qtdog.results import load_results
from qtdog.ui.quantize.measured import measured_at


def _accuracies(method: str, bits: int, domain: str, averaged: str) -> list[float]:
    with (FIRST_STUDY / "measured.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            float(row["accuracy"])
            for row in csv.DictReader(file)
            if (row["method"], int(row["bits"] or 32), row["domain"]) == (method, bits, domain)
            and (row["split"], row["averaged"]) == ("target", averaged)
            and row["granularity"] in ("", "channel")
        ]


@pytest.mark.parametrize("domain", ["sketch", "photo"])
@pytest.mark.parametrize("bits", [3, 4, 7])
@pytest.mark.parametrize("averaged", ["no", "yes"])
def test_the_width_says_what_was_measured_at_it(domain, bits, averaged):
    network = "erm-averaged-seed0" if averaged == "yes" else "erm-seed0"
    reference = load_config(BUNDLED / "pacs" / domain / network)
    said = measured_at(bits, reference, load_results(FIRST_STUDY).measured)
    like = ", all with averaged weights" if averaged == "yes" else ""
    assert f"Measured where {domain} is held out, at {bits} bits{like}:" in said
    expected = {
        "in full precision": _accuracies("ERM", 32, domain, averaged),
        "rounded after training": _accuracies("Post-training", bits, domain, averaged),
        "with QT-DoG, rounded while it trained": _accuracies("QT-DoG", bits, domain, averaged),
    }
    found = re.findall(r"([\d.]+) % ([^(]+) \((?:mean of (\d+) seeds|one seed)\)", said)
    assert {words: (number, count or "1") for number, words, count in found} == {
        words: (f"{statistics.fmean(values):.1f}", str(len(values)))
        for words, values in expected.items()
        if values
    }


def test_what_was_not_measured_is_not_spoken_of():
    assert measured_at(4, load_config(BUNDLED / "pacs/photo/erm-seed0"), ()) == ""


def test_the_first_network_to_round_is_the_one_that_answers_beside_qt_dog():
    explorer = Explorer(BUNDLED)
    first = {}
    for one in Lab(explorer).references():
        first.setdefault(one.key.rpartition("/")[0], one.key.rpartition("/")[2])
    assert first == {
        target.key: next(one.name for one in explorer.shown(target.key) if one.config.bits == 32)
        for target in explorer.targets()
    }
