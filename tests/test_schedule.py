"""Settings that follow from others, settings that are not used, and impossible ones."""

import math

import pytest

from qtdog.training import TrainConfig, recipe_settings
from qtdog.training.config import RECIPES


def config(recipe: str, method: str = "qt-dog", **changed) -> TrainConfig:
    return TrainConfig("pets", "sketch", method, **recipe_settings(recipe, changed))


@pytest.mark.parametrize("recipe", ["paper", "digits"])
def test_without_other_steps_a_recipe_is_as_it_stands(recipe):
    assert recipe_settings(recipe, {"steps": None, "bits": 4}) == RECIPES[recipe] | {"bits": 4}


@pytest.mark.parametrize(
    ("recipe", "steps", "quantize_step", "evaluate_every"),
    [
        ("paper", 5000, 2000, 200),
        ("paper", 15_000, 6000, 600),
        ("paper", 100, 40, 4),
        ("digits", 40, 16, 4),
        ("digits", 41, 16, 1),
        ("digits", 2, 1, 1),
    ],
)
def test_the_schedule_follows_the_steps(recipe, steps, quantize_step, evaluate_every):
    found = config(recipe, steps=steps)
    assert (found.quantize_step, found.evaluate_every) == (quantize_step, evaluate_every)


def test_what_is_given_stays_and_the_rest_follows():
    found = config("paper", steps=100, evaluate_every=10)
    assert (found.quantize_step, found.evaluate_every) == (40, 10)
    found = config("paper", steps=100, quantize_step=30)
    assert (found.quantize_step, found.evaluate_every) == (30, 5)
    found = config("paper", quantize_step=600)
    assert (found.steps, found.evaluate_every) == (5000, 200)


def test_any_few_steps_make_a_schedule_near_the_recipes_share():
    for steps in range(2, 200):
        found = config("paper", steps=steps)
        assert abs(found.quantize_step - 0.4 * steps) <= found.evaluate_every
        assert 1 <= found.evaluate_every <= max(1, 4 * 0.04 * steps)


def test_steps_that_nothing_near_divides_get_a_sentence_with_others():
    with pytest.raises(ValueError, match=r"near 160 divides 4,001 evenly: .* such as 4,000\."):
        config("paper", steps=4001)
    assert config("paper", steps=4000).quantize_step == 1600


def test_settings_that_full_precision_does_not_use_are_not_checked():
    changed = {"bits": 99, "step_size_learning_rate": -1.0}
    assert config("digits", "erm", **changed).bits == 99
    for name, value in changed.items():
        with pytest.raises(ValueError, match=r"bit width of 99|step size learning rate"):
            config("digits", **{name: value})
    with pytest.raises(ValueError, match=r"^The step 80, after which the checkpoint"):
        config("digits", "erm", steps=40, quantize_step=80)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("image_size", 0),
        ("images_per_domain", 0),
        ("steps", 1),
        ("evaluate_every", 0),
        ("evaluate_every", -2),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("step_size_learning_rate", -1.0),
    ],
)
def test_an_impossible_number_is_named(name, value):
    with pytest.raises(ValueError, match=f"^The {name.replace('_', ' ')} must be "):
        config("digits", **{name: value})
