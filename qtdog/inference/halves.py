"""A graph cut in two: what the first half gives, the second goes on with."""

from collections.abc import Sequence
from typing import Any

from qtdog.inference.onnx_messages import FLOAT, Model


def halves(model: Any) -> tuple[Any, Any] | None:
    """Two models that do the same one after the other, cut as near to the middle of the operations
    as a single value passes from one side to the other; None where there is no such place.

    The first gives that value; the second takes it, and gives all that the whole did.
    """
    nodes, inputs, outputs = model.graph.node, _names(model.graph.input), _names(model.graph.output)
    for place in sorted(range(1, len(nodes)), key=lambda one: abs(2 * one - len(nodes))):
        made = inputs | {name for node in nodes[:place] for name in node.output}
        wanted = outputs | {name for node in nodes[place:] for name in node.input}
        passing = made & wanted
        if len(passing) == 1 and not passing & (inputs | outputs):
            (value,) = passing
            first, second = _with(model, nodes[:place]), _with(model, nodes[place:])
            _call(first.graph.output, value)
            _call(second.graph.input, value)
            return first, second
    return None


def _names(values: Sequence[Any]) -> set[str]:
    return {one.name for one in values}


def _with(model: Any, nodes: Sequence[Any]) -> Any:
    """The model with these of its operations, and the weights that they take."""
    part = Model()
    part.CopyFrom(model)
    taken = {name for node in nodes for name in node.input}
    weights = [one for one in model.graph.initializer if one.name in taken]
    for field, kept in ((part.graph.node, nodes), (part.graph.initializer, weights)):
        del field[:]
        field.extend(kept)
    return part


def _call(values: Any, name: str) -> None:
    """Let one value of that name, of any shape, stand for all that were there."""
    del values[:]
    values.add(name=name).type.tensor_type.elem_type = FLOAT
