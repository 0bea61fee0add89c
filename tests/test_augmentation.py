"""Augmentation on batches against torchvision's transforms, one image at a time."""

import math

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from qtdog.data import Augmentation, BatchPart, augment
from qtdog.data.augmentation import color_jitter, grey, random_resized_crop, turn_hue


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 6, size: int = 12) -> torch.Tensor:
    """Random colours, and among them grey, black, white and pure ones."""
    batch = torch.rand(count, 3, size, size, generator=generator(1))
    batch[0, :, 0] = 0.5
    batch[0, :, 1] = 0
    batch[0, :, 2] = 1
    batch[0, :, 3] = torch.eye(3)[:, torch.arange(size) % 3]
    return batch


def test_grey_is_torchvisions():
    torch.testing.assert_close(grey(images()), reference.rgb_to_grayscale(images(), 3))


@pytest.mark.parametrize("turn", [-0.5, -0.3, -0.1, 0.0, 0.05, 0.25, 0.3, 0.5])
def test_turning_the_hue_is_torchvisions(turn):
    ours = turn_hue(images(), torch.full((6, 1, 1, 1), turn))
    torch.testing.assert_close(ours, reference.adjust_hue(images(), turn), rtol=1e-4, atol=1e-5)


def test_each_image_gets_its_own_turn_and_a_third_of_a_circle_makes_red_green():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(3, 3, 1, 1)
    turned = turn_hue(red, torch.tensor([0.0, 1 / 3, -1 / 3]).view(3, 1, 1, 1))
    torch.testing.assert_close(turned.flatten(1), torch.eye(3), rtol=0, atol=1e-5)


def fix_draws(monkeypatch, order: list[int], draws: torch.Tensor) -> None:
    """Random numbers are known: the order of the steps and each image's four draws in -1..1."""
    monkeypatch.setattr(torch, "randperm", lambda count, generator: torch.tensor(order))
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: (draws / 2 + 0.5).view(shape))


REFERENCES = (
    reference.adjust_brightness,
    reference.adjust_contrast,
    reference.adjust_saturation,
    lambda image, factor: reference.adjust_hue(image, factor - 1),
)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
def test_colour_jitter_is_torchvisions_four_adjustments_in_the_drawn_order(monkeypatch, order):
    batch, draws = images(), 2 * torch.rand(4, 6, generator=generator(2)) - 1
    fix_draws(monkeypatch, order, draws)
    ours = color_jitter(batch, 0.3, generator())
    for row, image in enumerate(batch):
        expected = image
        for step in order:
            expected = REFERENCES[step](expected, 1 + 0.3 * float(draws[step, row]))
        torch.testing.assert_close(ours[row], expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("draw", [-1.0, 0.6, 1.0])
def test_each_adjustment_alone_is_torchvisions_to_its_ends(monkeypatch, step, draw):
    batch, draws = images(), torch.zeros(4, 6)
    draws[step] = draw
    fix_draws(monkeypatch, [step, *{0, 1, 2, 3} - {step}], draws)
    ours = color_jitter(batch, 0.3, generator())
    expected = REFERENCES[step](batch, 1 + 0.3 * draw)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=2e-5)
    assert (ours - batch).abs().max() > 0.05


SIZE = 64


def ramps(count: int) -> torch.Tensor:
    """Red is each pixel's x, green its y, as shares of the side: so a crop tells its place."""
    centres = (torch.arange(SIZE) + 0.5) / SIZE
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y, torch.zeros_like(x)]).expand(count, 3, SIZE, SIZE)


def seen_crops(settings: Augmentation, count: int = 600) -> dict[str, torch.Tensor]:
    """Width, height, centre and mirroring of `count` crops, read off the middle of the ramps."""
    crops = random_resized_crop(ramps(count), 33, settings, generator(4))
    middle = crops[:, :, 8:25, 8:25]  # away from the border, where the ramp ends
    across = (middle[:, 0, 8, -1] - middle[:, 0, 8, 0]) / 16 * 33
    down = (middle[:, 1, -1, 8] - middle[:, 1, 0, 8]) / 16 * 33
    assert (middle[:, 0] - middle[:, 0, :1]).abs().max() < 1e-4, "columns must stay columns"
    return {
        "width": across.abs(),
        "height": down,
        "mirrored": across < 0,
        "x": middle[:, 0, 8, 8],
        "y": middle[:, 1, 8, 8],
    }


def test_crops_have_the_area_and_ratio_asked_for_and_lie_within_the_image():
    seen = seen_crops(Augmentation())
    area, ratio = seen["width"] * seen["height"], seen["width"] / seen["height"]
    assert 0.699 < area.min() < 0.72
    assert 0.96 < area.max() < 1.001
    assert 0.749 < ratio.min() < 0.8
    assert 1.25 < ratio.max() < 1.334
    for place, side in (("x", "width"), ("y", "height")):
        assert (seen[place] - seen[side] / 2).min() > -1e-3
        assert (seen[place] + seen[side] / 2).max() < 1 + 1e-3
        assert seen[place].std() > 0.02, "crops must move about"


def test_a_smaller_crop_area_gives_smaller_crops():
    seen = seen_crops(Augmentation(crop_area=0.3, crop_ratio=1.0))
    area = seen["width"] * seen["height"]
    assert 0.299 < area.min() < 0.32
    torch.testing.assert_close(seen["width"], seen["height"], rtol=1e-3, atol=1e-3)
    # Uniform in 0.3..1: the mean is 0.65 with a standard error of 0.008.
    assert float(area.mean()) == pytest.approx(0.65, abs=0.03)


def test_about_half_of_the_images_are_mirrored_and_none_without_flipping():
    mirrored = seen_crops(Augmentation())["mirrored"].float().mean()
    assert abs(float(mirrored) - 0.5) < 4 * math.sqrt(0.25 / 600)
    assert not seen_crops(Augmentation(flip=False))["mirrored"].any()


def test_a_crop_of_everything_is_the_image():
    batch = images(4, 16)
    same = random_resized_crop(batch, 16, Augmentation(1.0, 1.0, flip=False), generator())
    torch.testing.assert_close(same, batch, rtol=0, atol=1e-5)


def test_about_a_tenth_of_the_images_lose_their_colour():
    settings = Augmentation(jitter=0)
    batch = images(1).expand(1000, 3, 12, 12)
    out = augment(batch, 8, settings, generator(5))
    colourless = (out[:, 0] == out[:, 1]).flatten(1).all(1).float().mean()
    assert abs(float(colourless) - 0.1) < 4 * math.sqrt(0.09 / 1000)
    assert (augment(batch, 8, Augmentation(grey=1.0), generator()).std(1) < 1e-6).all()


@pytest.mark.parametrize("seed", range(5))
def test_values_stay_in_zero_to_one_and_the_size_is_the_one_asked_for(seed):
    out = augment(images(32, 20), 16, Augmentation(), generator(seed))
    assert out.shape == (32, 3, 16, 16)
    assert torch.isfinite(out).all()
    assert out.min() >= -1e-6
    assert out.max() <= 1 + 1e-6
    assert out.std() > 0.1


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others():
    one, two, other = (augment(images(), 10, Augmentation(), generator(s)) for s in (7, 7, 8))
    assert torch.equal(one, two)
    assert not torch.allclose(one, other, atol=0.1)


def test_a_part_of_a_batch_gets_what_it_gets_in_the_whole():
    rows = torch.tensor([1, 2, 5])
    whole = augment(images(), 8, Augmentation(grey=0.5), generator())
    part = augment(images()[rows], 8, Augmentation(grey=0.5), generator(), BatchPart(rows, 6))
    assert torch.equal(part, whole[rows])


def test_only_the_given_generator_is_used():
    before = torch.random.get_rng_state()
    augment(images(), 10, Augmentation(), generator())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_defaults_are_the_papers():
    assert Augmentation() == Augmentation(
        crop_area=0.7, crop_ratio=4 / 3, flip=True, jitter=0.3, grey=0.1
    )


def test_without_anything_to_change_the_images_are_only_resized():
    settings = Augmentation(1.0, 1.0, flip=False, jitter=0, grey=0)
    torch.testing.assert_close(
        augment(images(), 12, settings, generator()), images(), rtol=0, atol=1e-5
    )
