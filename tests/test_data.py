"""Domain folders, the cache of decoded images, the split, and the built-in digits."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from qtdog import data, places
from qtdog.data import DataError, contents, folders, load_folder
from qtdog.data import image_rows as rows
from qtdog.training import TrainConfig, load_run_data
from qtdog.training.batches import Batches

DOMAINS, CLASSES = ("art", "photo", "sketch"), ("cat", "dog")


def picture(seed: int, size: tuple[int, int] = (12, 9)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def make_folder(root: Path, count: int = 5, backwards: bool = False) -> Path:
    """`count` pictures a class; what is in them follows from their names alone."""
    places = [(domain, label, k) for domain in DOMAINS for label in CLASSES for k in range(count)]
    for domain, label, k in reversed(places) if backwards else places:
        folder = root / domain / label
        folder.mkdir(parents=True, exist_ok=True)
        seed = 100 * DOMAINS.index(domain) + 10 * CLASSES.index(label) + k
        picture(seed).save(folder / f"{k:02d}.png")
    return root


@pytest.fixture
def root(tmp_path) -> Path:
    return make_folder(tmp_path / "pets")


def test_a_folder_becomes_domains_with_the_images_resized_and_labelled(root):
    dataset = load_folder(root, 8)
    assert dataset.name == "pets"
    assert dataset.classes == CLASSES
    assert [domain.name for domain in dataset.domains] == list(DOMAINS)
    photo = dataset.domain("photo")
    assert photo.images.shape == (10, 8, 8, 3)
    assert photo.images.dtype == np.uint8
    assert photo.labels.tolist() == [0] * 5 + [1] * 5
    assert photo.names[:2] == ("cat/00.png", "cat/01.png")
    expected = picture(112).resize((8, 8), Image.Resampling.BILINEAR)  # photo/dog/02.png
    assert np.array_equal(photo.images[7], np.asarray(expected))
    assert dataset.skipped == ()
    assert data.load(str(root), 8).fingerprint() == dataset.fingerprint()


def test_sources_are_all_domains_but_the_target_and_an_unknown_one_lists_what_exists(root):
    dataset = load_folder(root, 8)
    assert [domain.name for domain in dataset.sources("photo")] == ["art", "sketch"]
    for ask in (dataset.domain, dataset.sources):
        with pytest.raises(
            ValueError, match=r"no domain 'Photo'\. There are: art, photo, sketch\."
        ):
            ask("Photo")


def test_the_order_in_which_files_were_made_changes_nothing(root, tmp_path):
    other = make_folder(tmp_path / "again" / "pets", backwards=True)
    one, two = load_folder(root, 8), load_folder(other, 8)
    assert one.fingerprint() == two.fingerprint()
    for first, second in zip(one.domains, two.domains, strict=True):
        assert first.names == second.names
        assert np.array_equal(first.images, second.images)


def test_hidden_and_foreign_files_are_no_images(root):
    (root / ".git" / "cat").mkdir(parents=True)
    (root / "README.md").write_text("text")
    (root / "art" / "cat" / "Thumbs.db").write_bytes(b"no image")
    dataset = load_folder(root, 8)
    assert [len(domain) for domain in dataset.domains] == [10, 10, 10]
    assert dataset.skipped == ()


# The cache --------------------------------------------------------------------------------------


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """Names of the files that were decoded since."""
    names: list[str] = []
    read = folders.read_image

    def counting(path):
        names.append(f"{path.parent.parent.name}/{path.parent.name}/{path.name}")
        return read(path)

    monkeypatch.setattr(folders, "read_image", counting)
    return names


def test_images_are_decoded_once_and_again_only_where_a_file_changed(root, decoded, own_cache):
    first = load_folder(root, 8)
    assert len(decoded) == 30
    assert list(own_cache.rglob("*.npy"))
    decoded.clear()
    again = load_folder(root, 8)
    assert decoded == []
    assert np.array_equal(again.domain("art").images, first.domain("art").images)

    picture(999).save(root / "art" / "dog" / "03.png")
    changed = load_folder(root, 8)
    assert {name.partition("/")[0] for name in decoded} == {"art"}
    assert len(decoded) == 10
    expected = picture(999).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(changed.domain("art").images[8], np.asarray(expected))
    assert changed.fingerprint() != first.fingerprint()


def test_any_image_changes_the_fingerprint_and_the_folders_name_does_not(tmp_path):
    """Every third of a domain's 200 images stood for all once."""
    root = make_folder(tmp_path / "pets", count=100)
    first = load_folder(root, 8)
    assert load_folder(root, 16).fingerprint() == first.fingerprint()
    copy = load_folder(Path(shutil.copytree(root, tmp_path / "animals")), 8)
    assert copy.fingerprint() == first.fingerprint()
    assert copy.sampled_fingerprint() != first.sampled_fingerprint()
    assert copy.sampled_fingerprint("pets") == first.sampled_fingerprint()
    file = root / "art" / "dog" / "97.png"
    picture(999).save(file)
    changed = load_folder(root, 8)
    assert changed.sampled_fingerprint() == first.sampled_fingerprint()
    assert changed.fingerprint() != first.fingerprint()
    assert changed.domain("photo").fingerprint() == first.domain("photo").fingerprint()
    for target in (root / "art" / "dog" / "zz.png", root / "zart"):
        before = load_folder(root, 8).fingerprint()
        (file if target.suffix else root / "art").rename(target)
        assert load_folder(root, 8).fingerprint() != before, "names and domains count"


def test_ten_thousand_images_are_hashed_in_seconds_and_once(tmp_path, monkeypatch):
    files = [(f"cat/{n}.jpg", tmp_path / f"{n}.jpg") for n in range(2000)]
    random = np.random.default_rng(0)
    for _, path in files:
        path.write_bytes(random.bytes(20_000))
    kept = tmp_path / "kept" / "hash"
    started = time.process_time()
    first = contents.content_hash(files, kept)
    assert time.process_time() - started < 1
    monkeypatch.setattr(contents, "_digest", lambda file: pytest.fail("it is known"))
    assert contents.content_hash(files, kept) == first


def test_digits_at_any_size_are_the_same_and_every_angle_is_another():
    small, large = data.load("rotated_digits", 8), data.load("rotated_digits", 16)
    assert small.fingerprint() == large.fingerprint()
    assert len({domain.fingerprint() for domain in small.domains}) == 6


def test_a_file_of_the_same_size_and_name_but_a_later_time_is_noticed(root, decoded):
    file = root / "art" / "cat" / "00.bmp"
    picture(1).save(file)
    load_folder(root, 8)
    size, time = file.stat().st_size, file.stat().st_mtime_ns
    picture(2).save(file)
    os.utime(file, ns=(time + 1, time + 1))
    assert file.stat().st_size == size
    expected = picture(2).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(load_folder(root, 8).domain("art").images[0], np.asarray(expected))


def test_another_size_an_added_and_a_removed_file_are_noticed(root, decoded):
    load_folder(root, 8)
    assert load_folder(root, 6).domain("art").images.shape[1:] == (6, 6, 3)
    picture(5).save(root / "sketch" / "dog" / "new.png")
    sketch = load_folder(root, 8).domain("sketch")
    assert len(sketch) == 11
    assert sketch.names[-1] == "dog/new.png"
    (root / "sketch" / "dog" / "00.png").unlink()
    assert len(load_folder(root, 8).domain("sketch")) == 10


def test_pixels_without_their_record_are_never_taken_for_a_cached_domain(root, own_cache, decoded):
    """What a kill between the two files leaves behind."""
    whole = np.array(load_folder(root, 8).domain("photo").images)
    for record in own_cache.rglob("*.json"):
        record.unlink()
        pixels = record.with_suffix(".npy")
        pixels.unlink()
        pixels.write_bytes(b"half a file")
    decoded.clear()
    again = load_folder(root, 8)
    assert len(decoded) == 30
    assert np.array_equal(again.domain("photo").images, whole)


# What may be wrong with a folder ----------------------------------------------------------------


def test_unreadable_images_are_named_counted_and_left_out(root, capsys):
    (root / "art" / "cat" / "01.png").write_bytes(b"no image")
    broken = (root / "photo" / "dog" / "04.png").read_bytes()
    (root / "photo" / "dog" / "04.png").write_bytes(broken[: len(broken) // 3])
    for _ in range(2):  # decoded, then from the cache
        dataset = load_folder(root, 8)
        assert [line.partition(": ")[0] for line in dataset.skipped] == [
            "art/cat/01.png",
            "photo/dog/04.png",
        ]
        assert all(line.partition(": ")[2].endswith(".") for line in dataset.skipped)
        printed = capsys.readouterr().err
        assert "Skipped 2 unreadable images:" in printed
        assert "  art/cat/01.png: " in printed
        art = dataset.domain("art")
        assert len(art) == len(art.images) == 9
        assert art.names[1] == "cat/02.png"
        expected = picture(2).resize((8, 8), Image.Resampling.BILINEAR)
        assert np.array_equal(art.images[1], np.asarray(expected))


def test_a_domain_without_a_readable_image_is_an_error_that_names_it(root):
    for label in CLASSES:
        for file in (root / "photo" / label).iterdir():
            file.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"photo has no readable image in a class folder\."):
        load_folder(root, 8)


def lack(root: Path, domain: str, label: str, empty: bool) -> None:
    shutil.rmtree(root / domain / label)
    if empty:
        (root / domain / label).mkdir()


@pytest.mark.parametrize("empty", [False, True])
def test_a_domain_that_lacks_a_class_is_trained_on_with_a_notice(root, capsys, empty):
    lack(root, "sketch", "cat", empty)
    config = run_config(root, "art")
    data = load_run_data(config)
    assert data.classes == CLASSES
    assert [set(one.labels.tolist()) for one in data.source_training] == [{0, 1}, {1}]
    assert capsys.readouterr().err.endswith(
        "Not every source domain has every class to train on; these are seen in:\n  cat: photo\n"
    )
    load_run_data(run_config(root, "sketch"))  # the held-out domain may lack one without a word
    assert "Not every source" not in capsys.readouterr().err


@pytest.mark.parametrize("empty", [False, True])
def test_a_class_that_no_source_domain_has_is_an_error_that_names_it(root, empty):
    for domain in ("photo", "sketch"):
        lack(root, domain, "cat", empty)
    with pytest.raises(DataError, match="No source domain has an image of cat to train on"):
        load_run_data(run_config(root, "art"))


def test_a_source_domain_too_small_to_hold_images_out_is_an_error(root):
    for label in CLASSES:
        for file in sorted((root / "photo" / label).iterdir())[2:]:
            file.unlink()
    with pytest.raises(DataError, match="The domain photo has 4 images, too few to hold some out"):
        load_run_data(run_config(root, "art"))


def run_config(root: Path, target: str) -> TrainConfig:
    return TrainConfig(
        str(root), target, image_size=8, images_per_domain=2, mean=(0.5,) * 3, std=(0.5,) * 3
    )


# Names and kinds of files -------------------------------------------------------------------------


def test_a_name_that_is_not_utf8_is_an_image_like_others(root, capsys):
    for content, name in ((b"", b"bad\xe9.png"), (None, b"caf\xe9.png")):
        file = os.path.join(os.fsencode(root / "art" / "cat"), name)
        shutil.copy(root / "art" / "cat" / "00.png", file)
        if content is not None:
            Path(os.fsdecode(file)).write_bytes(content)
    data = load_run_data(run_config(root, "photo"))
    names = [name for one in data.source_training for name in one.names]
    names += [name for one in data.source_validation for name in one.names]
    assert "cat/caf\udce9.png" in names
    assert len(names) == 21
    assert "  art/cat/bad\\xe9.png: This file is empty" in capsys.readouterr().err


def test_a_folders_name_that_is_not_utf8_is_named(root):
    (root / "art" / "cat").rename(root / "art" / os.fsdecode(b"caf\xe9"))
    with pytest.raises(DataError, match=r"The name of the folder caf\\xe9 is not UTF-8: rename it"):
        load_folder(root, 8)


def test_every_file_of_a_class_is_used_or_named_whatever_it_is_called(root, capsys):
    cat = root / "art" / "cat"
    sound = {"a.jfif": "JPEG", "b.PNG": "PNG", "no-suffix": "PNG", "odd.data": "BMP"}
    for k, (name, kind) in enumerate(sound.items()):
        picture(50 + k).save(cat / name, format=kind)
    picture(60).save(cat / "x.ppm")
    (cat / "labels.txt").write_text("cat cat cat")
    (cat / "gone.png").symlink_to(cat / "nowhere.png")
    (cat / "pointer.png").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    )
    dataset = load_folder(root, 8)
    assert {f"cat/{name}" for name in sound} < set(dataset.domain("art").names)
    assert len(dataset.domain("art")) == 14
    said = dict(line.split(": ", 1) for line in dataset.skipped)
    assert said.keys() == {
        f"art/cat/{n}" for n in ("gone.png", "labels.txt", "pointer.png", "x.ppm")
    }
    assert "Git LFS pointer" in said["art/cat/pointer.png"]
    assert "git lfs pull" in said["art/cat/pointer.png"]
    assert "Skipped 4 unreadable images" in capsys.readouterr().err


def test_links_to_a_folder_above_are_not_followed(root):
    (root / "art" / "up").symlink_to(root)
    (root / "art" / "cat" / "again").symlink_to(root / "art")
    (root / "all").symlink_to(root.parent)
    dataset = load_folder(root, 8)
    assert [domain.name for domain in dataset.domains] == list(DOMAINS)
    assert dataset.classes == CLASSES


def test_evaluation_takes_a_single_domain_and_training_does_not(root):
    for domain in ("art", "photo"):
        shutil.rmtree(root / domain)
    shutil.rmtree(root / "sketch" / "cat")
    dataset = data.load(str(root), 8, fewest=1)
    assert (dataset.classes, len(dataset.domain("sketch"))) == (("dog",), 5)
    with pytest.raises(DataError, match="holds 1 domain folders: it takes at least two"):
        data.load(str(root), 8)


def test_a_folder_without_domains_or_classes_is_an_error(root, tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist\."):
        load_folder(tmp_path / "nowhere", 8)
    with pytest.raises(DataError, match="does not exist"):
        load_folder(root / "art" / "cat" / "00.png", 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds 0 domain folders: it takes at least two"):
        load_folder(tmp_path / "empty", 8)
    shutil.copytree(root / "art", tmp_path / "one" / "art")
    config = TrainConfig(data=str(tmp_path / "one"), target_domain="art")
    with pytest.raises(DataError, match="at least two"):
        load_run_data(config)
    for domain in DOMAINS:
        shutil.rmtree(root / domain / "dog")
    with pytest.raises(DataError, match="holds 1 classes: it takes at least two"):
        load_folder(root, 8)


# More than memory holds ---------------------------------------------------------------------------


def test_a_large_domains_part_stays_on_disk_and_gives_the_same_images(root, monkeypatch):
    photo = load_folder(root, 8).domain("photo")
    order = np.array([9, 0, 4, 4, 2])
    small = photo.subset(order)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 10)
    large = photo.subset(order)
    assert isinstance(large.images, rows.Rows)
    assert not isinstance(small.images, (rows.Rows, np.memmap))
    assert (large.images.shape, large.images.dtype) == ((5, 8, 8, 3), np.uint8)
    assert np.array_equal(np.asarray(large.images), small.images)
    assert np.array_equal(large.images[1:3], small.images[1:3])
    assert np.array_equal(large.images[np.array([4, 0])], small.images[[4, 0]])
    part, same = large.subset(np.array([3, 1])), small.subset(np.array([3, 1]))
    assert np.array_equal(np.asarray(part.images), same.images)
    assert part.names == same.names
    assert len(large.images) == 5


def test_training_from_disk_draws_the_very_batches_that_it_draws_from_memory(root, monkeypatch):
    config = TrainConfig(
        str(root), "art", image_size=8, images_per_domain=2, mean=(0.5,) * 3, std=(0.5,) * 3
    )
    batches = []
    for limit in (rows.LARGEST_IN_MEMORY, 10):
        monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", limit)
        data = load_run_data(config)
        kind = {isinstance(one.images, rows.Rows) for one in data.source_training}
        assert kind == {limit == 10}
        batches.append(Batches(config, data.source_training, torch.device("cpu")))
    for step in (0, 7):
        one, two = (each.at(step) for each in batches)
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.labels, two.labels)


def test_unreadable_images_leave_no_gap_among_the_others(root):
    before = load_folder(root, 8).domain("photo").images.copy()
    (root / "photo" / "cat" / "02.png").write_text("no image")
    after = load_folder(root, 8).domain("photo")
    assert np.array_equal(after.images, np.delete(before, 2, 0))
    assert len(after) == len(after.images) == 9


# Rotated digits ---------------------------------------------------------------------------------


def test_rotated_digits_have_six_domains_of_ten_classes():
    dataset = data.load("rotated_digits", 16)
    assert dataset.name == "rotated_digits"
    assert dataset.classes == tuple("0123456789")
    assert [domain.name for domain in dataset.domains] == [
        f"{angle}-degrees" for angle in (0, 15, 30, 45, 60, 75)
    ]
    assert [len(domain) for domain in dataset.domains] == [300, 300, 300, 299, 299, 299]
    target = load_digits().target
    for place, domain in enumerate(dataset.domains):
        assert domain.images.shape == (len(domain), 16, 16, 3)
        assert domain.images.dtype == np.uint8
        assert domain.labels.tolist() == target[place::6].tolist()
        assert np.bincount(domain.labels).min() > 20
        assert len(set(domain.names)) == len(domain)
        assert (domain.images[..., 0] == domain.images[..., 2]).all()


def test_the_first_domain_is_upright_and_the_others_are_turned_counter_clockwise():
    dataset = data.load("rotated_digits", 8)
    pixels = load_digits().images
    upright = dataset.domain("0-degrees").images[4, :, :, 0]  # digit 24; at 8 px as it is
    assert np.abs(upright / 255 - pixels[24] / 16).max() < 0.003

    def direction(image: np.ndarray) -> float:
        """Angle of the long axis of the ink, in degrees, counter-clockwise from horizontal."""
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        weight = image / image.sum()
        x, y = x - (x * weight).sum(), (y * weight).sum() - y
        moments = (x * y * weight).sum(), (x * x * weight).sum() - (y * y * weight).sum()
        return float(np.degrees(0.5 * np.arctan2(2 * moments[0], moments[1]))) % 180

    large = data.load("rotated_digits", 32)

    def mean_one(name: str) -> np.ndarray:
        """The mean picture of the digit 1, a vertical bar when upright."""
        domain = large.domain(name)
        return domain.images[domain.labels == 1][..., 0].astype(float).mean(0)

    start = direction(mean_one("0-degrees"))
    for angle in (15, 30, 45):
        turned = (direction(mean_one(f"{angle}-degrees")) - start) % 180
        assert turned == pytest.approx(angle, abs=8)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("QTDOG_CACHE", str(tmp_path / "here"))
    assert places.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("QTDOG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert places.cache_folder() == tmp_path / "there" / "qtdog"


def test_two_folders_with_files_of_the_same_names_and_times_do_not_share_a_cache(root, tmp_path):
    picture(77).save(root / "art" / "cat" / "00.bmp")
    load_folder(root, 8)
    moved = shutil.copytree(root, tmp_path / "copy" / "pets")  # with the times
    file = moved / "art" / "cat" / "00.bmp"
    time = file.stat().st_mtime_ns
    picture(78).save(file)
    os.utime(file, ns=(time, time))
    expected = picture(78).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(load_folder(moved, 8).domain("art").images[0], np.asarray(expected))
