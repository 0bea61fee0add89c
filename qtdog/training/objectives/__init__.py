"""What a step's gradients are of: cross-entropy alone, or with another DG method's idea in it.

An objective is a value that the one loop is given, beside the averaging and the quantization
schedule; each works with each.
"""

from typing import Literal, Protocol

from torch import Tensor, nn

from qtdog.training.objectives.batch import Batch
from qtdog.training.objectives.coral import CORAL
from qtdog.training.objectives.erm import ERM
from qtdog.training.objectives.mixstyle import MixStyle, mixstyle_places
from qtdog.training.objectives.noise import WeightNoise
from qtdog.training.objectives.sam import SAM

ObjectiveName = Literal[
    "erm", "coral", "mixstyle", "sam", "noise-1e-4", "noise-5e-5", "noise-1e-5", "noise-5e-6"
]


class Objective(Protocol):
    """How a batch becomes gradients."""

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Leave the step's gradients in the parameters, which had none. Returns the mean
        cross-entropy of the batch, a scalar without gradient, for the log.

        Of several processes (`parallel`) each has its share of the batch. The loop averages the
        gradients over them; what does not follow from single images is put together here."""
        ...


def make_objective(name: ObjectiveName, network: nn.Module, image_size: int) -> Objective:
    """The objective with its published parameters, for this network and side of its images.

    Raises ValueError for a network that it does not work with.
    """
    if name == "coral":
        return CORAL()
    if name == "mixstyle":
        return MixStyle(mixstyle_places(network, image_size))
    if name == "sam":
        return SAM()
    if name.startswith("noise-"):
        return WeightNoise(float(name.removeprefix("noise-")))
    return ERM()


__all__ = ["Batch", "Objective", "ObjectiveName", "make_objective"]
