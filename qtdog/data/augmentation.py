"""DomainBed's augmentation (PAPER: RandomResizedCrop 0.7-1, flip, ColorJitter 0.3, grey 0.1),
done on whole batches: every image gets its own draw, all are computed at once."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from qtdog.data.augmentation_settings import Augmentation

GREY = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class BatchPart:
    """Which images of a batch are at hand: those at `rows` (n,) of `batch`."""

    rows: Tensor
    batch: int


def augment(
    images: Tensor,
    size: int,
    settings: Augmentation,
    generator: torch.Generator,
    part: BatchPart | None = None,
) -> Tensor:
    """(batch, 3, h, w) in 0..1 -> (batch, 3, size, size) in 0..1.

    All randomness comes from `generator`, which must be on the CPU: the same seed gives the same
    draws on every device. Images that are a `part` of a batch get what they get in the whole.
    """
    images = random_resized_crop(images, size, settings, generator, part)
    if settings.jitter:
        images = color_jitter(images, settings.jitter, generator, part)
    if settings.grey:
        chosen = _draw(images, generator, part) < settings.grey
        images = torch.where(chosen.to(images.device).view(-1, 1, 1, 1), grey(images), images)
    return images


def random_resized_crop(
    images: Tensor,
    size: int,
    settings: Augmentation,
    generator: torch.Generator,
    part: BatchPart | None = None,
) -> Tensor:
    """A random part of each image, in area `crop_area`..1 and side ratio 1/r..r, at `size`,
    perhaps mirrored."""
    batch = len(images)

    def draw() -> Tensor:
        return _draw(images, generator, part)

    area = settings.crop_area + (1 - settings.crop_area) * draw()
    log_ratio = math.log(settings.crop_ratio)
    ratio = torch.exp(log_ratio * (2 * draw() - 1))
    width = (area * ratio).sqrt().clamp(max=1)  # share of the image's width
    height = (area / ratio).sqrt().clamp(max=1)
    # affine_grid's coordinates run from -1 to 1, so the centre moves within +-(1 - share).
    centre_x = (2 * draw() - 1) * (1 - width)
    centre_y = (2 * draw() - 1) * (1 - height)
    mirror = torch.where(draw() < 0.5, -1.0, 1.0) if settings.flip else torch.ones(batch)
    zero = torch.zeros(batch)
    affine = torch.stack(
        [
            torch.stack([width * mirror, zero, centre_x], 1),
            torch.stack([zero, height, centre_y], 1),
        ],
        1,
    )  # (batch, 2, 3)
    grid = F.affine_grid(affine.to(images.device), [batch, 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, "bilinear", padding_mode="border", align_corners=False)


def color_jitter(
    images: Tensor, strength: float, generator: torch.Generator, part: BatchPart | None = None
) -> Tensor:
    """Brightness, contrast, saturation (factors 1 -+ strength) and hue (turn -+ strength), a draw
    for each image, in an order drawn for the batch."""
    order = torch.randperm(4, generator=generator).tolist()
    draws = 2 * _draw(images, generator, part, 4).view(4, -1, 1, 1, 1) - 1  # -1..1
    draws = draws.to(images.device) * strength
    for step in order:
        if step == 0:
            images = (images * (1 + draws[0])).clamp(0, 1)
        elif step == 1:
            mean = grey(images).mean((1, 2, 3), keepdim=True)
            images = torch.lerp(mean, images, 1 + draws[1]).clamp(0, 1)
        elif step == 2:
            images = torch.lerp(grey(images), images, 1 + draws[2]).clamp(0, 1)
        else:
            images = turn_hue(images, draws[3])
    return images


def grey(images: Tensor) -> Tensor:
    """(batch, 3, h, w) -> the same shape, all channels the luma (ITU-R 601)."""
    weights = images.new_tensor(GREY).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True).expand_as(images)


def turn_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn each image's hue by `turn` (batch, 1, 1, 1), a full circle being 1."""
    value, _ = images.max(1)
    chroma = value - images.min(1).values
    red, green, blue = images.unbind(1)
    safe = chroma.clamp_min(1e-12)
    sector = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )  # hue in sixths of a circle
    sector = sector + 6 * turn.squeeze(1)
    # Each channel is value - chroma * clamp(min(k, 4 - k), 0, 1), k = (n + hue) mod 6,
    # with n = 5, 3, 1 for red, green, blue.
    places = images.new_tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1)
    k = (places + sector.unsqueeze(1)) % 6
    weight = torch.minimum(k, 4 - k).clamp(0, 1)
    return value.unsqueeze(1) - chroma.unsqueeze(1) * weight


def _draw(
    images: Tensor, generator: torch.Generator, part: BatchPart | None, *leading: int
) -> Tensor:
    """(*leading, batch) in 0..1 for the images at hand."""
    if part is None:
        return torch.rand(*leading, len(images), generator=generator)
    return torch.rand(*leading, part.batch, generator=generator)[..., part.rows]
