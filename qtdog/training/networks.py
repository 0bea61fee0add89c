"""A run's network: as it starts, with its quantizers, with weights that were kept."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from qtdog import models
from qtdog.quantization import latent_weight, learned_parameters, quantize, quantizers
from qtdog.training import parallel
from qtdog.training.config import TrainConfig


def start_network(config: TrainConfig, classes: int) -> nn.Module:
    """With its start weights; a new classifier's weights follow from the seed."""
    with parallel.first_on_each_machine(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return models.build(config.architecture, classes, config.start_weights, config.image_size)


def check_network(config: TrainConfig) -> None:
    """Build a run's network once, quantizers included, so that what is wrong with its start weights
    or the layers to leave out is said before images are read and steps done. Raises ValueError."""
    network = start_network(config, 2)
    if config.method != "erm":
        quantize(network, config.quantization, left_out(network, config))


def plain_network(config: TrainConfig, classes: int) -> nn.Module:
    """One to load weights into."""
    return models.build(config.architecture, classes, image_size=config.image_size)


def start_quantization(
    network: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> None:
    """Attach quantizers; the optimizer keeps its state for the weights and gets the step sizes.

    The control "freeze" trains neither.
    """
    quantize(network, config.quantization, left_out(network, config))
    if config.method == "freeze":
        for _, layer, attribute, quantizer in quantizers(network):
            quantizer.requires_grad_(False)
            latent_weight(layer, attribute).requires_grad_(False)
        optimizer.zero_grad()  # Adam passes over what has no gradient, its momentum included
        return
    if learned := learned_parameters(network):
        optimizer.add_param_group({"params": learned, "lr": config.step_size_learning_rate})


def left_out(network: nn.Module, config: TrainConfig) -> tuple[str, ...]:
    """Names of the layers that stay in full precision."""
    return (models.classifier_name(network), *config.leave_out)


def with_weights(tensors: Mapping[str, Tensor], config: TrainConfig, classes: int) -> nn.Module:
    """A network with weights from after the quantization step, and quantizers if the method has
    any."""
    network = plain_network(config, classes)
    if config.quantized:
        quantize(network, config.quantization, left_out(network, config))
    network.load_state_dict(tensors)
    return network
