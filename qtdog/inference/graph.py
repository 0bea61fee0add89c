"""A network's graph without its weights: the operations of one architecture at one image size.

A file of ONNX. Its weights are named as in the checkpoint's state dict, batch norm folded, and lie
nowhere: whoever makes a session hands them over. The one entry of metadata says what of a
checkpoint is folded into what. Files may come from strangers: `read_graph` lets through what
`qtdog.inference.making` can have written, byte for byte in the one form that a model has, and
nothing is run before.
"""

import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from qtdog.checkpoints import LARGEST_GRAPH_BYTES, CheckpointError
from qtdog.inference.onnx_messages import EXTERNAL, FLOAT, NUMBERS, Model, canonical
from qtdog.json_file import record_from_json

FORMAT = "qtdog-graph-1"
"""Key of the metadata."""
MOST_NODES = 5_000  # a session of more takes seconds to make; the largest of ours have a fifth
MOST_WEIGHTS = 5_000
LARGEST_CONSTANT_BYTES = 1 << 16
LARGEST_SIDE = 1 << 20  # of a weight
LARGEST_WEIGHT_BYTES = 1 << 30
LARGEST_WEIGHTS_BYTES = (
    2 << 30
)  # of all together: codes of few bits unpack to sixteen times as much
WEIGHTS = "weights"
"""Where the weights are said to lie: in no file, they are handed over."""
INPUT, LOGITS, FEATURES = "images", "logits", "features"

# What the networks of torchvision and timm that we know are made of. No control flow, nothing that
# reads files, nothing of other domains; what these make and how long they take is bounded by the
# session (see `qtdog.inference.onnx_network`).
OPERATORS = frozenset(
    (
        *("Add", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Clip", "Concat"),
        *("Constant", "Conv", "Div", "Equal", "Erf", "Expand", "Flatten", "Gather", "Gelu", "Gemm"),
        *("GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity", "LayerNormalization"),
        *("MatMul", "MaxPool", "Mul", "Not", "Pad", "Pow", "Range", "Reciprocal", "ReduceMean"),
        *("Relu", "Reshape", "SequenceAt", "Shape", "Sigmoid", "Slice", "Softmax", "Split"),
        *("SplitToSequence", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where"),
    )
)


class GraphError(CheckpointError):
    """One sentence: why a graph's file is not used."""


@dataclass(frozen=True)
class Fold:
    """A batch norm that is folded into the convolution before it."""

    convolution: str
    norm: str
    epsilon: float


@dataclass(frozen=True)
class GraphFacts:
    """What a graph's file says beside its operations."""

    architecture: str
    image_size: int
    classifier: str
    """Name of the layer that gives the logits: its weights have a row a class."""
    quantizable: tuple[str, ...]
    """Weights of convolutions, linear layers and attention."""
    folds: tuple[Fold, ...]
    unused: tuple[str, ...]
    """Entries of the state dict that no answer depends on: batch norms' counters."""


@dataclass(frozen=True)
class Graph:
    """A graph that was checked. `model`: its message, not to be changed."""

    model: Any
    facts: GraphFacts
    shapes: dict[str, tuple[int, ...]]
    """Of the weights, by name, for as many classes as the graph was made with."""
    ours: bool = False
    """Whether it comes with the package: how long it computes is then not watched."""

    @property
    def has_features(self) -> bool:
        """Whether it also gives the last feature map, (batch, channels, h, w): where the logits
        are its mean over places through one linear layer."""
        return len(self.model.graph.output) > 1

    def shapes_for(self, classes: int) -> dict[str, tuple[int, ...]]:
        """The weights' shapes in a network for so many classes."""
        head = (f"{self.facts.classifier}.weight", f"{self.facts.classifier}.bias")
        return {n: (classes, *s[1:]) if n in head else s for n, s in self.shapes.items()}


def sha256(content: bytes) -> str:
    """By which a graph's file is known."""
    return hashlib.sha256(content).hexdigest()


def read_graph(content: bytes, name: str) -> Graph:
    """Check a graph's file. Raises GraphError, which calls it `name`; nothing of it is run."""
    if len(content) > LARGEST_GRAPH_BYTES:
        raise GraphError(
            f"{name} is too large to be a network's graph: at most {LARGEST_GRAPH_BYTES:,} bytes "
            "are read."
        )
    try:
        model = Model.FromString(content)
    except (DecodeError, RecursionError, UnicodeDecodeError, ValueError):
        raise GraphError(f"{name} is not an ONNX file: it is truncated or another one.") from None
    if canonical(model) != content:
        raise GraphError(f"{name} holds what no graph of ours does: it was changed or is foreign.")
    try:
        shapes = _checked(model)
        return Graph(model, _facts(model, shapes), shapes)
    except (TypeError, ValueError, RecursionError) as error:
        raise GraphError(f"{name} is not a graph of ours: {error}.") from None


def _facts(model: Any, shapes: Collection[str]) -> GraphFacts:
    entries = {one.key: one.value for one in model.metadata_props}
    if list(entries) != [FORMAT] or len(model.metadata_props) != 1:
        raise ValueError("it does not say which network it is of")
    facts = record_from_json(GraphFacts, json.loads(entries[FORMAT]))
    named = (*facts.quantizable, *(f"{one.convolution}.weight" for one in facts.folds))
    if not facts.quantizable or not set(named) <= set(shapes):
        raise ValueError("what it says of its weights is not what they are")
    return facts


def _checked(model: Any) -> dict[str, tuple[int, ...]]:
    """The weights' shapes. Raises ValueError."""
    graph = model.graph
    if [one.domain for one in model.opset_import] != [""] or not 3 <= model.ir_version <= 13:
        raise ValueError("it uses operators that are not ONNX's own")
    if not 1 <= len(graph.node) <= MOST_NODES or len(graph.initializer) > MOST_WEIGHTS:
        raise ValueError("it has too many operations or weights")
    for node in graph.node:
        if node.op_type not in OPERATORS:
            raise ValueError(f"the operator {node.op_type!r:.40} is not allowed")
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _check_constant(attribute.t)
    weights, constants = {}, set()
    for tensor in graph.initializer:
        if tensor.name in weights or tensor.name in constants or not tensor.name:
            raise ValueError(f"the weight {tensor.name!r:.60} is there twice")
        if tensor.data_location != EXTERNAL and not tensor.external_data:
            _check_constant(tensor)
            constants.add(tensor.name)
            continue
        where = [(one.key, one.value) for one in tensor.external_data]
        if where != [("location", WEIGHTS)] or tensor.raw_data or tensor.data_type != FLOAT:
            raise ValueError(f"the weight {tensor.name!r:.60} is said to lie in another file")
        weights[tensor.name] = _shape(tensor, LARGEST_WEIGHT_BYTES)
    if sum(map(math.prod, weights.values())) * NUMBERS[FLOAT] > LARGEST_WEIGHTS_BYTES:
        raise ValueError("its weights are too large")
    if [one.name for one in graph.input] != [INPUT]:
        raise ValueError(f"its input is not '{INPUT}' alone")
    if [one.name for one in graph.output] not in ([LOGITS], [LOGITS, FEATURES]):
        raise ValueError(f"its outputs are not '{LOGITS}' and '{FEATURES}'")
    return weights


def _shape(tensor: Any, most_bytes: int) -> tuple[int, ...]:
    count = NUMBERS.get(tensor.data_type, most_bytes + 1)
    for side in tensor.dims:
        if not 0 <= side <= LARGEST_SIDE:
            raise ValueError(f"{tensor.name!r:.60} has an impossible shape")
        count *= side
    if count > most_bytes:
        raise ValueError(f"{tensor.name!r:.60} is too large or of a kind that is not allowed")
    return tuple(tensor.dims)


def _check_constant(tensor: Any) -> None:
    if tensor.data_location or tensor.external_data:
        raise ValueError(f"the constant {tensor.name!r:.60} is said to lie in another file")
    shape = _shape(tensor, LARGEST_CONSTANT_BYTES)
    count = 1
    for side in shape:
        count *= side
    if len(tensor.raw_data) != count * NUMBERS[tensor.data_type]:
        raise ValueError(f"the constant {tensor.name!r:.60} has another size than it says")
