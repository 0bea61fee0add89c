"""Which run a network comes from: two of equal identity are the same network."""

import dataclasses
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from qtdog.data import Augmentation

NOT_SETTINGS = ("dataset", "data", "sampled_data")
WORDS = {"data": "images", "sampled_data": "images", "start_weights_hash": "start weights' content"}
"""What people call a field, where it is another name."""


@dataclass(frozen=True)
class RunIdentity:
    """A run's settings and the fingerprint of its data.

    None stands for what the method does not use (full precision has no bit width) and for what is
    not known (older checkpoints do not state everything): it is never compared.
    """

    dataset: str | None = None
    """What the data are called: compared only where their images cannot be."""
    data: str | None = None
    """`DomainDataset.fingerprint`."""
    sampled_data: str | None = None
    """`DomainDataset.sampled_fingerprint`, by which older runs are known."""
    target_domain: str | None = None
    split: str | None = None
    seed: int | None = None
    method: str | None = None
    objective: str | None = None
    averaging: str | None = None
    averaged_weights: str | None = None
    architecture: str | None = None
    start_weights: str | None = None
    """Without its folder, if it is a file."""
    start_weights_hash: str | None = None
    """Of the file's content."""
    bits: int | None = None
    granularity: str | None = None
    quantizer: str | None = None
    leave_out: tuple[str, ...] | None = None
    image_size: int | None = None
    images_per_domain: int | None = None
    steps: int | None = None
    quantize_step: int | None = None
    evaluate_every: int | None = None
    learning_rate: float | None = None
    step_size_learning_rate: float | None = None
    freeze_batch_norm: bool | None = None
    augmentation: Augmentation | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def trunk(self) -> "RunIdentity":
        """What it shares with every run that is this one up to the quantization step."""
        return self.without(
            "method",
            "averaging",
            "averaged_weights",
            "bits",
            "granularity",
            "quantizer",
            "leave_out",
            "steps",
            "step_size_learning_rate",
        )

    def without(self, *names: str) -> "RunIdentity":
        """The same, but for some fields."""
        return dataclasses.replace(self, **dict.fromkeys(names))

    @property
    def name(self) -> str:
        """A file name: what a person tells runs apart by, and a hash of all settings. The data's
        fingerprint is no part of it."""
        key = self.without(*NOT_SETTINGS).key
        parts = (self.dataset, self.target_domain, self.method or "trunk", f"seed{self.seed}", key)
        return "-".join(part for part in parts if part)

    @property
    def key(self) -> str:
        """A hash of all that is known."""
        values = {n: value for n, value in dataclasses.asdict(self).items() if value is not None}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]

    def difference(self, other: "RunIdentity", but: Collection[str] = ()) -> str:
        """What differs from `other`, as "steps 12 instead of 24 and other images"; "" if nothing.

        Fields in `but` may differ.
        """
        unequal = [
            field.name
            for field in fields(self)
            if field.name not in but
            and None not in (mine := getattr(self, field.name), its := getattr(other, field.name))
            and mine != its
        ]
        if self.data and other.data:  # they say all that the other two do
            unequal = [name for name in unequal if name not in ("dataset", "sampled_data")]
        elif self.sampled_data and other.sampled_data:
            unequal = [name for name in unequal if name != "dataset"]
        said = [
            f"other {WORDS[name]}"
            if name in WORDS
            else f"{name.replace('_', ' ')} {_plain(getattr(self, name))} "
            f"instead of {_plain(getattr(other, name))}"
            for name in unequal
        ]
        return " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
