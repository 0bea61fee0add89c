"""Everything that decides the outcome of one training run."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from qtdog.data import SplitRule
from qtdog.data.augmentation import Augmentation
from qtdog.models import normalization
from qtdog.quantization import QUANTIZERS, Granularity, QuantizerConfig
from qtdog.training.averaging import AveragingName
from qtdog.training.objectives import ObjectiveName

Method = Literal["erm", "qt-dog", "freeze"]
"""Full precision; quantized and trained on; quantized with weights and step sizes frozen, so that
only batch norm's affine parameters and the classifier are trained on (the control)."""

QuantizerName = Literal["lsq", "lsq-fitted", "inq"]
"""Learned step sizes, which start by LSQ's formula or at the least rounding error; or powers of two
that are frozen share by share."""

CHOICES = {
    "method": Method,
    "objective": ObjectiveName,
    "averaging": AveragingName,
    "split": SplitRule,
    "quantizer": QuantizerName,
}


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
    quantizer: QuantizerName = "lsq"

    def __post_init__(self) -> None:
        for name, kinds in CHOICES.items():
            if getattr(self, name) not in get_args(kinds):
                known = ", ".join(get_args(kinds))
                raise ValueError(
                    f"The {name} '{getattr(self, name)}' is unknown: choose one of {known}."
                )
        if not 0 < self.quantize_step < self.steps:
            raise ValueError(
                f"The quantization step {self.quantize_step} must lie between 0 and the last "
                f"step, {self.steps}."
            )
        if self.quantize_step % self.evaluate_every or self.steps % self.evaluate_every:
            raise ValueError(
                f"The quantization step {self.quantize_step} and the steps {self.steps} must be "
                f"multiples of the {self.evaluate_every} steps between evaluations."
            )
        if not (self.mean and self.std):
            own = normalization(self.architecture)
            object.__setattr__(self, "mean", self.mean or own.mean)
            object.__setattr__(self, "std", self.std or own.std)
        self.quantization  # noqa: B018  raises for an impossible bit width or granularity

    @property
    def quantized(self) -> bool:
        """Whether the method quantizes."""
        return self.method != "erm"

    @property
    def quantization(self) -> QuantizerConfig:
        """How QT-DoG quantizes in this run."""
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
        return cls(**{**values, "augmentation": Augmentation(**values["augmentation"])})

    def method_name(self) -> str:
        """ "erm", "coral" or, say, "qt-dog-7bit", "qt-dog-inq-7bit", "qt-dog-7bit-coral": LSQ and
        the paper's per-channel step sizes go without saying, cross-entropy alone beside a
        quantizer, and the moving average: "erm-swad" has another."""
        parts = []
        if self.quantized:
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

    def name(self) -> str:
        """A folder name: what a person tells runs apart by, and a hash of everything."""
        dataset = self.data.rstrip("/").rpartition("/")[2]
        run = f"{dataset}-{self.target_domain}-{self.method_name()}-seed{self.seed}"
        return f"{run}-{_hash(_identity(self))}"

    def trunk_name(self) -> str:
        """The same for every run that is this one up to the quantization step."""
        later = ("method", "bits", "granularity", "leave_out", "step_size_learning_rate", "steps")
        later = (*later, "averaging", "quantizer")
        trunk = {key: value for key, value in _identity(self).items() if key not in later}
        dataset = self.data.rstrip("/").rpartition("/")[2]
        return f"{dataset}-{self.target_domain}-seed{self.seed}-{_hash(trunk)}"


# Settings that came after the first runs: at their defaults they are no part of a run's name, so
# that runs begun before go on.
ADDED_LATER = ("objective", "averaging", "split", "quantizer")


def _identity(config: TrainConfig) -> dict[str, Any]:
    """What tells a run from others."""
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    return {
        name: value
        for name, value in config.to_json().items()
        if name not in ADDED_LATER or value != defaults[name]
    }


def _hash(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]


# Settings that go together. "paper" is the defaults. "cpu" is what one core
# trains in less than half an hour from ImageNet weights; "digits" is for rotated_digits, from
# random weights.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "cpu": {
        "architecture": "mobilenet_v2",
        "image_size": 128,
        "images_per_domain": 16,
        "steps": 1200,
        "quantize_step": 480,
        "evaluate_every": 80,
    },
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
        "augmentation": Augmentation(flip=False, jitter=0, grey=0),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    },
}


def recipe_settings(recipe: str, changed: dict[str, Any]) -> dict[str, Any]:
    """A recipe's settings, single ones changed; None changes nothing. Weights that were trained
    before bring their own scale of pixels, whatever the recipe has for random ones."""
    settings = {**RECIPES[recipe]} | {n: value for n, value in changed.items() if value is not None}
    if changed.get("start_weights") not in (None, "none"):
        settings = {n: value for n, value in settings.items() if n not in ("mean", "std")}
    return settings
