"""The benchmarks' records against what is known of them elsewhere, and Camelyon17's layout."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from qtdog.data import DataError, benchmark_named, camelyon, check_folder, load_folder
from qtdog.data.benchmarks import BENCHMARKS, find
from qtdog.results import load_results
from qtdog.training import TrainConfig


def test_counts_of_the_domains_add_up_to_domainbeds_totals():
    """Of Camelyon17's hospitals no count is stated."""
    assert {one.name: one.images for one in BENCHMARKS} == {
        "PACS": 9991,
        "VLCS": 10_729,
        "OfficeHome": 15_588,
        "TerraIncognita": 24_788,
        "DomainNet": 586_575,
        "WILDS-Camelyon17": 455_954,
    }
    for one in BENCHMARKS[:-1]:
        assert sum(domain.images for domain in one.domains) == one.images, one.name
        assert len(one.classes) in (0, one.class_count)
    classes = [one.class_count for one in BENCHMARKS]
    assert classes == [7, 5, 65, 10, 345, 2]


def test_domains_come_in_the_order_in_which_domainbed_numbers_them():
    """Sorted by folder name: the split of a domain depends on its place."""
    for one in BENCHMARKS:
        folders = [domain.folder for domain in one.domains]
        assert folders == sorted(folders), one.name
        assert list(one.classes) == sorted(one.classes)


def test_the_papers_tables_are_of_these_benchmarks_and_domains():
    paper = [one for one in load_results().paper if one.table != "3"]
    names = {one.dataset for one in paper} - {"Average"}
    assert names == {one.name for one in BENCHMARKS[:-1]}
    for name in ("PACS", "TerraIncognita"):
        stated = {one.domain for one in paper if one.dataset == name} - {"average"}
        assert stated == {domain.name for domain in benchmark_named(name).domains}


def test_the_protocol_is_the_papers_and_training_takes_it():
    for one in BENCHMARKS:
        usual = (5000, 2000) if one.name != "DomainNet" else (15_000, 8000)
        assert (one.steps, one.quantize_step) == usual
        config = TrainConfig(
            one.folder,
            one.domains[0].folder,
            steps=one.steps,
            quantize_step=one.quantize_step,
            evaluate_every=one.evaluate_every,
        )
        assert (config.image_size, config.images_per_domain) == (224, 32)
        assert (one.image_size, one.images_per_domain) == (224, 32)
    swad = {one.name: one.evaluate_every for one in BENCHMARKS[:-1]}
    assert list(swad.values()) == [100, 50, 100, 100, 500]


def test_a_benchmark_is_found_however_its_name_is_spelled():
    for name in ("TerraIncognita", "terra_incognita", "Terra Incognita"):
        assert find(name) is benchmark_named("TerraIncognita")
    assert benchmark_named("office-home").domain("real_world").folder == "Real World"
    assert find("pets") is None
    with pytest.raises(ValueError, match=r"No benchmark is called 'pets'\. There are: PACS, VLCS,"):
        benchmark_named("pets")


# Camelyon17 -------------------------------------------------------------------------------------

PATCHES = [  # patient, node, x, y, tumor, slide, center, split
    ("004", 4, 3328, 21792, 1, 0, 0, 0),
    ("004", 4, 3200, 22272, 0, 0, 0, 0),
    ("020", 2, 640, 96, 1, 13, 1, 0),
    ("020", 2, 704, 96, 0, 13, 1, 1),
    ("042", 3, 64, 32, 0, 23, 2, 0),
    ("099", 1, 64, 32, 1, 49, 4, 0),
]


@pytest.fixture
def wilds(tmp_path) -> Path:
    """A tiny folder in WILDS' layout, with a column of row numbers first, as there."""
    root = tmp_path / "wilds" / "camelyon17_v1.0"
    root.mkdir(parents=True)
    (root / "RELEASE_v1.0.txt").write_text("")
    with (root / "metadata.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        names = ["patient", "node", "x_coord", "y_coord", "tumor", "slide", "center", "split"]
        writer.writerow(["", *names])
        for number, row in enumerate(PATCHES):
            writer.writerow([number, *row])
            slide = f"patient_{row[0]}_node_{row[1]}"
            file = root / "patches" / slide / f"patch_{slide}_x_{row[2]}_y_{row[3]}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGBA", (96, 96), (40 * number, 0, 0, 255)).save(file)
    return root.parent


def test_camelyon17_becomes_a_domain_each_hospital_and_two_classes(wilds, tmp_path, command):
    out = tmp_path / "camelyon17"
    code, said, _ = command("data", "camelyon17", wilds, "--out", out)
    assert code == 0
    assert "6 patches" in said
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert files == [
        "hospital_0/normal/patch_patient_004_node_4_x_3200_y_22272.png",
        "hospital_0/tumor/patch_patient_004_node_4_x_3328_y_21792.png",
        "hospital_1/normal/patch_patient_020_node_2_x_704_y_96.png",
        "hospital_1/tumor/patch_patient_020_node_2_x_640_y_96.png",
        "hospital_2/normal/patch_patient_042_node_3_x_64_y_32.png",
        "hospital_4/tumor/patch_patient_099_node_1_x_64_y_32.png",
    ]
    findings = check_folder(out)
    assert findings.benchmark is benchmark_named("WILDS-Camelyon17")
    assert "The domain hospital_3 is missing." in findings.differences
    # Doing it again changes nothing, also from the dataset's own folder.
    assert camelyon.lay_out(wilds / "camelyon17_v1.0", out) == 6
    assert len(list(out.rglob("*.png"))) == 6
    for lonely in ("hospital_2", "hospital_4"):  # each lacks a class
        for path in (out / lonely).rglob("*.png"):
            path.unlink()
        for folder in sorted((out / lonely).rglob("*"), reverse=True):
            folder.rmdir()
        (out / lonely).rmdir()
    dataset = load_folder(out, 8)
    assert dataset.classes == ("normal", "tumor")
    assert [domain.labels.tolist() for domain in dataset.domains] == [[0, 1], [0, 1]]
    assert dataset.domain("hospital_1").images[:, 0, 0, 0].tolist() == [120, 80]


def test_wilds_own_reader_gives_every_patch_the_same_hospital_and_class(wilds, tmp_path):
    module = pytest.importorskip(
        "wilds.datasets.camelyon17_dataset", reason="needs the wilds package"
    )
    theirs = module.Camelyon17Dataset(root_dir=str(wilds), download=False)
    out = tmp_path / "out"
    camelyon.lay_out(wilds, out)
    ours = {path.name: path.parts[-3:-1] for path in out.rglob("*.png")}
    assert len(theirs) == len(ours)
    for row, name in enumerate(theirs._input_array):
        hospital = int(theirs.metadata_array[row, theirs.metadata_fields.index("hospital")])
        label = ("normal", "tumor")[int(theirs.y_array[row])]
        assert ours[Path(name).name] == (f"hospital_{hospital}", label)


def test_a_folder_that_is_not_wilds_or_lacks_patches_is_one_sentence(wilds, tmp_path):
    with pytest.raises(DataError, match=r"is not WILDS' Camelyon17: it needs a metadata\.csv with"):
        camelyon.lay_out(tmp_path, tmp_path / "out")
    next((wilds / "camelyon17_v1.0").rglob("patch_patient_042*")).unlink()
    with pytest.raises(DataError, match=r"^1 patches of .* the first being patch_patient_042"):
        camelyon.lay_out(wilds, tmp_path / "out")


def test_downloading_without_the_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wilds", None)
    with pytest.raises(DataError, match=r'pip install "qtdog\[wilds\]"'):
        camelyon.download(tmp_path)
