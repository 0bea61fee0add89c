"""What the networks measured here are called: as on the other tabs, whatever the files say."""

from dataclasses import replace

from qtdog.results import Group, Row

NAMES = {
    "ERM": "Full precision",
    "ERM ensemble": "Five in full precision together",
    "Post-training": "Rounded after training",
    "Post-training (least error)": "Rounded after training (least error)",
    "Freeze": "Quantized, then frozen",
}
"""By a method's word in the files, which is the paper's."""


def named(row: Row) -> Row:
    """A row of what was measured here, by its name on the page."""
    return replace(row, method=NAMES.get(row.method, row.method))


def group_named(group: Group) -> Group:
    """All of its rows; the paper's keep the paper's words."""
    if not (group.measured or group.theirs):
        return group
    return replace(group, rows=tuple(map(named, group.rows)))
