"""Uniform noise on the weights in training: the paper's Table 15, which asks whether noise as large
as quantization's, but drawn anew at every step, does what quantization does."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qtdog.models import classifier_name
from qtdog.quantization import latent_weight, quantizable_weights
from qtdog.training.objectives.batch import Batch, forward
from qtdog.training.objectives.perturbed import add_uniform, restored


@dataclass(frozen=True)
class WeightNoise:
    """Cross-entropy's gradient at w + n, where every entry of n is drawn from -`size` to `size`.

    Noise has every weight that QT-DoG would quantize (the latent one, if it does), at every step
    from the first; the weights that are evaluated and averaged have none. That reading is ours.
    """

    size: float

    def backward(self, network: nn.Module, batch: Batch) -> Tensor:
        with restored(weights_of(network)) as weights, torch.no_grad():
            for weight in weights:
                add_uniform(weight, self.size, batch.generator)
            with torch.enable_grad():
                loss = F.cross_entropy(forward(network, batch.images).float(), batch.labels)
                loss.backward()
        return loss.detach()


def weights_of(network: nn.Module) -> list[nn.Parameter]:
    """Every convolution's, linear layer's and attention's weight but the classifier's."""
    classifier = network.get_submodule(classifier_name(network))
    return [
        latent_weight(layer, attribute)
        for layer, attribute in quantizable_weights(network).values()
        if layer is not classifier
    ]
