"""What a plan of runs takes: operations, disk, hours on paper and on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qtdog.checkpoints import FULL_PRECISION_BITS
from qtdog.data import LARGEST_IN_MEMORY
from qtdog.reproduce.step_cost import FLOAT_BYTES, StepCost, measured_seconds, step_cost
from qtdog.training import TARGET_SAMPLE, TrainConfig

VALIDATION_SHARE = 0.2
PASSES = {"sam": 2}
"""Forward and backward passes a step, of objectives that take more than one."""


@dataclass(frozen=True)
class GPU:
    """A data sheet's peak for dense bfloat16 products (float16 where it has no bfloat16), in
    operations a second, and memory in bytes."""

    peak: float
    memory: float


GPUS = {
    "T4": GPU(65e12, 16e9),
    "V100": GPU(125e12, 32e9),
    "L4": GPU(121e12, 24e9),
    "A100": GPU(312e12, 80e9),
    "H100": GPU(989e12, 80e9),
}


@dataclass(frozen=True)
class Assumption:
    """What the hours on paper assume: nothing here was measured on a GPU."""

    name: str
    gpu: GPU
    utilisation: float
    """Share of the GPU's peak that training reaches."""

    @property
    def speed(self) -> float:
        """Operations a second."""
        return self.gpu.peak * self.utilisation


@dataclass
class PlanCost:
    """Of runs that remain to be done. Steps that runs share are counted once."""

    runs: int = 0
    steps: int = 0
    trained_images: int = 0
    evaluated_images: int = 0
    flops: int = 0
    """Of training, forward and backward, and of the evaluations, forward."""
    seconds_here: float | None = None
    """On this machine; None where it was not measured."""
    disk_bytes: dict[str, int] = field(default_factory=dict)

    def hours(self, assumed: Assumption) -> float:
        """On paper: operations over the assumed speed, with no time for reading images."""
        return self.flops / assumed.speed / 3600


def plan_cost(
    runs: Sequence[TrainConfig], images: Mapping[str, int], classes: int, measure: bool
) -> PlanCost:
    """Add up the runs on a dataset with so many images in each domain.

    Counted are the steps, the evaluations during training and the two networks' at the end; not
    the roundings after training that a full-precision run also evaluates.
    """
    total = PlanCost(seconds_here=0.0 if measure else None)
    trunks: set[str] = set()
    for run in runs:
        cost = step_cost(run.architecture, classes, run.image_size)
        sources = [count for domain, count in images.items() if domain != run.target_domain]
        validation = sum(int(count * VALIDATION_SHARE) for count in sources)
        target = images[run.target_domain]
        batch = run.images_per_domain * len(sources) * PASSES.get(run.objective, 1)
        before, after = run.quantize_step, run.steps - run.quantize_step
        seen = validation + min(target, TARGET_SAMPLE)
        evaluated = 2 * (after // run.evaluate_every * seen + validation + target)
        trunk = run.identity().trunk.name
        shared, steps = trunk in trunks, after
        if not shared:
            trunks.add(trunk)
            steps += before
            evaluated += before // run.evaluate_every * seen
        total.runs += 1
        total.steps += steps
        total.trained_images += batch * steps
        total.evaluated_images += evaluated
        total.flops += batch * steps * cost.step_flops + evaluated * cost.forward_flops
        if total.seconds_here is not None:
            images_a_step = run.images_per_domain * len(sources)
            kind = (run.architecture, run.image_size, images_a_step, run.objective)
            plain, later = (measured_seconds(*kind, one) for one in (False, run.quantized))
            total.seconds_here += images_a_step * after * later
            total.seconds_here += 0 if shared else images_a_step * before * plain
            total.seconds_here += evaluated * plain / 3  # forward is a third of a step
        _add_disk(total.disk_bytes, run, cost, validation + target, classes, not shared)
    if runs:
        sizes = {side for run in runs for side in (run.image_size, run.stored_size)}
        decoded = sum(3 * side**2 for side in sizes) * sum(images.values())
        total.disk_bytes["decoded images"] = decoded
    return total


def image_memory(run: TrainConfig, images: Mapping[str, int]) -> tuple[int, int]:
    """Bytes of the decoded training images from which batches are drawn: those that lie in the
    GPU's memory, and those of domains so large that they stay on disk."""
    sizes = [
        (count - int(count * VALIDATION_SHARE)) * 3 * run.stored_size**2
        for domain, count in images.items()
        if domain != run.target_domain
    ]
    held = sum(size for size in sizes if size <= LARGEST_IN_MEMORY)
    return held, sum(sizes) - held


def _add_disk(
    disk: dict[str, int], run: TrainConfig, cost: StepCost, logits: int, classes: int, trunk: bool
) -> None:
    weights = FLOAT_BYTES * cost.parameters
    bits = run.bits if run.quantized else FULL_PRECISION_BITS
    parts = {
        "checkpoints": 2 * weights * bits // FULL_PRECISION_BITS,
        "records with logits": 2 * logits * classes * FLOAT_BYTES,
        "trunks (network and Adam's moments)": 3 * weights if trunk else 0,
    }
    for name, size in parts.items():
        disk[name] = disk.get(name, 0) + size
    disk["the state of the run at work"] = 6 * weights
