"""Pieces of a Markdown report."""

from collections.abc import Sequence


def section(title: str, text: str, lines: Sequence[str]) -> str:
    """A heading, what the table below it shows, and the table's or list's lines."""
    return "\n".join([f"## {title}", "", text, "", *lines, ""])


def row(cells: Sequence[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def table_head(cells: Sequence[str]) -> list[str]:
    """A table's first row and what stands between it and the others."""
    return [row(cells), f"|{'---|' * len(cells)}"]


def plain(name: str) -> str:
    """A domain's name for people."""
    return name.replace("_", " ")


def signed(value: float, digits: int = 1) -> str:
    """ "+1.2", "+0.0", and below zero with a minus sign instead of a hyphen."""
    number = f"{round(value, digits) + 0.0:+.{digits}f}"  # no "-0.0"
    return number.replace("-", "\N{MINUS SIGN}")
