"""Where step sizes start, with weights whose best one is known."""

import pytest
import torch

from qtdog.quantization import LSQConfig
from qtdog.quantization.starts import initial_step_size, least_error_step_size, rounding_error


@pytest.mark.parametrize(("granularity", "expected"), [("channel", [0.01, 0.04]), ("tensor", None)])
def test_weights_on_a_grid_get_that_grids_step_size(granularity, expected):
    codes = torch.arange(-63, 64).float()
    weight = torch.stack([codes * 0.01, codes * 0.04])
    config = LSQConfig(bits=7, granularity=granularity)
    found = least_error_step_size(weight, config)
    if expected:
        torch.testing.assert_close(found, torch.tensor(expected))
        assert float(rounding_error(weight, found, config).sum()) < 1e-8
    else:  # of both rows together, whose largest weight is 2.52
        assert found.shape == (1,)
        assert 0.02 < float(found) <= 0.04


def test_one_large_weight_is_clipped_where_that_costs_least():
    """A thousand weights of ±1 and one of 8 at 2 bits: a step size of 1, not of 8, not of 4."""
    weight = torch.cat([torch.ones(500), -torch.ones(500), torch.tensor([8.0])])[None]
    config = LSQConfig(bits=2, granularity="channel")
    found = least_error_step_size(weight, config)
    assert 0.9 < float(found) < 1.1
    for other in (0.5, 2.0, 4.0, 8.0):
        worse = rounding_error(weight, torch.tensor([other]), config)
        assert float(rounding_error(weight, found, config)) < float(worse)


def test_a_dead_channel_keeps_lsqs_start_and_leaves_its_neighbour_alone():
    alive = torch.linspace(-1, 1, 99)
    config = LSQConfig(bits=4, granularity="channel")
    alone = least_error_step_size(alive[None], config)
    both = torch.stack([torch.zeros(99), alive])
    found = least_error_step_size(both, config)
    assert found[0] == initial_step_size(both, config)[0] > 0
    assert found[1] == alone[0]
    # By LSQ's formula: 2 * mean|w| / sqrt(7).
    start = initial_step_size(alive[None], config)
    torch.testing.assert_close(start, 2 * alive.abs().mean()[None] / 7**0.5)
