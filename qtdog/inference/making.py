"""Making a graph's file: torch's exporter run once for an architecture and image size."""

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from qtdog import models
from qtdog.inference.graph import (
    FEATURES,
    FORMAT,
    INPUT,
    LOGITS,
    OPERATORS,
    WEIGHTS,
    Fold,
    GraphError,
    GraphFacts,
    read_graph,
)
from qtdog.inference.graphs import EXPORTER
from qtdog.inference.onnx_messages import EXTERNAL, FLOAT, Model, canonical
from qtdog.quantization import quantizable_weights

OPSET = 18  # what torch's exporter writes without converting, in torch 2.8 and later
CLASSES = 7  # the head's rows are as many as the checkpoint's classes, whatever the graph's
COUNTER = ".num_batches_tracked"
BETWEEN = ("Flatten", "Identity", "Reshape", "Squeeze")
"""May lie between a mean over places and the linear layer."""


def can_make() -> bool:
    """Whether what is needed to make graphs is installed."""
    return all(find_spec(name) for name in EXPORTER)


def make_graph(architecture: str, image_size: int) -> bytes:
    """The file of the graph of an architecture for images of that size; takes seconds.

    Raises GraphError where it cannot be had: packages are missing, or the network does what no
    graph of ours may do; ValueError for an unknown architecture.
    """
    if not can_make():
        raise GraphError(
            f"A graph is made with {' and '.join(EXPORTER)}: pip install 'qtdog[onnx]'."
        )
    network = models.build(architecture, CLASSES, image_size=image_size).eval()
    norms: dict[str, Any] = dict(network.named_modules())
    unfolded, foldable = set(network.state_dict()), models.foldable(network)
    folds = tuple(Fold(one, norm, norms[norm].eps) for one, norm in foldable.items())
    models.fold_batch_norm(network)
    state = network.state_dict()
    weights = [name for name in state if not name.endswith(COUNTER)]
    facts = GraphFacts(
        architecture,
        image_size,
        models.classifier_name(network),
        tuple(quantizable_weights(network)),
        folds,
        tuple(sorted(name for name in unfolded if name.endswith(COUNTER))),
    )
    _randomize(network)
    model = None
    for optimize in (True, False):  # optimizing may fold weights into each other
        model = _export(network, image_size, optimize)
        if {one.name for one in model.graph.initializer} >= set(weights):
            break
    made = canonical(_weightless(model, facts, {n: tuple(state[n].shape) for n in weights}))
    graph = read_graph(made, f"The graph of {architecture}")
    if set(graph.shapes) != set(weights):
        raise GraphError(f"torch's exporter loses weights of {architecture}: it has no graph.")
    return made


def _randomize(network: nn.Module) -> None:
    """No two tensors alike and none zero: the exporter would merge or drop these."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)


def _export(network: nn.Module, image_size: int, optimize: bool) -> Any:
    example = torch.zeros(2, 3, image_size, image_size)
    with _quiet():
        try:
            program = torch.onnx.export(
                network,
                (example,),
                input_names=[INPUT],
                output_names=[LOGITS],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
                optimize=optimize,
            )
        except Exception as error:  # of many kinds: torch.export's, onnxscript's, RuntimeError
            reason = str(error).strip().partition("\n")[0]
            raise GraphError(f"torch cannot export this network: {reason:.200}.") from None
    if program is None:
        raise GraphError("torch cannot export this network.")
    return program.model_proto


def _weightless(exported: Any, facts: GraphFacts, shapes: dict[str, tuple[int, ...]]) -> Any:
    """Torch's model without weights, names of nodes and everything else that no answer needs."""
    foreign = {one.op_type for one in exported.graph.node if one.domain}
    foreign |= {one.op_type for one in exported.graph.node} - OPERATORS
    if exported.functions or foreign:
        raise GraphError(f"{facts.architecture} needs operators that a graph may not have: "
                         f"{', '.join(sorted(foreign))}.")  # fmt: skip
    model = Model.FromString(exported.SerializeToString())
    graph = model.graph
    for node in graph.node:
        node.ClearField("name")
    kept = [one for one in graph.initializer if one.name not in shapes]
    constants = [(one.name, one.data_type, tuple(one.dims), one.raw_data) for one in kept]
    del graph.initializer[:]
    for name, shape in shapes.items():
        tensor = graph.initializer.add(name=name, data_type=FLOAT, dims=shape)
        tensor.data_location = EXTERNAL
        tensor.external_data.add(key="location", value=WEIGHTS)
    for name, kind, shape, numbers in constants:
        graph.initializer.add(name=name, data_type=kind, dims=shape, raw_data=numbers)
    del model.opset_import[:], graph.output[:], graph.input[:], model.metadata_props[:]
    model.opset_import.add(domain="", version=OPSET)
    model.metadata_props.add(key=FORMAT, value=json.dumps(asdict(facts)))
    _value(graph.input, INPUT, ("batch", 3, facts.image_size, facts.image_size))
    _value(graph.output, LOGITS, ("batch", "classes"))
    if features := _features(graph, facts.classifier):
        graph.node.add(op_type="Identity", input=[features], output=[FEATURES])
        _value(graph.output, FEATURES, ("batch", "channels", "rows", "columns"))
    return model


def _value(values: Any, name: str, shape: tuple[int | str, ...]) -> None:
    tensor = values.add(name=name).type.tensor_type
    tensor.elem_type = FLOAT
    for side in shape:
        tensor.shape.dim.add(**{"dim_param" if isinstance(side, str) else "dim_value": side})


def _features(graph: Any, classifier: str) -> str | None:
    """Name of the value whose mean over places goes through the linear layer `classifier` and
    nothing else; None where the head is another."""
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by[LOGITS]
    if node.op_type != "Gemm" or node.input[1] != f"{classifier}.weight":
        return None
    node = made_by.get(node.input[0])
    while node is not None and node.op_type in BETWEEN:
        node = made_by.get(node.input[0])
    if node is None or node.op_type not in ("ReduceMean", "GlobalAveragePool"):
        return None
    if node.op_type == "ReduceMean" and _numbers(graph, made_by, node.input[1]) not in (
        [-1, -2],
        [-2, -1],
        [2, 3],
    ):
        return None
    return node.input[0]


def _numbers(graph: Any, made_by: dict[str, Any], name: str) -> list[int]:
    """Of a constant of integers, through reshapes; empty for another value."""
    while (node := made_by.get(name)) is not None and node.op_type == "Reshape":
        name = node.input[0]
    if node is not None:
        held = [one for one in node.attribute if node.op_type == "Constant"]
        if held and held[0].ints:
            return list(held[0].ints)
        raw = held[0].t.raw_data if held else b""
    else:
        raw = next((one.raw_data for one in graph.initializer if one.name == name), b"")
    return [int.from_bytes(raw[i : i + 8], "little", signed=True) for i in range(0, len(raw), 8)]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints and warns about what does not concern its user."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(nowhere):
                yield
    finally:
        logging.disable(level)
