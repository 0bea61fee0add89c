"""Everything that decides the outcome of one training run."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from qtdog.checkpoints import RunIdentity
from qtdog.data import Augmentation, SplitRule
from qtdog.models import content_hash, normalization, short_name
from qtdog.quantization import QUANTIZERS, Granularity, QuantizerConfig
from qtdog.training.averaging import AveragingName
from qtdog.training.objectives import ObjectiveName

Method = Literal["erm", "qt-dog", "freeze", "noise"]
"""Full precision; quantized and trained on; quantized with weights and step sizes frozen, so that
only batch norm's affine parameters and the classifier are trained on (the control); in full
precision, with noise as large as rounding's in its place (`training.step_noise`)."""

QuantizerName = Literal["lsq-least-error", "lsq", "lsq-fitted", "inq"]
"""Learned step sizes, which start at the least rounding error or, LSQ's own start, by its formula
("lsq-fitted" is the first of them in the records of the first study); or powers of two that are
frozen share by share."""

AveragedWeights = Literal["quantized", "latent"]
"""Of a quantized run: the weights that it computes with, which is what it has learned to work
with, or the latent ones that the optimizer moves. Both means are rounded again."""

CHOICES = {
    "method": Method,
    "objective": ObjectiveName,
    "averaging": AveragingName,
    "split": SplitRule,
    "quantizer": QuantizerName,
    "averaged_weights": AveragedWeights,
}
MOST_STEPS = 10_000_000
RANGES = {
    "seed": (0, 2**31 - 1),
    "image_size": (1, 4096),
    "images_per_domain": (1, 65_536),
    "steps": (2, MOST_STEPS),
    "evaluate_every": (1, MOST_STEPS),
}
"""Setting -> the least and the most that it may be."""


@dataclass(frozen=True)
class TrainConfig:
    """One run: a method, a held-out domain, a seed. The defaults are the paper's values.

    `learning_rate` is Adam's, for weights. `step_size_learning_rate` is Adam's for the logarithm
    of the step sizes, so about the relative change a step. The checkpoint is chosen by source
    validation among the evaluations after `quantize_step`, for ERM as for QT-DoG, with INQ among
    those at which all weights are quantized.
    """

    data: str
    target_domain: str
    method: Method = "qt-dog"
    objective: ObjectiveName = "erm"
    averaging: AveragingName = "sma"
    seed: int = 0
    architecture: str = "resnet50"
    start_weights: str = "pretrained"
    bits: int = 7
    granularity: Granularity = "channel"
    leave_out: tuple[str, ...] = ()
    """Layers left in full precision besides the classifier."""
    image_size: int = 224
    images_per_domain: int = 32
    steps: int = 5000
    quantize_step: int = 2000
    evaluate_every: int = 200
    learning_rate: float = 5e-5
    step_size_learning_rate: float = 1e-3
    freeze_batch_norm: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    """Of the pixels that the network sees; not given, those of the architecture's own weights."""
    split: SplitRule = "ours"
    """Which images of each domain are held out."""
    quantizer: QuantizerName = "lsq-least-error"
    averaged_weights: AveragedWeights = "quantized"

    def __post_init__(self) -> None:
        for name, kinds in CHOICES.items():
            if getattr(self, name) not in get_args(kinds):
                known = ", ".join(get_args(kinds))
                raise ValueError(
                    f"The {name} '{getattr(self, name)}' is unknown: choose one of {known}."
                )
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(
                    f"The {name.replace('_', ' ')} must be {least:,} to {most:,}, and not "
                    f"{getattr(self, name)}."
                )
        rates = ("learning_rate", "step_size_learning_rate")
        for name in rates if self.quantized else rates[:1]:
            if not (0 < getattr(self, name) < math.inf):
                raise ValueError(
                    f"The {name.replace('_', ' ')} must be above 0, and not {getattr(self, name)}."
                )
        start = f"quantization step {self.quantize_step}"
        if not self.quantized:
            start = f"step {self.quantize_step}, after which the checkpoint is chosen,"
        if not 0 < self.quantize_step < self.steps:
            raise ValueError(f"The {start} must lie between 0 and the last step, {self.steps}.")
        if self.quantize_step % self.evaluate_every or self.steps % self.evaluate_every:
            raise ValueError(
                f"The {start} and the steps {self.steps} must be "
                f"multiples of the {self.evaluate_every} steps between evaluations."
            )
        if not (self.mean and self.std):
            own = normalization(self.architecture)
            object.__setattr__(self, "mean", self.mean or own.mean)
            object.__setattr__(self, "std", self.std or own.std)
        if self.method != "erm":
            self.quantization  # noqa: B018  raises for an impossible bit width or granularity
        if self.method == "noise" and self.quantizer == "inq":
            raise ValueError(
                "Noise is one step size wide, and INQ's levels are not one step size apart: choose "
                "another quantizer."
            )

    @property
    def quantized(self) -> bool:
        """Whether the method quantizes."""
        return self.method in ("qt-dog", "freeze")

    @property
    def noisy(self) -> bool:
        """Whether the method trains with noise as large as quantization's."""
        return self.method == "noise"

    @property
    def averages_on_learned_grids(self) -> bool:
        """Whether the mean is of quantized weights whose step sizes were learned, so that they can
        be fitted anew to it."""
        learned = self.method == "qt-dog" and self.quantizer != "inq"
        return learned and self.averaged_weights == "quantized"

    @property
    def quantization(self) -> QuantizerConfig:
        """How QT-DoG quantizes in this run; of "noise", how it would."""
        return QUANTIZERS[self.quantizer](self.bits, self.granularity)

    @property
    def schedule(self) -> dict[int, float]:
        """Step -> share of the weights that is quantized from there on; empty in full precision.

        LSQ and the control "freeze" quantize all weights at the quantization step. INQ's shares
        (50, 75, 87.5 and 100 %) begin at equal distances from there: as many steps as between two
        of them are left at the end to train what is not quantized, the classifier, biases and
        batch norm.
        """
        if not self.quantized:
            return {}
        shares = (1.0,) if self.method == "freeze" else self.quantization.shares
        left = self.steps - self.quantize_step
        return {
            self.quantize_step + left * place // len(shares): share
            for place, share in enumerate(shares)
        }

    @property
    def settled_step(self) -> int:
        """The quantization step, with INQ that of the last share: from here on the network is what
        it is to be. Evaluations after it can be chosen, and weights after it are averaged."""
        return max(self.schedule, default=self.quantize_step)

    @property
    def stored_size(self) -> int:
        """Side of the images that random crops are taken from: a crop of 70 % of the area is then
        still larger than the network's input."""
        return self.image_size * 5 // 4

    def to_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainConfig":
        """The inverse of `to_json`."""
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        values = {**ADDED_LATER, **values}
        return cls(**{**values, "augmentation": Augmentation(**values["augmentation"])})

    def method_name(self) -> str:
        """ "erm", "coral" or, say, "qt-dog-7bit", "qt-dog-inq-7bit", "qt-dog-7bit-coral": LSQ with
        its own start and the paper's per-channel step sizes go without saying, cross-entropy alone
        beside a quantizer, and the moving average: "erm-swad" has another."""
        parts = []
        if self.quantized or self.noisy:
            parts += [self.method] + ([self.quantizer] if self.quantizer != "lsq" else [])
            parts += [f"{self.bits}bit"]
            parts += ["per-tensor"] if self.granularity == "tensor" else []
        if self.objective != "erm" or not parts:
            parts.append(self.objective)
        parts += [self.averaging] if self.averaging != "sma" else []
        return "-".join(parts)

    def label(self, recipe: str) -> str:
        """The method's name and, where quantization (in full precision the averaging) starts at
        another step than the recipe's or the split is not ours, that:
        "qt-dog-7bit-from240-domainbed"."""
        usual = RECIPES[recipe].get("quantize_step", TrainConfig.quantize_step)
        moved = self.quantize_step != usual
        return (
            self.method_name()
            + (f"-from{self.quantize_step}" if moved else "")
            + (f"-{self.split}" if self.split != "ours" else "")
        )

    def identity(self, data: str | None = None, sampled_data: str | None = None) -> RunIdentity:
        """What tells this run from others, on data of these fingerprints. Settings that the method
        does not use are no part of it."""
        learns_step_sizes = self.method == "qt-dog" and self.quantizer != "inq"
        unused = ("bits", "granularity", "quantizer", "leave_out") if self.method == "erm" else ()
        unused += () if self.quantized else ("averaged_weights",)
        unused += () if learns_step_sizes else ("step_size_learning_rate",)
        names = {one.name for one in dataclasses.fields(self)} - {"data", *unused}
        values = {name: getattr(self, name) for name in names} | {
            "dataset": Path(self.data).name.lower(),
            "data": data,
            "sampled_data": sampled_data,
            "start_weights": short_name(self.start_weights),
            "start_weights_hash": content_hash(self.start_weights),
        }
        return RunIdentity(**values)


# Settings that came after the first runs, and what these had: what is meant where their records do
# not say.
ADDED_LATER = {
    "objective": "erm",
    "averaging": "sma",
    "split": "ours",
    "quantizer": "lsq",
    "averaged_weights": "latent",
}


# Settings that go together. "paper" is the defaults. "cpu" is what one core trains in an hour from
# ImageNet weights; "cpu-small", the second study's, takes a third of its time, and has two
# variants; "cpu-short" is the first study's, whose records call it "cpu". "digits" is for
# rotated_digits, from random weights.
_MOBILENET: dict[str, Any] = {
    "architecture": "mobilenet_v2",
    "image_size": 128,
    "images_per_domain": 16,
}
_SMALL = {**_MOBILENET, "image_size": 96, "images_per_domain": 8}
_LONG = {"steps": 3000, "quantize_step": 1200, "evaluate_every": 200}
_SHORT = {"steps": 1200, "quantize_step": 480, "evaluate_every": 80}
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "cpu": {**_MOBILENET, **_LONG},
    "cpu-small": {**_SMALL, **_LONG},
    "cpu-small-short": {**_SMALL, **_SHORT},
    "cpu-small-lite0": {**_SMALL, **_LONG, "architecture": "timm/tf_efficientnet_lite0"},
    "cpu-short": {**_MOBILENET, **_SHORT},
    "digits": {
        "architecture": "shufflenet_v2_x0_5",
        "start_weights": "none",
        "freeze_batch_norm": False,
        "image_size": 32,
        "images_per_domain": 16,
        "steps": 300,
        "quantize_step": 120,
        "evaluate_every": 30,
        "learning_rate": 2e-3,
        "step_size_learning_rate": 2e-3,
        "augmentation": Augmentation(flip=False, jitter=0.0, grey=0.0),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    },
}


def recipe_settings(recipe: str, changed: dict[str, Any]) -> dict[str, Any]:
    """A recipe's settings, single ones changed; None changes nothing. Weights that were trained
    before bring their own scale of pixels, whatever the recipe has for random ones; other steps
    bring a schedule that is as long in proportion."""
    given = {name: value for name, value in changed.items() if value is not None}
    settings = RECIPES[recipe] | given
    if given.get("start_weights", "none") != "none":
        settings = {n: value for n, value in settings.items() if n not in ("mean", "std")}
    if given.get("steps", 0) >= 2 and given.get("evaluate_every", 1) >= 1:
        settings |= _schedule(
            recipe, given["steps"], given.get("quantize_step"), given.get("evaluate_every")
        )
    return settings


MANY_EVALUATIONS = 200
SCHEDULE = ("steps", "quantize_step", "evaluate_every")


def _schedule(
    recipe: str, steps: int, quantize_step: int | None, evaluate_every: int | None
) -> dict[str, int]:
    """What is None at the same share of `steps` (2 or more) as in the recipe, rounded so that the
    evaluations divide both. Raises ValueError for steps that no number near that share divides."""
    usual = {name: RECIPES[recipe].get(name, getattr(TrainConfig, name)) for name in SCHEDULE}
    share = steps / usual["steps"]
    if evaluate_every is None:
        near = max(1.0, usual["evaluate_every"] * share)
        whole = steps if quantize_step is None else math.gcd(steps, quantize_step)
        divisors = (n for n in range(1, min(whole, int(4 * near)) + 1) if not whole % n)
        evaluate_every = min(divisors, key=lambda n: abs(math.log(n / near)))
        if quantize_step is None and evaluate_every * 2 > steps:
            evaluate_every = 1
        if evaluate_every * 4 < near and steps > MANY_EVALUATIONS * evaluate_every:
            both = f"{steps:,}" + (f" and {quantize_step:,}" if quantize_step else "")
            raise ValueError(
                f"No number of steps between evaluations near {near:.0f} divides {both} "
                "evenly: give --evaluate-every, or other --steps, such as "
                f"{round(steps / round(near)) * round(near):,}."
            )
    if quantize_step is None:
        parts = round(usual["quantize_step"] * share / evaluate_every)
        quantize_step = max(1, min(parts, steps // evaluate_every - 1)) * evaluate_every
    return {"quantize_step": quantize_step, "evaluate_every": evaluate_every}
