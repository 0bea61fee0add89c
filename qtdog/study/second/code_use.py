"""The effective width of the study's quantized networks: counted while their checkpoints are at
hand, and kept in code_use.csv, for the checkpoints are not kept."""

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtdog import checkpoints
from qtdog.csv_file import field_names, read_lines, records_csv
from qtdog.study.markdown import row, section, table_head
from qtdog.study.second.networks import Study

CODE_USE = "code_use.csv"


@dataclass(frozen=True)
class CodeUseRow:
    """One line of code_use.csv; the numbers are `checkpoints.CodeUse`'s."""

    sha256: str
    """Of model.safetensors, by which the network is found among the measured rows."""
    bits: int
    largest_code: float
    distinct_codes: float
    entropy: float


def read_code_uses(path: Path) -> list[CodeUseRow]:
    """The lines of code_use.csv; none where it is not there. Raises CsvError."""
    if not path.exists():
        return []
    return [
        CodeUseRow(
            line.text("sha256"),
            line.whole("bits", 2),
            line.number_of("largest_code", 0),
            line.number_of("distinct_codes", 1),
            line.number_of("entropy", 0),
        )
        for line in read_lines(path, field_names(CodeUseRow))
    ]


def code_uses_csv(rows: Iterable[CodeUseRow]) -> str:
    """The text of code_use.csv."""
    return records_csv(CodeUseRow, sorted(rows, key=lambda one: one.sha256))


def count_codes(built: Path, wanted: Collection[str]) -> list[CodeUseRow]:
    """Of the checkpoints below `built` whose model.safetensors has one of these SHA-256."""
    found = []
    for folder in checkpoints.find(built) if any(built.rglob(checkpoints.CONFIG)) else ():
        files = checkpoints.load_config(folder).files
        if len(files) == 1 and files[0].sha256 in wanted:
            use = checkpoints.code_use(checkpoints.load(folder))
            numbers = [round(one, 4) for one in (use.largest_code, use.distinct_codes, use.entropy)]
            found.append(CodeUseRow(files[0].sha256, use.bits, *numbers))
    return found


def quantized_hashes(study: Study) -> set[str]:
    """The SHA-256 of the networks that were trained and stored quantized."""
    return {
        row.sha256
        for row in study.rows
        if row.sha256 and row.bits < 32 and not row.method.startswith("Post-training")
    }


def code_use_section(study: Study, found: Sequence[CodeUseRow]) -> str:
    """The effective width beside the nominal one, by arm."""
    uses = {one.sha256: one for one in found}
    lines = table_head(["", "networks", "largest code", "different codes", "bits a weight"])
    head = len(lines)
    for part in study.parts:
        for arm, networks in part.by_arm.items():
            known = [uses[s] for one in networks.values() if (s := one.row.sha256) in uses]
            if not known:
                continue
            bits = known[0].bits
            largest, distinct, entropy = (
                statistics.fmean(getattr(one, name) for one in known)
                for name in ("largest_code", "distinct_codes", "entropy")
            )
            of = [f"{largest:.1f} of {2 ** (bits - 1)}", f"{distinct:.1f} of {2**bits}"]
            lines.append(row([f"{part.title}: {arm}", str(len(known)), *of, f"{entropy:.2f}"]))
    if len(lines) == head:
        return ""
    return section(
        "Effective width",
        "What a network uses of its bits: the median over channels of the largest code by "
        "magnitude, the median over layers of how many different codes a layer has, and the "
        "entropy of a layer's codes, mean over weights; mean over the networks whose checkpoints "
        "were at hand (`code_use.csv`).",
        lines,
    )
