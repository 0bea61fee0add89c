"""Shifts: unchanged at 0, further away with every step, and each the shift that it says it is."""

import time
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from qtdog.explorer import MAX_SIDE, SEVERITIES, SHIFTS

NAMES = tuple(SHIFTS)
# Hue and rotation have distances of their own: half a turn of the colour wheel may be nearer in
# RGB than a third.
BY_PIXELS = tuple(name for name in NAMES if name not in ("hue", "rotation"))


@pytest.fixture(scope="module")
def picture():
    """A red disc with a blue rim and a soft sky, with some texture."""
    rows, columns = np.mgrid[0:150, 0:200]
    pixels = np.stack([80 + rows / 2, 120 + columns / 3, 230 - rows / 2], 2)
    pixels += np.random.default_rng(1).normal(0, 6, pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((60, 25, 160, 125), fill=(200, 40, 30), outline="navy", width=4)
    return image


def distance(one, other):
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def test_there_are_ten_with_a_title_and_a_sentence_each():
    assert NAMES == (
        "pencil", "cartoon", "posterise", "greyscale", "blur",
        "noise", "jpeg", "hue", "rotation", "occlusion",
    )  # fmt: skip
    assert len({shift.title for shift in SHIFTS.values()}) == 10
    assert all(shift.about.endswith(".") and len(shift.about) > 20 for shift in SHIFTS.values())


@pytest.mark.parametrize("name", NAMES)
def test_severity_0_changes_no_pixel(picture, name):
    assert SHIFTS[name].apply(picture, 0).tobytes() == picture.tobytes()


@pytest.mark.parametrize("name", BY_PIXELS)
def test_every_step_leads_further_away(picture, name):
    steps = [distance(SHIFTS[name].apply(picture, severity), picture) for severity in SEVERITIES]
    assert steps == sorted(steps)
    assert min(np.diff(steps)) > 0.1
    assert steps[1] > 0.5  # of 255: visible at once


def test_hue_turns_towards_the_opposite_colour(picture):
    def degrees(image):
        return np.asarray(image.convert("HSV"), int)[75, 110, 0] * 360 / 256

    turned = [degrees(SHIFTS["hue"].apply(picture, severity)) for severity in SEVERITIES]
    by_hand = [(turned[0] + 36 * severity) % 360 for severity in SEVERITIES]
    np.testing.assert_allclose(turned, by_hand, atol=3)


def test_rotation_turns_by_18_degrees_a_step_and_fills_with_the_border():
    image = Image.new("RGB", (201, 201), (240, 230, 220))
    ImageDraw.Draw(image).ellipse((155, 95, 165, 105), fill="black")  # 60 px right of the middle
    for severity in SEVERITIES:
        turned = SHIFTS["rotation"].apply(image, severity)
        rows, columns = np.nonzero(np.asarray(turned.convert("L")) < 100)
        angle = np.degrees(np.arctan2(100 - rows.mean(), columns.mean() - 100))
        assert angle == pytest.approx(18 * severity, abs=1)
        assert turned.getpixel((0, 0)) == turned.getpixel((200, 200)) == (240, 230, 220)


def test_greyscale_at_5_has_equal_channels_of_the_luma(picture):
    pixels = np.asarray(SHIFTS["greyscale"].apply(picture, 5), float)
    original = np.asarray(picture, float)
    luma = original @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(pixels, luma[..., None].repeat(3, 2), atol=1)


def test_posterise_leaves_2_shades_a_channel_at_5(picture):
    pixels = np.asarray(SHIFTS["posterise"].apply(picture, 5))
    assert {len(np.unique(pixels[..., channel])) for channel in range(3)} == {2}
    assert set(np.unique(pixels)) == {0, 255}


def test_pencil_at_5_is_lines_on_white_paper(picture):
    pixels = np.asarray(SHIFTS["pencil"].apply(picture, 5))
    assert (pixels == pixels[..., :1]).all()  # no colour
    assert pixels[70:80, 105:115].mean() > 250  # the disc's inside is paper
    assert pixels[74:76, 58:66].min() < 80  # its rim is a line


def test_cartoon_has_few_colours_away_from_outlines():
    soft = Image.linear_gradient("L").convert("RGB")
    assert len(soft.getcolors()) == 256
    assert len(SHIFTS["cartoon"].apply(soft, 5).getcolors()) < 100


def test_noise_has_the_stated_deviation_and_is_the_same_every_time():
    grey = Image.new("RGB", (192, 192), (128, 128, 128))
    noisy = SHIFTS["noise"].apply(grey, 2)
    assert np.asarray(noisy, float).std() == pytest.approx(40, rel=0.03)
    assert noisy.tobytes() == SHIFTS["noise"].apply(grey, 2).tobytes()


def test_occlusion_hides_a_growing_set_of_tiles(picture):
    hidden = [
        (np.asarray(SHIFTS["occlusion"].apply(picture, severity)) == 128).all(2)
        for severity in SEVERITIES
    ]
    shares = [mask.mean() for mask in hidden]
    np.testing.assert_allclose(shares, [0, 0.15, 0.3, 0.45, 0.6, 0.75], atol=0.02)
    for fewer, more in pairwise(hidden):
        assert (more[fewer]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 7), (130, 512)])
def test_any_size_comes_back_the_same_size_and_in_rgb(name, size):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8))
    for severity in (0.3, 2.5, 5):
        shifted = SHIFTS[name].apply(image, severity)
        assert (shifted.size, shifted.mode) == (size, "RGB")


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_handed_in_stays_as_it_was(picture, name):
    before = picture.tobytes()
    first = SHIFTS[name].apply(picture, 4)
    assert picture.tobytes() == before
    assert SHIFTS[name].apply(picture, 4).tobytes() == first.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_shift_of_512_px_takes_under_50_ms_of_one_core(picture, name):
    large = picture.resize((512, 512))
    times = []
    for _ in range(5):
        start = time.process_time()
        SHIFTS[name].apply(large, 5)
        times.append(time.process_time() - start)
    assert min(times) < 0.05


def test_a_series_shrinks_a_huge_picture_first_and_has_six_severities(picture):
    series = SHIFTS["blur"].series(picture.resize((2000, 1500)))
    assert [one.size for one in series] == [(MAX_SIDE, 384)] * 6
    small = SHIFTS["blur"].series(picture)
    assert small[0].tobytes() == picture.tobytes()
    assert small[3].tobytes() == SHIFTS["blur"].apply(picture, 3).tobytes()


@pytest.mark.parametrize("severity", [-0.1, 5.1, float("nan"), float("inf")])
def test_a_severity_outside_is_refused(picture, severity):
    with pytest.raises(ValueError, match="choose one from 0 to 5"):
        SHIFTS["hue"].apply(picture, severity)
