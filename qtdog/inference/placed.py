"""A graph for a runtime that knows weights by their places in one file, as a browser's does."""

import math
from dataclasses import dataclass

from qtdog.inference.graph import WEIGHTS, Graph
from qtdog.inference.onnx_messages import EXTERNAL, Model, canonical

BYTES_OF_FLOAT = 4


@dataclass(frozen=True)
class PlacedWeight:
    """A float32 weight in the file: its first number is the one at `start`."""

    name: str
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class PlacedGraph:
    """`content`: an ONNX file whose weights lie one after the other in the file `WEIGHTS`."""

    content: bytes
    weights: tuple[PlacedWeight, ...]
    numbers: int
    """How many float32 numbers that file holds."""


def placed_graph(graph: Graph, classes: int) -> PlacedGraph:
    """The graph of a network for so many classes, its weights in the order of the graph."""
    model = Model()
    model.CopyFrom(graph.model)
    shapes = graph.shapes_for(classes)
    weights, start = [], 0
    for tensor in model.graph.initializer:
        if tensor.data_location != EXTERNAL:
            continue
        shape = shapes[tensor.name]
        count = math.prod(shape)
        tensor.dims[:] = shape
        del tensor.external_data[:]
        places = {"offset": start * BYTES_OF_FLOAT, "length": count * BYTES_OF_FLOAT}
        for key, value in {"location": WEIGHTS, **places}.items():
            tensor.external_data.add(key=key, value=str(value))
        weights.append(PlacedWeight(tensor.name, shape, start))
        start += count
    return PlacedGraph(canonical(model), tuple(weights), start)
