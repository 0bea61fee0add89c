"""What the report says beside accuracy: how steady it is during training, and calibration."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qtdog.method_names import added_methods, method_name
from qtdog.study.arms import arms_of, mean_in_words, rows_where
from qtdog.study.markdown import row, section, table_head
from qtdog.training import RunRecord


def steadiness(runs: Sequence[RunRecord]) -> str:
    """The paper's Fig. 4: does the target accuracy wander less after quantization?"""
    spreads: dict[str, list[float]] = {}
    for record in runs:
        config = record.config
        if added_methods(config.objective, config.averaging):
            continue
        if config.method == "qt-dog" and config.bits != 7:
            continue
        name = method_name(config.method, quantizer=config.quantizer)
        later = [p for p in record.points if p.step > config.quantize_step]
        last = later[len(later) // 2 :]
        for arm, values in (
            (name, [p.target for p in last]),
            (
                f"{name}, averaged",
                [p.averaged_target for p in last if p.averaged_target is not None],
            ),
        ):
            spreads.setdefault(arm, []).append(100 * float(np.std(values, ddof=1)))
    lines = table_head(["", "runs", "standard deviation, points"])
    for arm, values in sorted(spreads.items()):
        lines.append(row([arm, str(len(values)), mean_in_words(pd.Series(values), count=False)]))
    return section(
        "Steadiness",
        "Standard deviation of the target accuracy over the evaluations in the last half of the "
        "steps after quantization, on a fixed sample of 1,000 images; mean ± standard error over "
        "runs. The paper's Fig. 4 claims that quantization steadies it.",
        lines,
    )


def calibration(table: pd.DataFrame) -> str:
    columns = ("ece", "nll", "source_ece", "source_nll")
    heads = ["ECE, target", "NLL, target", "ECE, source", "NLL, source"]
    lines = table_head(["", *heads])
    for arm in arms_of(table):
        of = rows_where(table, table.arm == arm)
        cells = [f"{of[name].mean():.3f}" if of[name].notna().any() else "–" for name in columns]
        lines.append(row([arm, *cells]))
    return section(
        "Calibration",
        "Expected calibration error (15 bins, 0 is best) and negative log-likelihood (nats), mean "
        "over all runs of the arm; source is the validation splits of the source domains.",
        lines,
    )
