"""The simple moving average: all steps since quantization (Arpit et al., NeurIPS 2022, arXiv
2110.10832, Eq. 1)."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from qtdog.training.averaging.mean import WeightAverage
from qtdog.training.state import EvaluationPoint


class SMA:
    """The mean over the steps so far. Chosen is the evaluation at which it has the highest source
    validation accuracy, the first of equals."""

    def __init__(self) -> None:
        self._average = WeightAverage()

    @property
    def mean(self) -> Mapping[str, Tensor]:
        return self._average.mean

    def add(self, state: Mapping[str, Tensor]) -> None:
        self._average.add(state)

    def evaluated(self, source_loss: float) -> None:
        pass

    def chosen_step(self, points: Sequence[EvaluationPoint]) -> int:
        return max(points, key=_source_validation).step

    def is_chosen(self, points: Sequence[EvaluationPoint]) -> bool:
        return self.chosen_step(points) == points[-1].step

    def tensors(self) -> Mapping[str, Tensor]:
        return self._average.mean

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        self._average = WeightAverage(steps, tensors)


def _source_validation(point: EvaluationPoint) -> float:
    if point.averaged_source_validation is None:
        raise ValueError(f"Averaged weights were not evaluated at step {point.step}.")
    return point.averaged_source_validation
