"""The comparison of two networks as CSV: a line a layer."""

from qtdog.csv_file import csv_text
from qtdog.explorer import Compared, LayerDistance
from qtdog.ui.weights.words import choice_name

COLUMNS = (
    *("first", "second", "layer", "kind", "shape", "shape_second", "weights", "common"),
    *("norm_first", "norm_second", "distance", "cosine", "distance_by_rounding"),
    *("weights_with_another_code", "share_with_another_code"),
    *("codes_used_first", "codes_possible_first", "codes_used_second", "codes_possible_second"),
    *("median_step_size_first", "median_step_size_second"),
)


def to_csv(compared: Compared) -> str:
    """One line a layer, those that are not common at the end, without numbers."""
    pair = [choice_name(compared.first), choice_name(compared.second)]
    rows = [[*pair, *_cells(one)] for one in compared.layers]
    for one in compared.not_common:
        empty = [None] * (len(COLUMNS) - 8)
        shapes = ["" if shape is None else _shape(shape) for shape in one.shapes]
        rows.append([*pair, one.name, "", *shapes, None, "no", *empty])
    return csv_text(COLUMNS, rows)


def _cells(one: LayerDistance) -> list[object]:
    codes = zip(one.codes_used, one.codes_possible, strict=True)
    return [
        *(one.name, one.kind, _shape(one.shape), _shape(one.shape), one.weights, "yes"),
        *(*one.norms, one.distance, one.cosine, one.rounding, one.changed),
        None if one.changed is None else one.changed / one.weights,
        *(number for pair in codes for number in pair),
        *one.step_sizes,
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
