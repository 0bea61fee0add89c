"""The temperature that source validation gives a network."""

import numpy as np

from qtdog.data import DomainDataset, training_and_validation_rows
from qtdog.evaluation import fitted_temperature, predict_logits
from qtdog.landscape.measured_networks import Subject
from qtdog.landscape.space import WeightPoint

DECIMALS = 6


def temperature_of(point: WeightPoint, subject: Subject, dataset: DomainDataset) -> float:
    """Fitted on those images of the source domains that training held out, all together."""
    config, training = subject.config, subject.training
    held_out = [
        one.subset(
            training_and_validation_rows(dataset, one.name, training.seed, training.split)[1]
        )
        for one in dataset.sources(config.target_domain)
    ]
    logits = [
        predict_logits(point.network, one.images, config.mean, config.std) for one in held_out
    ]
    labels = np.concatenate([one.labels for one in held_out])
    return round(fitted_temperature(np.concatenate(logits), labels), DECIMALS)
