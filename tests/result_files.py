"""Small results files for tests: measured.csv with its run logs."""

import csv
import json
from pathlib import Path

from qtdog.checkpoints import Target
from qtdog.results.records import MEASURED_COLUMNS

# Correct answers of 200 images, by (method, bits, averaged), domain and seed.
COUNTS = {
    ("ERM", None, False): {"cartoon": (150, 154, 161), "sketch": (140, 143, 138)},
    ("ERM", None, True): {"cartoon": (155, 158, 160), "sketch": (141, 149, 143)},
    ("QT-DoG", 7, False): {"cartoon": (149, 151, 160), "sketch": (138, 144, 133)},
    ("QT-DoG", 4, False): {"sketch": (130,)},
    ("Post-training", 7, False): {"cartoon": (147, 150, 158), "sketch": (139, 140, 136)},
    ("Post-training", 4, False): {"cartoon": (99, 90, 101), "sketch": (70, 80, 75)},
}
ENSEMBLES = {"ERM ensemble": ("cartoon", 165), "EoQ": ("cartoon", 163)}
TARGETS = tuple(
    Target(f"pacs/{domain}", "pacs", domain, (), ()) for domain in ("sketch", "cartoon")
)
TOTAL = 200
STEPS = (80, 160, 240, 320)
QUANTIZE_STEP = 160


def measured_rows() -> list[dict[str, object]]:
    """One row a run and target, as in measured.csv."""
    rows = []
    for (method, bits, averaged), domains in COUNTS.items():
        for domain, counts in domains.items():
            for seed, correct in enumerate(counts):
                run = log_name("QT-DoG" if method == "QT-DoG" else "ERM", bits, domain, seed)
                row = _row(method, bits, domain, correct)
                row |= {"averaged": "yes" if averaged else "no", "seed": seed, "run": run}
                rows.append(row | {"source_validation": 90 + seed, "chosen_step": 240})
    for method, (domain, correct) in ENSEMBLES.items():
        bits = 7 if method == "EoQ" else None
        logs = [log_name("QT-DoG" if bits else "ERM", bits, domain, seed) for seed in range(3)]
        row = _row(method, bits, domain, correct)
        rows.append(row | {"models_trained": 3, "run": ";".join(logs)})
    return rows


def log_name(method: str, bits: int | None, domain: str, seed: int) -> str:
    """Post-training quantization starts from ERM's run."""
    name = f"qt-dog-{bits}bit" if method == "QT-DoG" else "erm"
    return f"pacs-{domain}-{name}-seed{seed}.json"


def log_points(method: str, seed: int) -> list[dict[str, object]]:
    """Accuracies as fractions; averaged ones after the quantization step."""
    points = []
    for place, step in enumerate(STEPS):
        later = step > QUANTIZE_STEP
        source, target = 0.8 + 0.02 * place + 0.001 * seed, 0.6 + 0.03 * place
        points.append(
            {
                "step": step,
                "quantized": later and method == "QT-DoG",
                "train_loss": 1 / (place + 1),
                "source_validation": source,
                "target": target - (0.01 if later and method == "QT-DoG" else 0),
                "averaged_source_validation": source + 0.01 if later else None,
                "averaged_target": target + 0.02 if later else None,
            }
        )
    return points


def write_results(folder: Path, rows: list[dict[str, object]] | None = None) -> Path:
    """measured.csv and the run logs that it names, below `folder`; returns `folder`."""
    (folder / "runs").mkdir(parents=True)
    rows = measured_rows() if rows is None else rows
    with (folder / "measured.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, MEASURED_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        for name in str(row["run"]).split(";"):
            method = "QT-DoG" if "qt-dog" in name else "ERM"
            seed = int(name.partition("seed")[2][0])
            log = {
                "config": {"method": method, "seed": seed, "quantize_step": QUANTIZE_STEP},
                "command": f"python -m qtdog train --method {method} --seed {seed}",
                "points": log_points(method, seed),
            }
            (folder / "runs" / name).write_text(json.dumps(log))
    return folder


def _row(method: str, bits: int | None, domain: str, correct: int) -> dict[str, object]:
    row = dict.fromkeys(MEASURED_COLUMNS, "")
    size = {"EoQ": "0.66", "ERM ensemble": "3", "ERM": "1"}.get(method, f"{(bits or 32) / 32:.2f}")
    return row | {
        "table": "",
        "backbone": "MobileNetV2",
        "method": method,
        "bits": bits or 32,
        "models_trained": 1,
        "relative_size": size,
        "dataset": "pacs",
        "domain": domain,
        "split": "target",
        "accuracy": f"{100 * correct / TOTAL:.2f}",
        "source": "measured",
        "averaged": "no",
        "granularity": "channel" if bits else "",
        "quantize_step": QUANTIZE_STEP if bits else "",
        "correct": correct,
        "total": TOTAL,
        "steps": STEPS[-1],
        "seconds": 12.5,
        "hardware": "test",
        "commit": "abc1234",
        "nll": f"{1 - correct / 400:.4f}",
        "ece": f"{correct / 2000:.4f}",
        "source_nll": 0.3,
        "source_ece": 0.02,
    }
