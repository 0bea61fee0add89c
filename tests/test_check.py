"""Is a folder the benchmark that it claims to be? A sound one, and one with a single fault each."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qtdog.data import Benchmark, benchmark_named, check_folder, load_folder
from qtdog.data.benchmarks import BenchmarkDomain

PACS = Path(__file__).resolve().parents[2] / "shared" / "data" / "pacs"
PETS = Benchmark(
    "Pets",
    "pets",
    (BenchmarkDomain("art", 6), BenchmarkDomain("photo", 6)),
    class_count=2,
    images=12,
    classes=("cat", "big_dog"),
    other_totals=((8, "a well-known copy"),),
)


def picture(path: Path) -> None:
    """One of its own, by its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(list(str(path).encode())).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path) -> Path:
    """What `PETS` says: two domains, two classes, three images each, of several formats."""
    for domain in ("art", "photo"):
        for label in ("cat", "big_dog"):
            for k, suffix in enumerate((".jpg", ".png", ".tiff")):
                picture(tmp_path / "pets" / domain / label / f"{k}{suffix}")
    return tmp_path / "pets"


def test_a_sound_folder_differs_in_nothing(root):
    (root / "README.txt").write_text("no image")
    (root / "art" / "cat" / "Thumbs.db").write_bytes(b"no image")
    (root / ".git" / "cat").mkdir(parents=True)
    findings = check_folder(root, PETS)
    assert findings.differences == ()
    assert findings.images == 12
    assert [(c.domain, c.published, c.readable, c.unreadable) for c in findings.counts] == [
        ("art", 6, 6, 0),
        ("photo", 6, 6, 0),
    ]
    assert findings.classes == ("big_dog", "cat")


def without_one(root: Path) -> None:
    (root / "photo" / "cat" / "0.jpg").unlink()


def one_more(root: Path) -> None:
    picture(root / "photo" / "cat" / "new.png")


def without_a_class(root: Path) -> None:
    shutil.rmtree(root / "photo" / "cat")


def without_a_domain(root: Path) -> None:
    shutil.rmtree(root / "photo")


def another_domain(root: Path) -> None:
    (root / "splits").mkdir()


def capitals(root: Path) -> None:
    (root / "art").rename(root / "Art")


def spaces(root: Path) -> None:
    for domain in ("art", "photo"):
        (root / domain / "big_dog").rename(root / domain / "Big Dog")


def two_spellings(root: Path) -> None:
    (root / "art" / "big_dog").rename(root / "art" / "big-dog")


def another_class(root: Path) -> None:
    picture(root / "art" / "cow" / "0.png")


def twice(root: Path) -> None:
    (root / "art" / "cat" / "1.png").rename(root / "art" / "cat" / "0.JPG")


def too_deep(root: Path) -> None:
    place = root / "art" / "cat" / "train"
    place.mkdir()
    (root / "art" / "cat" / "1.png").rename(place / "1.png")


def too_high(root: Path) -> None:
    picture(root / "art" / "stray.png")


def truncated(root: Path) -> None:
    file = root / "art" / "cat" / "0.jpg"
    file.write_bytes(file.read_bytes()[:-600])


def no_picture(root: Path) -> None:
    (root / "art" / "cat" / "1.png").write_text("404: not found")


def in_two_domains(root: Path) -> None:
    shutil.copy(root / "art" / "cat" / "0.jpg", root / "photo" / "cat" / "0.jpg")


def in_two_classes(root: Path) -> None:
    shutil.copy(root / "art" / "cat" / "0.jpg", root / "art" / "big_dog" / "0.jpg")


def pointer(root: Path) -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    (root / "art" / "cat" / "1.png").write_text(text)


def other_suffixes(root: Path) -> None:
    for old, new in (("0.jpg", "0.JFIF"), ("1.png", "1"), ("2.tiff", "2.data")):
        (root / "art" / "cat" / old).rename(root / "art" / "cat" / new)


def not_utf8(root: Path) -> None:
    cat = root / "art" / "cat"
    (cat / "0.jpg").rename(cat / os.fsdecode(b"caf\xe9.jpg"))
    (cat / "1.png").rename(cat / os.fsdecode(b"caf\xe9.png"))


def text_among_images(root: Path) -> None:
    (root / "art" / "cat" / "labels.txt").write_text("cat, cat, cat")


def link_to_a_parent(root: Path) -> None:
    (root / "art" / "up").symlink_to(root)
    for name in ("a", "b", "c"):
        (root / "art" / "cat" / name).symlink_to(root / "photo")


@pytest.mark.parametrize(
    ("spoil", "sentences"),
    [
        (in_two_domains, ["1 image lies in several domains: art/cat/0.jpg and photo/cat/0.jpg."]),
        (in_two_classes, ["1 image lies in several classes: art/big_dog/0.jpg and art/cat/0.jpg."]),
        (
            pointer,
            [
                "art: 5 images, 1 fewer than the published 6.",
                "In all 11 images, 1 fewer than the published 12.",
                "1 image cannot be read: art/cat/1.png. This is a Git LFS pointer in place of the "
                "file: run 'git lfs pull', or choose the picture itself.",
            ],
        ),
        (other_suffixes, []),
        (
            not_utf8,
            [
                "art/cat has names that differ in capitals or the ending alone: "
                "caf\\xe9.jpg and caf\\xe9.png."
            ],
        ),
        (
            text_among_images,
            [
                "1 image cannot be read: art/cat/labels.txt. This file holds text, not a picture: "
                "choose a picture such as a JPEG or PNG.",
            ],
        ),
        (
            link_to_a_parent,
            [
                "6 images lie deeper than domain/class/image, and are not read: "
                "art/cat/a/big_dog, art/cat/a/cat.",
                "The link art/up leads back to a folder above: it is not followed.",
            ],
        ),
        (
            without_one,
            [
                "photo: 5 images, 1 fewer than the published 6.",
                "In all 11 images, 1 fewer than the published 12.",
            ],
        ),
        (
            one_more,
            [
                "photo: 7 images, 1 more than the published 6.",
                "In all 13 images, 1 more than the published 12.",
            ],
        ),
        (
            without_a_class,
            [
                "The domain photo has no image of cat.",
                "photo: 3 images, 3 fewer than the published 6.",
                "In all 9 images, 3 fewer than the published 12.",
            ],
        ),
        (
            without_a_domain,
            [
                "The domain photo is missing.",
                "In all 6 images, 6 fewer than the published 12.",
            ],
        ),
        (
            another_domain,
            [
                "The folder splits holds no image in a class folder.",
                "Pets has no domain splits.",
            ],
        ),
        (capitals, ["The domain art is spelled Art."]),
        (spaces, ["The class big_dog is spelled Big Dog."]),
        (
            two_spellings,
            [
                "One class is spelled in several ways: big-dog, big_dog.",
                "The class big_dog is spelled big-dog.",
            ],
        ),
        (
            another_class,
            [
                "Pets has no class cow.",
                "art: 7 images, 1 more than the published 6.",
                "In all 13 images, 1 more than the published 12.",
            ],
        ),
        (
            twice,
            [
                "art/cat has names that differ in capitals or the ending alone: 0.JPG and 0.jpg.",
            ],
        ),
        (
            too_deep,
            [
                "1 image lies deeper than domain/class/image, and is not read: art/cat/train.",
                "art: 5 images, 1 fewer than the published 6.",
                "In all 11 images, 1 fewer than the published 12.",
            ],
        ),
        (too_high, ["1 image lies in no class, directly in art."]),
        (
            truncated,
            [
                "art: 5 images, 1 fewer than the published 6.",
                "In all 11 images, 1 fewer than the published 12.",
                "1 image cannot be read: art/cat/0.jpg. This JPEG picture is damaged or cut off: "
                "choose it again or another one.",
            ],
        ),
        (
            no_picture,
            [
                "art: 5 images, 1 fewer than the published 6.",
                "In all 11 images, 1 fewer than the published 12.",
                "1 image cannot be read: art/cat/1.png. This file holds text, not a picture: "
                "choose a picture such as a JPEG or PNG.",
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_fault_has_its_sentence_and_no_other(
    root, spoil: Callable[[Path], None], sentences: list[str]
):
    spoil(root)
    assert list(check_folder(root, PETS).differences) == sentences


def test_an_image_that_the_check_calls_unreadable_is_one_that_training_leaves_out(root, capsys):
    for spoil in (truncated, no_picture):
        spoil(root)
    (root / "photo" / "cat" / "2.tiff").write_bytes(b"II*\0" + b"\xff" * 40)
    counts = check_folder(root, PETS).counts
    domains = load_folder(root, 8).domains
    assert [count.readable for count in counts] == [len(domain) for domain in domains] == [4, 5]
    assert [count.unreadable for count in counts] == [2, 1]
    undecoded = check_folder(root, PETS, decode=False)
    assert (undecoded.images, undecoded.differences) == (12, ())
    text_among_images(root)
    assert check_folder(root, PETS, decode=False).images == 12


def test_a_folder_too_high_or_too_low_is_said_in_one_sentence(root):
    (only,) = check_folder(root.parent, PETS).differences
    assert only == f"The domains lie one folder deeper: give {root.parent / 'pets'}."
    (only,) = check_folder(root / "art", PETS).differences
    assert only.startswith("The images lie one folder deep, not as domain/class/image:")


def test_another_published_total_is_named(root):
    for domain in ("art", "photo"):
        for label in ("cat", "big_dog"):
            (root / domain / label / "2.tiff").unlink()
    said = check_folder(root, PETS).differences
    assert said[-1] == "In all 8 images: a well-known copy, not the published 12."


def test_a_folder_of_ones_own_is_checked_for_its_layout_alone(root):
    findings = check_folder(root)
    assert findings.benchmark is None
    assert findings.differences == ()
    without_a_class(root)
    assert check_folder(root).differences == ("The domain photo has no image of cat.",)


def make(root: Path, domains: list[str], classes: list[str]) -> Path:
    for domain in domains:
        for label in classes:
            picture(root / domain / label / "0.png")
    return root


def test_a_benchmark_is_known_by_its_domains_or_else_by_its_name(tmp_path):
    pacs, vlcs = benchmark_named("PACS"), benchmark_named("VLCS")
    domains = [domain.folder for domain in pacs.domains]
    folder = make(tmp_path / "images", domains, list(pacs.classes))
    assert check_folder(folder).benchmark is pacs
    folder = make(tmp_path / "VLCS", domains, list(pacs.classes))
    findings = check_folder(folder)
    assert findings.benchmark is vlcs
    assert findings.differences[0] == "It should be VLCS, but its domains are those of PACS."
    assert check_folder(folder, pacs).benchmark is pacs
    three = make(tmp_path / "three", ["clipart", "painting", "real"], ["apple"])
    assert check_folder(three).benchmark is benchmark_named("DomainNet")


def test_the_command_says_what_it_found_and_fails_where_something_differs(
    command, tmp_path, monkeypatch
):
    small = make(tmp_path / "own", ["a", "b"], ["cat", "dog"])
    code, out, _ = command("data", "check", small)
    assert code == 0
    assert "No benchmark known here: its layout is sound, every image decoded." in out
    code, out, _ = command("data", "check", small, "--benchmark", "pacs", "--no-decode")
    assert code == 1
    assert "- The domain art_painting is missing." in out
    assert "3,929" in out
    code, _, error = command("data", "check", small, "--benchmark", "CIFAR")
    assert code == 2
    assert "No benchmark is called 'CIFAR'. There are: PACS, VLCS, OfficeHome," in error
    code, _, error = command("data", "check", tmp_path / "nowhere")
    assert code == 2
    assert "does not exist." in error


@pytest.mark.skipif(not PACS.is_dir(), reason="needs PACS in ../shared/data/pacs")
def test_the_pacs_at_hand_is_pacs_but_for_its_counts(command):
    code, out, _ = command("data", "check", PACS, "--no-decode")
    assert code == 1
    assert "- art_painting: 1,946 images, 102 fewer than the published 2,048." in out
    assert "- In all 9,510 images, 481 fewer than the published 9,991." in out
    assert "PACS: 5 differences." in out
