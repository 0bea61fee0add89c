"""Scores during training: on the source domains' validation splits, on a sample of the target."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qtdog import models
from qtdog.data import Domain, take_rows
from qtdog.evaluation import accuracy_of, negative_log_likelihood, predict_logits
from qtdog.quantization import plain_state
from qtdog.training import parallel
from qtdog.training.config import TrainConfig
from qtdog.training.networks import plain_network, with_weights
from qtdog.training.run_data import RunData

TARGET_SAMPLE = 1000  # images of the target domain in the logged curve
FAST_FROM = 500  # images to evaluate, from which making a fast copy of the network pays


class Scores(NamedTuple):
    """What an evaluation during training finds out of a network: see EvaluationPoint."""

    source_validation: float
    target: float
    source_loss: float


class Evaluator:
    """Scores during training: on the source domains' validation splits, on a target sample."""

    def __init__(self, config: TrainConfig, run_data: RunData, device: torch.device) -> None:
        self.config = config
        self.classes = len(run_data.classes)
        self.source_validation = run_data.source_validation
        self.target = _sample(run_data.target, TARGET_SAMPLE)
        self.device = device
        images = len(self.target) + sum(map(len, self.source_validation))
        self.fast = device.type == "cpu" and images >= FAST_FROM
        self.plain = plain_network(config, self.classes).to(device)

    def of(self, network: nn.Module) -> Scores:
        """Of the weights as quantized."""
        self.plain.load_state_dict(plain_state(network))
        evaluated = self.plain.eval()
        if self.fast:  # half the time, the same up to float rounding
            evaluated = models.for_inference(self.plain)
        source = [self._logits(evaluated, domain) for domain in self.source_validation]
        pairs = list(zip(source, self.source_validation, strict=True))
        return Scores(
            float(np.mean([accuracy_of(logits, one.labels).fraction for logits, one in pairs])),
            accuracy_of(self._logits(evaluated, self.target), self.target.labels).fraction,
            float(np.mean([negative_log_likelihood(logits, one.labels) for logits, one in pairs])),
        )

    def of_average(self, mean: Mapping[str, Tensor]) -> Scores:
        """The same of averaged weights, quantized after averaging."""
        return self.of(with_weights(mean, self.config, self.classes).to(self.device))

    def _logits(self, network: nn.Module, domain: Domain) -> np.ndarray:
        """(images, classes). Every process computes every n-th image's, and gets all."""
        own, images = slice(None), domain.images
        if parallel.processes() > 1:
            own = np.arange(parallel.rank(), len(domain), parallel.processes())
            images = take_rows(images, own)
        logits = torch.zeros(len(domain), self.classes)
        if len(images):
            computed = predict_logits(network, images, self.config.mean, self.config.std)
            logits[own] = torch.from_numpy(computed)
        return self._finite(parallel.added(logits).numpy())

    def _finite(self, logits: np.ndarray) -> np.ndarray:
        """Raises ValueError where training has diverged: the largest of NaNs is the first class,
        whose accuracy would be chosen from."""
        if not np.isfinite(logits).all():
            raise ValueError(
                "Training has diverged: the network's logits are not finite numbers. Train again "
                f"with a smaller --learning-rate than {self.config.learning_rate:g}."
            )
        return logits


def _sample(domain: Domain, count: int) -> Domain:
    """Every k-th image, so that all classes are in it as in the whole."""
    if len(domain) <= count:
        return domain
    return domain.subset(np.linspace(0, len(domain) - 1, count).round().astype(np.int64))
