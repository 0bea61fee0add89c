"""Attach quantizers to a network's weights, and bake them into a plain network again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from qtdog.quantization.levels import Levels
from qtdog.quantization.quantizer import Quantizer, QuantizerConfig

WEIGHTED_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
ATTENTION_WEIGHTS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")


@dataclass(frozen=True)
class WeightGrid:
    """The values that a quantized weight can take: step size * level."""

    step_size: Tensor  # (out,) or (1,), float32
    levels: Levels

    def nearest(self, weight: Tensor) -> Tensor:
        """`weight` (out, ...) rounded to the grid, float32."""
        # A dead channel's step size is 0 after folding: any divisor will do there.
        divisor = torch.where(self.step_size == 0, 1.0, self.step_size)
        return self.levels.values(self.levels.codes(weight, divisor), self.step_size)


@dataclass(frozen=True)
class QuantizedWeight:
    """A weight as stored: int8 `codes` (out, ...) of `levels`, float32 `step_size`."""

    codes: Tensor
    step_size: Tensor  # (out,) or (1,)
    levels: Levels

    def values(self) -> Tensor:
        """The float32 weight, step size * level(code)."""
        return self.levels.values(self.codes, self.step_size)


def quantizable_weights(network: nn.Module) -> dict[str, tuple[nn.Module, str]]:
    """Every convolution's, linear layer's and attention's weight: name -> (layer, attribute)."""
    found: dict[str, tuple[nn.Module, str]] = {}
    for name, layer in network.named_modules():
        if isinstance(layer, WEIGHTED_LAYERS):
            attributes: Sequence[str] = ("weight",)
        elif isinstance(layer, nn.MultiheadAttention):
            attributes = ATTENTION_WEIGHTS
        else:
            continue
        for attribute in attributes:
            if getattr(layer, attribute, None) is not None:
                found[f"{name}.{attribute}" if name else attribute] = (layer, attribute)
    return found


def weights_to_quantize(network: nn.Module, leave_out: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the quantizable weights but for those of the layers left out.

    `leave_out` names layers or blocks as `named_modules` does ("classifier", "features.0").
    Raises ValueError for a name that matches no layer.
    """
    weights = quantizable_weights(network)
    left_out: set[str] = set()
    for layer in leave_out:
        matched = {name for name in weights if name.startswith(layer + ".")}
        if not matched:
            layers = ", ".join(name.rpartition(".")[0] for name in weights)
            raise ValueError(f"No layer to leave out is called '{layer}'. There are: {layers}.")
        left_out |= matched
    return tuple(name for name in weights if name not in left_out)


def quantize(
    network: nn.Module, config: QuantizerConfig, leave_out: Sequence[str] = ()
) -> tuple[str, ...]:
    """Attach a quantizer to each of `weights_to_quantize` and return their names.

    The weights stay the same `Parameter` objects, so an optimizer keeps its state for them; what
    quantizers learn (`learned_parameters`) must be added to it.
    """
    weights = quantizable_weights(network)
    chosen = weights_to_quantize(network, leave_out)
    for name in chosen:
        layer, attribute = weights[name]
        quantizer = config.build(getattr(layer, attribute))
        parametrize.register_parametrization(layer, attribute, quantizer, unsafe=True)
    return chosen


def quantizers(network: nn.Module) -> Iterator[tuple[str, nn.Module, str, Quantizer]]:
    """(weight name, layer, attribute, quantizer) of every quantized weight."""
    for name, (layer, attribute) in quantizable_weights(network).items():
        if parametrize.is_parametrized(layer, attribute):
            yield name, layer, attribute, cast(Quantizer, _attached(layer, attribute)[0])


def latent_weight(layer: nn.Module, attribute: str) -> nn.Parameter:
    """The parameter that training changes: the latent weight of one with a quantizer, else the
    weight itself."""
    if not parametrize.is_parametrized(layer, attribute):
        return getattr(layer, attribute)
    return cast(nn.Parameter, _attached(layer, attribute).original)


def learned_parameters(network: nn.Module) -> list[nn.Parameter]:
    """What the quantizers learn, such as LSQ's step sizes, for the optimizer."""
    return [
        parameter for *_, quantizer in quantizers(network) for parameter in quantizer.parameters()
    ]


def advance(network: nn.Module, share: float) -> list[nn.Parameter]:
    """From now on at least this share (0..1) of the weights is quantized for good.

    Returns the latent weights that were changed by that: an optimizer must forget its state of
    them. With LSQ all weights are quantized from the start, and none is changed.
    """
    changed = []
    for _, layer, attribute, quantizer in quantizers(network):
        latent = latent_weight(layer, attribute)
        if quantizer.advance(latent, share):
            changed.append(latent)
    return changed


@torch.no_grad()
def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of the plain network with the weights in use, leaving this one as it is."""
    state = network.state_dict()
    for name, _, attribute, quantizer in quantizers(network):
        owner = f"{name.removesuffix(attribute)}parametrizations.{attribute}"
        for key in quantizer.state_dict():
            del state[f"{owner}.0.{key}"]
        state[name] = quantizer(state.pop(f"{owner}.original"))
    return state


@torch.no_grad()
def quantized_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict with the weights in use in the place of the latent ones, under their names:
    loaded into a network with quantizers, it computes what this one does."""
    state = network.state_dict()
    for name, layer, attribute, quantizer in quantizers(network):
        latent = f"{name.removesuffix(attribute)}parametrizations.{attribute}.original"
        state[latent] = quantizer(latent_weight(layer, attribute))
    return state


def refit(network: nn.Module) -> None:
    """Fit the step sizes of all quantizers anew to the latent weights (`Quantizer.refit`)."""
    for _, layer, attribute, quantizer in quantizers(network):
        quantizer.refit(latent_weight(layer, attribute))


@torch.no_grad()
def bake(network: nn.Module) -> dict[str, QuantizedWeight]:
    """Turn a quantized network, in place, into a plain one that holds the quantized weights.

    Weights that are not quantized yet are now. Returns the codes and step sizes by weight name.
    The plain weights equal `QuantizedWeight.values()` bit for bit.
    """
    advance(network, 1)
    baked: dict[str, QuantizedWeight] = {}
    for name, layer, attribute, quantizer in list(quantizers(network)):
        codes = quantizer.codes(latent_weight(layer, attribute))
        parametrize.remove_parametrizations(layer, attribute, leave_parametrized=True)
        baked[name] = QuantizedWeight(codes, quantizer.step_size, quantizer.levels)
    return baked


def _attached(layer: nn.Module, attribute: str) -> parametrize.ParametrizationList:
    """What torch keeps of a parametrized weight: its quantizer and the latent weight."""
    return cast(
        parametrize.ParametrizationList, layer.get_submodule(f"parametrizations.{attribute}")
    )
