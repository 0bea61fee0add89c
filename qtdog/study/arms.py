"""The arms of the study, in the order in which a report shows them, and how it words a number."""

from typing import cast

import pandas as pd

from qtdog.study.pairs import Difference

ENDINGS = ("", ", averaged")
"""Endings of an arm: the weights of one step, and the averaged ones."""
ARMS = ("ERM", "QT-DoG", "QT-DoG (fitted)", "QT-DoG (INQ)", "Freeze", "Post-training")
ARMS += ("ERM ensemble", "EoQ", "EoQ (fitted)")


def arms_of(table: pd.DataFrame) -> list[str]:
    """The arms that exist, in order of presentation."""
    wanted = [arm + kind for arm in ARMS for kind in ENDINGS]
    return [arm for arm in wanted if (table.arm == arm).any()]


def rows_where(table: pd.DataFrame, which: pd.Series) -> pd.DataFrame:
    """Those of the table for which `which` is true: pandas' types leave open what comes out."""
    return cast(pd.DataFrame, table[which])


def mean_in_words(values: pd.Series, count: bool = True) -> str:
    number = f" ({len(values)})" if count else ""
    if len(values) == 0:
        return "–"
    if len(values) == 1:
        return f"{values.mean():.1f}{number}"
    return f"{values.mean():.1f} ± {values.sem():.1f}{number}"


def difference_sentence(arm: str, base: str, difference: Difference) -> str:
    if difference.pairs < 3:
        return f"- {arm} against {base}: too few pairs ({difference.pairs}) to say anything."
    if difference.verdict == "not told apart":
        return (
            f"- {arm} and {base} are not told apart ({difference}): what difference there is lies "
            "within what the choice of the seed does."
        )
    return f"- {arm} is {difference.verdict} than {base} ({difference})."
