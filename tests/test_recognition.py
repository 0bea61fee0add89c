"""What a checkpoint was trained on is known by its images, whatever their folder is called."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from test_data import make_folder, picture

from qtdog import checkpoints
from qtdog.data import DataError, load_folder
from qtdog.evaluation import known_domains, misleading_names, require_training_data

DOMAINS = ("art", "photo", "sketch")


@pytest.fixture
def trained(command, tmp_path) -> Path:
    """The checkpoint of a network trained on a folder `pets`, sketch held out."""
    root = make_folder(tmp_path / "pets", 10)
    words = ["train", "--data", root, "--recipe", "digits", "--method", "qt-dog"]
    words += ["--out", tmp_path / "out", "--runs", tmp_path / "runs"]
    assert command(*words)[0] == 0
    return tmp_path / "out" / "pets" / "sketch" / "qt-dog-lsq-least-error-7bit-seed0"


@pytest.fixture
def older(trained, tmp_path) -> Path:
    """The same as it was before there was a fingerprint of each domain."""
    folder = Path(shutil.copytree(trained, tmp_path / "older"))
    values = json.loads((folder / "config.json").read_text())
    del values["training"]["identity"], values["training"]["domain_fingerprints"]
    sampled = load_folder(tmp_path / "pets", 32).sampled_fingerprint()
    values["training"]["data_fingerprint"] = sampled
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("age", ["trained", "older"])
def test_a_renamed_copy_is_recognised_and_compared(command, request, tmp_path, age):
    folder = request.getfixturevalue(age)
    plain = command("evaluate", folder, "--data", tmp_path / "pets", "--check")
    assert plain[0] == 0
    assert "3 of 3 figures are as stated." in plain[1]
    assert "scored as new" not in plain[2]
    copy = shutil.copytree(tmp_path / "pets", tmp_path / "animals")
    code, out, error = command("evaluate", folder, "--data", copy, "--check")
    assert (code, out) == (0, plain[1]), "the same figures of the same images"
    assert "animals holds the images of pets that were trained on, which would be scored" in error


@pytest.mark.thorough
@pytest.mark.parametrize("age", ["trained", "older"])
def test_other_data_under_the_same_name_are_not_compared(command, request, tmp_path, age):
    folder = request.getfixturevalue(age)
    other = tmp_path / "elsewhere" / "pets"
    for number, domain in enumerate(DOMAINS):
        for label in ("cat", "dog"):
            (other / domain / label).mkdir(parents=True)
            for k in range(10):
                picture(1000 + 100 * number + k).save(other / domain / label / f"{k:02d}.png")
    code, out, error = command("evaluate", folder, "--data", other, "--check")
    assert code == 1
    assert "0 of 0 figures are as stated." in out
    assert "Nothing could be checked" in error
    assert "art, photo of pets: called like domains that were trained on" in error
    assert "validation" not in out
    assert out.count("/20") == 3, "all images of each domain"
    code, _, error = command("evaluate", folder, "--data", other)
    assert code == 0
    assert "where training images are among them, the figures are too high." in error


def test_one_changed_image_leaves_the_other_domains_compared(command, trained, tmp_path):
    picture(999).save(tmp_path / "pets" / "art" / "cat" / "00.png")
    code, out, error = command("evaluate", trained, "--data", tmp_path / "pets", "--check")
    assert code == 0
    assert "2 of 2 figures are as stated." in out
    assert "art of pets: called like domains that were trained on" in error
    assert "photo" not in error


def test_a_renamed_domain_is_split_as_in_training(command, trained, tmp_path):
    (tmp_path / "pets" / "photo").rename(tmp_path / "pets" / "pictures")
    code, out, _ = command("evaluate", trained, "--data", tmp_path / "pets", "--check")
    assert code == 0
    assert "3 of 3 figures are as stated." in out


def test_domains_are_known_by_classes_and_content(trained, older, tmp_path):
    dataset = load_folder(tmp_path / "pets", 32)
    for folder in (trained, older):
        config = checkpoints.load_config(folder)

        def known(data, config=config) -> dict[str, str]:
            return known_domains(config, config.training, data)

        assert known(dataset) == {name: name for name in DOMAINS}
        assert misleading_names(config, dataset, known(dataset)) == ""
        assert known(dataclasses.replace(dataset, classes=("cat", "mouse"))) == {}
        assert known_domains(config, None, dataset) == {}
        require_training_data(folder, config, config.training, dataset)
    config = checkpoints.load_config(trained)
    part = dataclasses.replace(dataset, domains=dataset.domains[:2])
    assert known_domains(config, config.training, part) == {"art": "art", "photo": "photo"}
    foreign = dataclasses.replace(dataset.domains[2], name="foreign")
    part = dataclasses.replace(dataset, domains=(dataset.domains[0], foreign))
    assert known_domains(config, config.training, part) == {"art": "art", "foreign": "sketch"}
    changed = dataclasses.replace(dataset.domains[0], content="other")
    dataset = dataclasses.replace(dataset, domains=(changed, *dataset.domains[1:]))
    with pytest.raises(DataError, match="on the images that are now in art of it"):
        require_training_data(trained, config, config.training, dataset)


def test_a_domain_that_lacks_a_class_is_known_where_its_data_lack_it_too(command, tmp_path):
    """Held out, it may lack a class, of which its folder by itself then does not know."""
    root = make_folder(tmp_path / "pets", 10)
    shutil.rmtree(root / "sketch" / "cat")
    words = ["train", "--data", root, "--recipe", "digits", "--method", "erm"]
    assert command(*words, "--out", tmp_path / "out", "--runs", tmp_path / "runs")[0] == 0
    trained = tmp_path / "out" / "pets" / "sketch" / "erm-seed0"
    alone = tmp_path / "alone" / "pets"
    shutil.copytree(root / "sketch", alone / "sketch")
    config, dataset = checkpoints.load_config(trained), load_folder(alone, 32, fewest=1)
    assert dataset.classes == ("dog",)
    assert known_domains(config, config.training, dataset) == {"sketch": "sketch"}
    code, out, error = command("evaluate", trained, "--data", alone, "--check")
    assert code == 0
    assert "1 of 1 figures are as stated." in out
    assert "count as new" not in error
    # A source domain of which a class was taken away is another: its name alone is the same.
    shutil.copytree(root / "art", alone / "art")
    shutil.rmtree(alone / "art" / "cat")
    _, _, error = command("evaluate", trained, "--data", alone)
    assert "art of pets: called like domains that were trained on" in error


def test_landscapes_and_thresholds_are_measured_on_the_training_data_alone(
    command, trained, tmp_path
):
    picture(999).save(tmp_path / "pets" / "art" / "cat" / "00.png")
    data = ["--data", tmp_path / "pets"]
    for words in (
        ["landscape", trained, "--out", tmp_path / "land", "--runs", tmp_path / "runs"],
        ["calibrate-hint", trained, "--out", tmp_path / "energy.csv"],
    ):
        code, _, error = command(*words, *data)
        assert code == 2
        assert "trained on pets, but not, or not only, on the images that are now in art" in error
