"""Which weights of an architecture are quantized, which are not and why, and what that saves.

Quantized is the weight of every convolution (depthwise and grouped ones and the first one, the
stem, like any other), of every linear layer and of every attention, but the classifier's. Nothing
else is: biases, norms, position embeddings, tables of relative positions, class tokens and scales
of layers are no weights of such layers, and few.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from safetensors.torch import save as tensors_to_bytes
from torch import nn

from qtdog import models
from qtdog.checkpoints import storage
from qtdog.models import foldable
from qtdog.quantization import QuantizerConfig, quantizable_weights, quantize, weights_to_quantize

NORMS = (*models.NORM_LAYERS, nn.LayerNorm)
# What else a parameter can be, by a part of its name.
OTHER_KINDS = (
    ("relative_position", "relative position table"),
    ("pos_embed", "position embedding"),
    ("token", "class token"),
    ("layer_scale", "scale of a layer"),
    ("gamma", "scale of a layer"),
    ("bias", "bias"),
)


@dataclass(frozen=True)
class Weight:
    """The weight of a convolution, linear layer or attention."""

    name: str
    """In the network's state dict, for example "features.0.0.weight"."""
    kind: str
    """In words: "depthwise 3×3 convolution"."""
    shape: tuple[int, ...]
    """(out, ...): with one step size a channel, each row has its own."""
    count: int
    left_out: str
    """Why it stays in full precision; empty for a quantized one."""


@dataclass(frozen=True)
class Rest:
    """All parameters of a kind that is never quantized."""

    kind: str
    tensors: int
    count: int
    folded: bool
    """Batch norm that a convolution takes in when the quantized network is stored."""


@dataclass(frozen=True)
class Survey:
    """An architecture's weights, and its model.safetensors in full precision and at b bits."""

    architecture: str
    image_size: int | None
    """None: the architecture's usual one."""
    quantizer: QuantizerConfig
    weights: tuple[Weight, ...]
    rest: tuple[Rest, ...]
    full_bytes: int
    packed_bytes: int

    @property
    def quantized(self) -> tuple[Weight, ...]:
        """The weights that are quantized."""
        return tuple(weight for weight in self.weights if not weight.left_out)

    @property
    def parameters(self) -> int:
        """Of the network, all in all."""
        return sum(one.count for one in (*self.weights, *self.rest))

    @property
    def quantized_parameters(self) -> int:
        """How many of them are quantized."""
        return sum(weight.count for weight in self.quantized)


def survey_layers(
    architecture: str,
    quantizer: QuantizerConfig,
    classes: int,
    image_size: int | None = None,
    leave_out: Sequence[str] = (),
) -> Survey:
    """Build the network with random weights, quantize it as training does, and store it both ways.

    `leave_out`: layers or blocks to keep in full precision besides the classifier. Raises
    ValueError for an unknown architecture, size or layer.
    """
    network = models.build(architecture, classes, image_size=image_size).eval()
    listed, rest = weights(network, leave_out), _rest(network)
    full_bytes = len(tensors_to_bytes(storage.store(network).tensors))
    quantize(network, quantizer, (models.classifier_name(network), *leave_out))
    packed_bytes = len(tensors_to_bytes(storage.store(network).tensors))
    return Survey(architecture, image_size, quantizer, listed, rest, full_bytes, packed_bytes)


def weights(network: nn.Module, leave_out: Sequence[str] = ()) -> tuple[Weight, ...]:
    """The weights of a plain network, in its order, and which of them training leaves out."""
    classifier = models.classifier_name(network)
    chosen = weights_to_quantize(network, (classifier, *leave_out))

    def weight(name: str, layer: nn.Module, attribute: str) -> Weight:
        shape = getattr(layer, attribute).shape
        reason = "the classifier" if name.startswith(f"{classifier}.") else "as asked"
        return Weight(
            name,
            layer_words(layer, attribute),
            tuple(shape),
            shape.numel(),
            "" if name in chosen else reason,
        )

    return tuple(weight(name, *found) for name, found in quantizable_weights(network).items())


def layer_words(layer: nn.Module, attribute: str = "weight") -> str:
    """A layer's weight in words."""
    if isinstance(layer, nn.MultiheadAttention):
        return "attention, " + ("inputs" if attribute == "in_proj_weight" else attribute[:1])
    if not isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return "linear layer"
    size = "×".join(map(str, layer.kernel_size))
    if layer.groups == 1:
        return f"{size} convolution"
    word = "depthwise" if layer.groups == layer.in_channels else "grouped"
    return f"{word} {size} convolution"


def survey_text(found: Survey) -> str:
    """A survey as lines: every weight, then the parameters that are never quantized, the totals."""
    bits = found.quantizer.bits
    per = "a channel" if found.quantizer.granularity == "channel" else "a tensor"
    names, kinds = (
        max(len(getattr(weight, field)) for weight in found.weights) for field in ("name", "kind")
    )
    shapes = max(len(_shape(weight)) for weight in found.weights)
    lines = [
        f"{weight.name:{names}}  {weight.kind:{kinds}}  {_shape(weight):{shapes}}  "
        f"{weight.count:>11,}  "
        + (f"full precision: {weight.left_out}" if weight.left_out else f"{bits} bits")
        for weight in found.weights
    ]
    width = names + kinds + shapes + 4
    lines += [
        f"{f'{one.kind}, tensors: {one.tensors}':{width}}  {one.count:>11,}  full precision"
        + (": folded into the convolution before it when stored" if one.folded else "")
        for one in found.rest
    ]
    share = found.quantized_parameters / found.parameters
    left_out = [weight.name for weight in found.weights if weight.left_out]
    size = "its usual image size" if found.image_size is None else f"{found.image_size} px"
    return "\n".join(
        [
            *lines,
            "",
            f"{found.architecture} at {size}: {len(found.quantized)} of {len(found.weights)} "
            f"weights quantized to {bits} bits, one step size {per}; left out: "
            f"{', '.join(left_out)}",
            f"{found.quantized_parameters:,} of {found.parameters:,} parameters quantized "
            f"({share:.2%})",
            f"model.safetensors: {found.packed_bytes:,} bytes instead of {found.full_bytes:,} "
            f"({found.packed_bytes / found.full_bytes:.3f}x)",
        ]
    )


def _shape(weight: Weight) -> str:
    return "×".join(map(str, weight.shape))


def _rest(network: nn.Module) -> tuple[Rest, ...]:
    """The parameters that are no such weights, by kind, in the network's order."""
    listed, folded = quantizable_weights(network), set(foldable(network).values())
    found: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        if name in listed:
            continue
        owner, _, attribute = name.rpartition(".")
        layer = network.get_submodule(owner)
        named = (kind for part, kind in OTHER_KINDS if part in name)
        if isinstance(layer, NORMS):
            kind = "batch norm" if isinstance(layer, models.NORM_LAYERS) else "layer norm"
        else:
            kind = next(named, attribute)
        found[kind, owner in folded].append(parameter.numel())
    return tuple(
        Rest(kind, len(counts), sum(counts), folded) for (kind, folded), counts in found.items()
    )
