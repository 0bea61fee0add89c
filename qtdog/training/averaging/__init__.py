"""Which weights of a run are averaged: a value that the loop is given, as the objective is."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from torch import Tensor

from qtdog.training.averaging.mean import WeightAverage
from qtdog.training.averaging.sma import SMA
from qtdog.training.averaging.swad import SWAD, TOLERANCE, TOLERANCE_OF
from qtdog.training.state import EvaluationPoint

AveragingName = Literal["sma", "swad"]


class Averaging(Protocol):
    """A mean of the network's states since the quantization step, and which one a run ends in.

    `points` are the evaluations since then. With INQ all this begins when all weights are
    quantized (`TrainConfig.settled_step`).
    """

    @property
    def mean(self) -> Mapping[str, Tensor]:
        """The averaged state as of now."""
        ...

    def add(self, state: Mapping[str, Tensor]) -> None:
        """Take the network's state after one more step."""
        ...

    def evaluated(self, source_loss: float) -> None:
        """Learn the network's source validation loss after the step that was added last."""
        ...

    def chosen_step(self, points: Sequence[EvaluationPoint]) -> int:
        """The last step in the averaged weights that a run ends in if it ends now."""
        ...

    def is_chosen(self, points: Sequence[EvaluationPoint]) -> bool:
        """Whether those weights are `mean` as it is now."""
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """What `restore` takes; asked for after an evaluation."""
        ...

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Go on from `tensors`, after so many `steps`."""
        ...


def make_averaging(name: AveragingName, dataset: str) -> Averaging:
    """The averaging with its published parameters for a dataset."""
    if name == "swad":
        return SWAD(TOLERANCE_OF.get(dataset.lower(), TOLERANCE))
    return SMA()


__all__ = ["Averaging", "AveragingName", "WeightAverage", "make_averaging"]
