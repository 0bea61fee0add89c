"""Intervals of paired differences, against what scipy and least squares say."""

import numpy as np
import pytest
from scipy import stats

from qtdog.paired import paired


def test_pairs_of_one_domain_have_students_interval():
    found = paired({"sketch": [1.0, 2.0, 3.0, 6.0]})
    expected = stats.ttest_1samp([1.0, 2.0, 3.0, 6.0], 0).confidence_interval(0.95)
    assert (found.mean, found.pairs, found.domains) == (3.0, 4, ("sketch",))
    assert found.here is not None
    assert (found.here.low, found.here.high) == pytest.approx(tuple(expected))
    # Standard error sqrt(14/3)/2 = 1.0801, t with 3 degrees of freedom 3.1824.
    assert found.here.high == pytest.approx(3 + 3.4374, abs=1e-3)
    assert found.elsewhere is None, "one domain is no sample of domains"


@pytest.mark.parametrize("counts", [(5, 5, 5, 5), (2, 5, 1, 3)])
def test_the_stratified_interval_is_that_of_least_squares_with_a_mean_for_each_domain(counts):
    random = np.random.default_rng(0)
    values = {f"d{k}": random.normal(k - 1, 1 + k, n) for k, n in enumerate(counts)}
    found = paired({domain: list(one) for domain, one in values.items()})
    design = np.repeat(np.eye(len(counts)), counts, 0)
    everything = np.concatenate(list(values.values()))
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ everything
    freedom = len(everything) - len(counts)
    variance = ((everything - design @ fitted) ** 2).sum() / freedom
    contrast = np.full(len(counts), 1 / len(counts))
    error = np.sqrt(variance * contrast @ inverse @ contrast)
    low, high = stats.t.interval(0.95, freedom, contrast @ fitted, error)
    assert found.here is not None
    assert (found.mean, found.here.low, found.here.high) == pytest.approx(
        (contrast @ fitted, low, high)
    )


def test_domains_as_a_sample_are_so_many_values():
    found = paired({"a": [0.0, 2.0], "b": [2.5], "c": [5.0, 5.0, 5.0]})
    low, high = stats.ttest_1samp([1.0, 2.5, 5.0], 0).confidence_interval(0.95)
    assert found.elsewhere is not None
    assert (found.elsewhere.low, found.elsewhere.high) == pytest.approx((low, high))


def test_what_cannot_be_known_has_no_interval():
    alone = paired({"a": [1.0]})
    assert (alone.here, alone.elsewhere) == (None, None)
    assert paired({"a": [1.0], "b": [3.0]}).here is None


def test_with_domains_that_differ_the_first_interval_holds_their_mean_and_the_second_all_domains():
    """Both keep their 95 %: 2,000 studies of four domains with five pairs each."""
    random = np.random.default_rng(1)
    here = elsewhere = 0
    for effects in random.normal(0, 2, (2000, 4)):
        pairs = effects[:, None] + random.normal(0, 1, (4, 5))
        found = paired(dict(zip("abcd", pairs.tolist(), strict=True)))
        assert found.here
        assert found.elsewhere
        here += found.here.low <= effects.mean() <= found.here.high
        elsewhere += found.elsewhere.low <= 0 <= found.elsewhere.high
    assert here / 2000 == pytest.approx(0.95, abs=0.015)
    assert elsewhere / 2000 == pytest.approx(0.95, abs=0.015)
