"""The bundled checkpoints are what the README, their configs and the page say they are."""

import re
from pathlib import Path

import pytest
import torch

from qtdog import checkpoints, data
from qtdog.evaluation import evaluate
from qtdog.explorer import Explorer
from qtdog.images import read_image
from qtdog.quantization import LSQConfig
from qtdog.quantization.starts import initial_step_size
from qtdog.ui.samples import samples

ROOT = Path(__file__).resolve().parents[1]
SKETCH = ROOT / "checkpoints" / "pacs" / "sketch"
ART_PAINTING = SKETCH.with_name("art_painting")
PACS = ROOT.parent / "shared" / "data" / "pacs"
MEMBERS = [
    Path(file.path).parent.name for file in checkpoints.load_config(SKETCH / "eoq-7bit").files
]
NAMES = ["erm-seed0", *MEMBERS, "eoq-7bit"]

needs_pacs = pytest.mark.skipif(not PACS.is_dir(), reason="needs PACS in ../shared/data/pacs")


def readme_accuracies() -> dict[str, tuple[str, int, int]]:
    """Name -> (percent, correct, total) of the README's table."""
    rows = re.findall(
        r"^\| .*?\| `([\w-]+)` \| ([\d.]+) % \| ([\d,]+)/([\d,]+) \|",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return {
        name: (percent, int(correct.replace(",", "")), int(total.replace(",", "")))
        for name, percent, correct, total in rows
    }


def test_the_readme_states_what_the_configs_state():
    stated = readme_accuracies()
    assert list(stated) == NAMES
    for name, (percent, correct, total) in stated.items():
        target = checkpoints.load_config(SKETCH / name).target
        assert (correct, total) == (target.correct, target.total)
        assert percent == f"{100 * target.fraction:.1f}"


def test_five_members_take_the_memory_of_one_full_precision_network():
    erm = checkpoints.load(SKETCH / "erm-seed0").size_bytes
    eoq = checkpoints.load(SKETCH / "eoq-7bit")
    assert eoq.size_bytes <= 1.15 * erm
    assert len(eoq.members) == 5
    assert all(member.size_bytes <= 0.24 * erm for member in eoq.members)


@pytest.mark.parametrize("name", ["erm-seed0", *MEMBERS])
def test_the_log_shows_a_choice_by_source_validation_after_quantization(name):
    config = checkpoints.load_config(SKETCH / name)
    training = config.training
    column = "averaged_source_validation" if config.averaged else "source_validation"
    header, *lines = (SKETCH / name / "log.csv").read_text().split()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    assert int(rows[-1]["step"]) == training.steps
    later = [row for row in rows if int(row["step"]) > training.quantize_step]
    best = max(later, key=lambda row: float(row[column]))
    assert int(best["step"]) == training.chosen_step
    assert training.command.startswith("python -m qtdog train ")
    assert re.fullmatch("[0-9a-f]{40}", training.commit)


def test_at_seven_bits_lsqs_start_leaves_most_codes_of_most_channels_unused():
    """What the README and the report say of it."""
    (network,) = checkpoints.load(SKETCH / "erm-seed0").networks
    largest = torch.cat(
        [
            (layer.weight.flatten(1).abs().amax(1) / initial_step_size(layer.weight, LSQConfig(7)))
            for layer in network.modules()
            if isinstance(layer, torch.nn.Conv2d)
        ]
    )
    assert largest.median() < 63 / 2  # of the largest code
    assert (largest < 63 / 2).float().mean() > 0.9


def test_every_sample_gets_an_answer_from_all_three():
    explorer = Explorer(ROOT / "checkpoints")
    right = 0
    for sample in samples():
        answers = explorer.classify(read_image(sample.path), "pacs/sketch")
        assert [one.method for one in answers] == ["erm", "qt-dog", "eoq"]
        assert len(answers[2].members) == 5
        right += answers[2].label == sample.label
    assert right > len(samples()) / 2  # chance is a seventh
    assert explorer.problems == []


@needs_pacs
def test_a_stated_accuracy_is_met_exactly(tmp_path):
    """On the smaller of the bundled targets and its smallest source domain."""
    (tmp_path / "pacs").mkdir()
    for domain in ("art_painting", "photo"):
        (tmp_path / "pacs" / domain).symlink_to(PACS / domain)
    (folder,) = ART_PAINTING.glob("qt-dog-*-seed0")
    _evaluate_exactly(folder, tmp_path / "pacs", figures=2)


@needs_pacs
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_stated_accuracy_is_met_exactly(name):
    _evaluate_exactly(SKETCH / name, PACS, figures=1 if name == "eoq-7bit" else 4)


def _evaluate_exactly(folder: Path, images: Path, figures: int) -> None:
    checkpoint = checkpoints.load(folder)
    results = evaluate(
        folder.name, checkpoint, data.load(str(images), checkpoint.config.image_size)
    )
    assert len(results) == figures
    for result in results:
        assert result.overall == result.stated
