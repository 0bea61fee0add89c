"""SWAD: the mean over the steps in the valley of the source validation loss (Cha et al., NeurIPS
2021, arXiv 2102.08604, Algorithm 1).

An evaluation's loss stands for the steps since the evaluation before, so the valley consists of
whole stretches between evaluations; of those, the weights of every step are averaged. As with the
choice of a checkpoint only what follows the quantization step counts, in full precision too; the
paper, which quantizes nothing, looks for the valley from the first step on.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from qtdog.training.averaging.mean import WeightAverage
from qtdog.training.state import EvaluationPoint

OPTIMUM_PATIENCE = 3  # N_s, in evaluations
OVERFIT_PATIENCE = 6  # N_e, in evaluations
TOLERANCE = 1.3  # r
TOLERANCE_OF = {"vlcs": 1.2}  # the paper's exception, by the dataset's name in lower case


def find_valley(losses: Sequence[float], tolerance: float = TOLERANCE) -> tuple[int, int | None]:
    """First and last evaluation of the valley, counted from 0; the last is None while it goes on.

    It starts at the first loss that is the lowest of the `OPTIMUM_PATIENCE` losses from it on;
    their mean times `tolerance` is the threshold. It ends before `OVERFIT_PATIENCE` losses that all
    exceed the threshold. Until a start is found it is 0, so that without a valley all is averaged.
    """
    start, threshold = 0, None
    for now in range(OPTIMUM_PATIENCE - 1, len(losses)):
        if threshold is None:
            window = losses[now - OPTIMUM_PATIENCE + 1 : now + 1]
            if window[0] == min(window):
                start = now - OPTIMUM_PATIENCE + 1
                threshold = tolerance * sum(window) / len(window)
        elif min(losses[max(0, now - OVERFIT_PATIENCE + 1) : now + 1]) > threshold:
            return start, now - OVERFIT_PATIENCE
    return start, None


class SWAD:
    """The mean over the valley as far as it goes; chosen whatever its accuracy is."""

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        self._tolerance = tolerance
        self._losses: list[float] = []
        self._since_evaluation = WeightAverage()
        # Means by the evaluation they end with. As the valley's start or end may yet turn out to
        # lie between them, the latest are apart; the older ones are one.
        self._stretches: dict[int, WeightAverage] = {}

    @property
    def mean(self) -> Mapping[str, Tensor]:
        mean = WeightAverage()
        for stretch in self._stretches.values():
            mean.merge(stretch)
        return mean.mean

    def add(self, state: Mapping[str, Tensor]) -> None:
        if self._end is None:
            self._since_evaluation.add(state)

    def evaluated(self, source_loss: float) -> None:
        if self._end is not None:
            return
        now = len(self._losses)
        self._losses.append(source_loss)
        self._stretches[now] = self._since_evaluation
        self._since_evaluation = WeightAverage()
        start, end = find_valley(self._losses, self._tolerance)
        last = now if end is None else end
        inside = {place: one for place, one in self._stretches.items() if start <= place <= last}
        self._stretches = {}
        for place, stretch in inside.items():
            before = (
                self._stretches.pop(place - 1, None) if place <= now - OVERFIT_PATIENCE else None
            )
            if before:
                before.merge(stretch)
            self._stretches[place] = before or stretch

    @property
    def _end(self) -> int | None:
        return find_valley(self._losses, self._tolerance)[1]

    def chosen_step(self, points: Sequence[EvaluationPoint]) -> int:
        return points[-1 if self._end is None else self._end].step

    def is_chosen(self, points: Sequence[EvaluationPoint]) -> bool:
        return True

    def tensors(self) -> Mapping[str, Tensor]:
        tensors = {"losses": torch.tensor(self._losses, dtype=torch.float64)}
        for place, stretch in self._stretches.items():
            tensors[f"{place}/count"] = torch.tensor(stretch.count)
            tensors |= {f"{place}/mean/{name}": one for name, one in stretch.mean.items()}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        self._losses = tensors["losses"].tolist()
        for place in sorted({int(name.partition("/")[0]) for name in tensors if "/" in name}):
            head = f"{place}/mean/"
            mean = {n.removeprefix(head): one for n, one in tensors.items() if n.startswith(head)}
            self._stretches[place] = WeightAverage(int(tensors[f"{place}/count"]), mean)
