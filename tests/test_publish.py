"""Publishing, with the Hub's real client against the protocol stand-in, and the model card."""

import csv
import dataclasses
import html
import re
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import static_site
import tiny
import torch
from hub_server import HubServer
from huggingface_hub import ModelCard, SpaceCard, metadata_load
from huggingface_hub.repocard_data import (
    eval_results_to_model_index,
    model_index_to_eval_results,
)
from markdown_it import MarkdownIt
from PIL import Image

import qtdog
from qtdog import checkpoints, cli
from qtdog.accuracy import Accuracy
from qtdog.browser import parts
from qtdog.checkpoints import make_index
from qtdog.checkpoints.config import to_json
from qtdog.checkpoints.index import parse_index
from qtdog.citation import CITATION
from qtdog.hub import space_files, static_space_files, upload
from qtdog.hub.model_card import CardEntry, model_card
from qtdog.hub.publishing import Destination, PublishError, set_files
from qtdog.hub.space import space_card
from qtdog.inference import Ensemble
from qtdog.study.rows import MeasuredRow
from qtdog.ui.about.texts import without_server

ROOT = Path(__file__).resolve().parents[1]
CONTENTS = {"erm-seed0", "qt-dog-7bit-seed0", "qt-dog-7bit-seed1", "eoq-7bit"}


@pytest.fixture(scope="module")
def tiny_root(tmp_path_factory) -> Path:
    return tiny.save_set(tmp_path_factory.mktemp("set"), members=2)


@pytest.fixture
def hub(tmp_path):
    with HubServer(tmp_path / "hub") as server:
        yield server


def destination(hub, repo_id="me/set", **options) -> Destination:
    return Destination(repo_id, token="a-token", endpoint=hub.endpoint, **options)


def rewrite(folder: Path, **changes) -> None:
    """Change a checkpoint's config."""
    config = dataclasses.replace(checkpoints.load_config(folder), **changes)
    (folder / "config.json").write_bytes(to_json(config))


def measured_csv(folder: Path, *rows: dict) -> Path:
    """A measured.csv with the columns that the project writes; returns its folder."""
    columns = [field.name for field in dataclasses.fields(MeasuredRow)]
    usual = dict.fromkeys(columns, "") | {
        "table": "measured",
        "backbone": "tiny",
        "dataset": "PACS",
        "domain": "sketch",
        "split": "target",
        "source": "measured",
        "averaged": "no",
    }
    with (folder / "measured.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(usual | row for row in rows)
    return folder


# The set ----------------------------------------------------------------------------------------


def test_a_set_is_one_commit_that_holds_every_file_bit_for_bit(tiny_root, hub):
    seen = []
    files = set_files(tiny_root, "me/set", "mit")
    commit = upload(
        files, destination(hub), "First", lambda done, total: seen.append((done, total))
    )
    assert hub.repository("me/set").messages == ["First"]
    assert hub.repository("me/set").refs["main"] == commit
    there = hub.files("me/set")
    on_disk = {
        path.relative_to(tiny_root).as_posix(): path.read_bytes()
        for path in tiny_root.rglob("*")
        if path.is_file()
    }
    assert {name: there[name] for name in on_disk} == on_disk
    assert set(there) - set(on_disk) == {"README.md", "index.json"}
    assert parse_index("index.json", there["index.json"]) == make_index(tiny_root)
    assert seen[-1][0] == seen[-1][1] == sum(map(len, on_disk.values()))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_publishing_again_sends_only_what_changed(tiny_root, hub, tmp_path):
    files = set_files(tiny_root, "me/set", "mit")
    first = upload(files, destination(hub), "First")
    hub.clear_log()
    assert upload(files, destination(hub), "Again") == first
    assert not [one for one in hub.log if one.stage in ("upload", "commit")]
    changed = Path(shutil.copytree(tiny_root, tmp_path / "set"))
    tiny.save_checkpoint(changed / "pacs/sketch/erm-seed7", "erm", 7)
    upload(set_files(changed, "me/set", "mit"), destination(hub), "Second")
    assert len([one for one in hub.log if one.stage == "upload"]) == 1
    assert hub.repository("me/set").messages == ["First", "Second"]


def test_a_new_repository_is_private_if_asked(tiny_root, hub):
    files = set_files(tiny_root, "me/secret", "mit")
    upload(files, destination(hub, "me/secret", private=True), "First")
    upload(files, destination(hub, "me/open"), "First")
    assert hub.repository("me/secret").private
    assert not hub.repository("me/open").private


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: rewrite(f, target=Accuracy(0, 0)), "has no measured accuracy on sketch"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 9), "has 9 bytes instead of"),
        (lambda f: _flip(f / "model.safetensors"), "SHA-256 is not the one in the config"),
        (lambda f: rewrite(f, target_domain="photo"), r"is of pacs/photo: move it"),
        (lambda f: f.rename(f.parent.parent / "erm"), "dataset/target/checkpoint"),
    ],
)
def test_what_is_unmeasured_changed_or_misplaced_is_refused(tiny_root, tmp_path, change, said):
    root = Path(shutil.copytree(tiny_root, tmp_path / "set"))
    change(root / "pacs/sketch/erm-seed0")
    with pytest.raises(ValueError, match=said):
        set_files(root, "me/set", "mit")


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_config_that_contradicts_measured_csv_is_refused(tiny_root, tmp_path):
    config = checkpoints.load_config(tiny_root / "pacs/sketch/erm-seed0")
    row = {"method": "ERM", "accuracy": "59", "correct": 59, "total": 100, "seed": 0}
    results = measured_csv(tmp_path, row | {"sha256": config.files[0].sha256})
    with pytest.raises(PublishError, match=r"states 60.0% \(60/100\) on sketch.* has 59/100"):
        set_files(tiny_root, "me/set", "mit", results)


@pytest.mark.parametrize("repo_id", ["name", "a/b/c", "me/na me", "/x", "me/"])
def test_an_impossible_name_is_refused_before_anything_is_sent(tiny_root, repo_id):
    with pytest.raises(PublishError, match="give it as ORG/NAME"):
        set_files(tiny_root, repo_id, "mit")


# Faults -----------------------------------------------------------------------------------------


SENTENCES = {
    401: "refuses the token (401): run 'hf auth login'",
    403: "may not write there (403)",
    404: "does not have this account",
    429: "asks for a pause (429",
    500: "has a fault of its own (500)",
}


@pytest.mark.parametrize("stage", ["create", "validate", "preupload", "lfs", "upload", "commit"])
def test_an_error_at_any_stage_is_one_sentence_and_no_commit(tiny_root, hub, stage):
    files = set_files(tiny_root, "me/set", "mit")
    retried = stage in ("preupload", "lfs", "upload")  # for some 20 seconds, by the client
    for status, sentence in SENTENCES.items():
        if status in (429, 500) and retried:
            continue
        hub.heal()
        hub.fail(stage, status=status)
        with pytest.raises(PublishError) as error:
            upload(files, destination(hub), "First")
        assert sentence in str(error.value)
        assert str(error.value).startswith("me/set: ")
        assert str(error.value).count("\n") == 0
    assert "me/set" not in str(hub.repositories) or not hub.repository("me/set").messages
    hub.heal()
    upload(files, destination(hub), "At last")
    assert hub.repository("me/set").messages == ["At last"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["preupload", "lfs", "upload"])
def test_what_the_client_retries_ends_within_half_a_minute(tiny_root, hub, stage):
    hub.fail(stage, status=500)
    start = time.monotonic()
    with pytest.raises(PublishError, match=r"fault of its own \(500\)"):
        upload(set_files(tiny_root, "me/set", "mit"), destination(hub), "First")
    assert time.monotonic() - start < 30


def test_a_passing_fault_is_overcome(tiny_root, hub):
    hub.fail("upload", status=503, times=1)
    upload(set_files(tiny_root, "me/set", "mit"), destination(hub), "First")
    assert hub.repository("me/set").messages == ["First"]


@pytest.mark.parametrize("stage", ["create", "validate", "preupload", "upload", "commit"])
def test_a_silent_hub_is_given_up(tiny_root, hub, stage):
    hub.fail(stage, never=True)
    start = time.monotonic()
    with pytest.raises(PublishError, match="nothing more came from the Hub for 1 seconds"):
        upload(set_files(tiny_root, "me/set", "mit"), destination(hub, patience=1.0), "First")
    assert time.monotonic() - start < 10


def test_without_a_hub_or_a_token_it_says_so(tiny_root, hub, monkeypatch):
    files = set_files(tiny_root, "me/set", "mit")
    nowhere = Destination("me/set", token="a-token", endpoint="http://127.0.0.1:9")
    with pytest.raises(PublishError, match="the Hub cannot be reached"):
        upload(files, nowhere, "First")
    monkeypatch.setattr("qtdog.hub.publishing.get_token", lambda: None)
    with pytest.raises(PublishError, match="There is no token for the Hub"):
        upload(files, Destination("me/set", endpoint=hub.endpoint), "First")
    assert hub.log == []


# The card ---------------------------------------------------------------------------------------


@pytest.fixture
def results(tiny_root, tmp_path) -> Path:
    """A measured.csv with a row of a single network and one of the ensemble."""
    config = checkpoints.load_config(tiny_root / "pacs/sketch/qt-dog-7bit-seed1")
    return measured_csv(
        tmp_path,
        {"method": "QT-DoG", "bits": 7, "accuracy": "61.0", "correct": 61, "total": 100}
        | {"seed": 1, "sha256": config.files[0].sha256, "nll": 1.2345, "ece": 0.0678},
        {"method": "EoQ", "bits": 7, "accuracy": "70.0", "correct": 70, "total": 100}
        | {"nll": 0.9876, "ece": 0.0543},
    )


def card_of(root: Path, **options) -> str:
    (readme, *_) = set_files(root, "me/set", "apache-2.0", **options)
    assert readme.path == "README.md"
    return readme.content.decode()


def test_the_card_shows_the_numbers_of_measured_csv(tiny_root, results):
    lines = card_of(tiny_root, results=results).splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| ") and "`" in line}
    assert set(rows) == {f"pacs/sketch/{name}" for name in CONTENTS}
    for cell in ("QT-DoG, 7 bits, seed 1", "61.00 %", "61/100", "80.00 %", "1.2345", "0.0678"):
        assert f"| {cell} |" in rows["pacs/sketch/qt-dog-7bit-seed1"]
    for cell in ("EoQ, 7 bits, 2 members", "70.00 %", "0.9876", "0.0543"):
        assert f"| {cell} |" in rows["pacs/sketch/eoq-7bit"]
    assert "| - | - |" in rows["pacs/sketch/erm-seed0"]  # not measured


def test_the_card_passes_the_clients_own_checks(tiny_root, results, hub, tmp_path, monkeypatch):
    text = card_of(tiny_root, results=results)
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    metadata = metadata_load(tmp_path / "README.md")
    assert metadata["license"] == "apache-2.0"
    assert metadata["pipeline_tag"] == "image-classification"
    assert metadata["datasets"] == ["flwrlabs/pacs"]
    assert {"domain-generalization", "quantization", "eoq"} <= set(metadata["tags"])
    name, evaluated = model_index_to_eval_results(metadata["model-index"])
    assert name == "set"
    assert eval_results_to_model_index(name, evaluated) == metadata["model-index"]
    values = {(one.metric_type, one.metric_args["checkpoint"]): one for one in evaluated}
    assert values["accuracy", "pacs/sketch/erm-seed0"].metric_value == 0.6
    assert values["nll", "pacs/sketch/qt-dog-7bit-seed1"].metric_value == 1.2345
    assert values["ece", "pacs/sketch/eoq-7bit"].metric_value == 0.0543
    for one in evaluated:
        assert "source validation" in one.metric_args["protocol"]
        assert one.dataset_config == "sketch"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    ModelCard(text).validate()
    assert [one.stage for one in hub.log] == ["validate"]


def test_a_name_in_the_card_is_neither_markup_nor_a_tables_border(tiny_root):
    path = "pacs/sketch/erm-seed0"
    names = ("<img src=x onerror=alert(1)>", "a|b", "[here](javascript:x)", "# big", "`code")
    config = dataclasses.replace(
        checkpoints.load_config(tiny_root / path), classes=names, target_domain='a"b <i>'
    )
    card = model_card("me/set", [CardEntry(path, config, 1, None)], "apache-2.0")
    shown = MarkdownIt("commonmark").enable("table").render(card.text)
    assert "<img" not in shown
    assert "<i>" not in shown
    assert 'href="javascript' not in shown
    assert f"classes: {', '.join(map(html.escape, names[:-1]))} and {names[-1]}." in shown
    (usage,) = re.findall("```python\n(.*?)```", card.text, re.DOTALL)
    compile(usage, "usage", "exec")


def test_the_card_says_how_to_use_how_it_was_trained_and_what_its_limits_are(tiny_root):
    text = card_of(tiny_root)
    (usage,) = re.findall("```python\n(.*?)```", text, re.DOTALL)
    assert len(usage.strip().splitlines()) <= 6
    compile(usage, "usage", "exec")
    assert 'qtdog.load("me/set", target="sketch", method="eoq")' in usage
    assert CITATION in text
    for heading in ("## Measured", "## How it was trained", "## Limits", "## Citation"):
        assert heading in text
    assert "quantized at step: 4" in text
    assert "up to 2 seeds" in text


def test_the_lines_of_the_card_run_and_answer_as_the_published_files(
    tiny_root, hub, tmp_path, monkeypatch, capsys
):
    files = set_files(tiny_root, "me/set", "mit")
    upload(files, destination(hub), "First")
    (usage,) = re.findall("```python\n(.*?)```", files[0].content.decode(), re.DOTALL)
    options = {"endpoint": hub.endpoint, "cache": tmp_path / "cache"}
    monkeypatch.setattr(qtdog, "load", partial(qtdog.load, **options))
    shutil.copy(ROOT / "assets/samples/dog-cartoon.png", tmp_path / "picture.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    with torch.inference_mode():
        exec(usage, names)
        local = checkpoints.load(tiny_root / "pacs/sketch/eoq-7bit")
        inputs = names["model"].preprocess(Image.open("picture.jpg"))
        expected = Ensemble(local.networks)(inputs)
    assert torch.equal(names["logits"], expected)
    assert capsys.readouterr().out.strip() == tiny.CLASSES[int(expected.argmax())]


@pytest.mark.thorough
def test_the_bundled_set_can_be_published(hub):
    files = set_files(ROOT / "checkpoints", "me/bundled", "apache-2.0")
    text = files[0].content.decode()
    for folder in checkpoints.find(ROOT / "checkpoints"):
        target = checkpoints.load_config(folder).target
        assert f"| {100 * target.fraction:.2f} % | {target.correct:,}/{target.total:,} |" in text
    upload(files, destination(hub, "me/bundled"), "First")
    assert len(hub.files("me/bundled")) == len(files)


# The Space --------------------------------------------------------------------------------------


def test_a_space_gets_the_program_and_nothing_else(hub):
    files = space_files(ROOT)
    variables = (("QTDOG_ALLOW_REMOTE", "0"),)
    upload(files, destination(hub, "me/page", repo_type="space", variables=variables), "First")
    there = hub.files("me/page", repo_type="space")
    assert {"app.py", "requirements.txt", "README.md", "LICENSE"} <= set(there)
    for folder in checkpoints.find(ROOT / "checkpoints"):
        assert (folder / "config.json").relative_to(ROOT).as_posix() in there
    assert "qtdog/ui/style.css" in there
    assert {path.split("/")[0] for path in there if "/" in path} == {
        "qtdog",
        "assets",
        "checkpoints",
    }
    assert not [path for path in there if "__pycache__" in path or "/." in path]
    repository = hub.repository("me/page", "space")
    assert repository.sdk == "gradio"
    assert repository.variables == {"QTDOG_ALLOW_REMOTE": "0"}
    assert SpaceCard(there["README.md"].decode()).data.to_dict() == (
        SpaceCard((ROOT / "README.md").read_text(encoding="utf-8")).data.to_dict()
    )


def test_the_front_matter_is_what_a_space_needs():
    card = SpaceCard((ROOT / "README.md").read_text(encoding="utf-8"))
    assert card.data.sdk == "gradio"
    assert card.data.app_file == "app.py"
    major, minor, _ = map(int, card.data.sdk_version.split("."))
    assert (6, 31) <= (major, minor) < (7, 0)  # as requirements.txt has it
    assert card.data.license == "apache-2.0"


def test_the_front_matter_names_the_published_set_to_be_built_in(tiny_root):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    card = SpaceCard(str(space_card(readme, "me/set", "c" * 40, make_index(tiny_root))))
    assert card.data.models == ["me/set"]
    repository, paths, commit = card.data.preload_from_hub[0].split(" ")
    assert (repository, commit) == ("me/set", "c" * 40)
    assert len(paths.split(",")) == 1 + 2 * 3 + 1  # index, three networks, the ensemble
    assert card.text.strip() == SpaceCard(readme).text.strip()
    assert card.data.emoji == SpaceCard(readme).data.emoji


def test_a_folder_that_is_not_the_program_is_no_space(tmp_path):
    with pytest.raises(PublishError, match=r"app\.py is missing"):
        space_files(tmp_path)


# The command ------------------------------------------------------------------------------------


@pytest.fixture
def command(hub, monkeypatch, capsys):
    """Runs `python -m qtdog publish ...` in this process: (exit code, output, error output)."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", "a-token")

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qtdog", "publish", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_a_dry_run_lists_the_files_and_sends_nothing(tiny_root, hub, command):
    code, out, _ = command("--repo-id", "me/set", "--checkpoints", tiny_root, "--dry-run")
    assert code == 0
    model = tiny_root / "pacs/sketch/erm-seed0/model.safetensors"
    assert f"{model.stat().st_size:,} B  pacs/sketch/erm-seed0/model.safetensors" in out
    assert "me/set (model): 13 files" in out
    assert hub.log == []


def test_the_command_publishes_a_set_and_a_space_that_shows_it(tiny_root, hub, command):
    words = ["--repo-id", "me/set", "--space", "me/page", "--checkpoints", tiny_root]
    code, out, _ = command(*words)
    assert code == 0
    commit = hub.repository("me/set").refs["main"]
    assert f"me/set: 13 files, commit {commit}" in out
    variables = hub.repository("me/page", "space").variables
    assert variables == {"QTDOG_ALLOW_REMOTE": "0", "QTDOG_CHECKPOINTS": f"me/set@{commit}"}
    readme = hub.files("me/page", repo_type="space")["README.md"].decode()
    assert SpaceCard(readme).data.models == ["me/set"]
    assert readme.count(commit) == 1


def test_the_command_says_in_one_line_why_not(tiny_root, hub, command):
    hub.token = "another"
    code, _, error = command("--repo-id", "me/set", "--checkpoints", tiny_root)
    assert code == 2
    assert error.splitlines()[-1].startswith("qtdog: me/set: the Hub refuses the token (401)")
    code, _, error = command()
    assert code == 2
    assert error == (
        "qtdog: Nothing to publish: give --repo-id ORG/NAME, --space ORG/NAME, --static-space "
        "ORG/NAME, or several.\n"
    )


@pytest.mark.thorough
def test_a_static_space_says_what_it_is(
    hub, command, tmp_path, monkeypatch, static_set, static_folder
):
    monkeypatch.setattr(parts, "SHOWN_STUDY", static_site.few_results(tmp_path / "results"))
    options = ("--checkpoints", static_set, "--dry-run")
    code, said, error = command("--static-space", "me/live", *options)
    assert (code, error) == (0, "")
    for name in ("README.md", "index.html", "manifest.json", "onnxruntime/LICENSE"):
        assert f"  {name}\n" in said
    readme = static_space_files(static_folder)[0]
    front = SpaceCard(readme.content.decode()).data
    assert front.sdk == "static"
    assert front.custom_headers["cross-origin-embedder-policy"] == "require-corp"
    with pytest.raises(ValueError, match="holds no page"):
        static_space_files(tmp_path)


def test_a_space_links_to_the_static_one_of_its_set(tiny_root, hub, command, monkeypatch):
    def one_page(folder: Path, explorer: object) -> None:
        (folder / "index.html").write_text("the explorer")

    monkeypatch.setattr("qtdog.browser.write_explorer", one_page)
    monkeypatch.setattr("qtdog.hub.space.FOLDERS", ("qtdog/hub",))  # what of the page is enough
    words = ["--space", "me/page", "--static-space", "me/live", "--checkpoints", tiny_root]
    code, _, error = command(*words)
    assert code == 0, error
    variables = hub.repository("me/page", "space").variables
    assert "QTDOG_STATIC_SPACE" not in variables  # it shows the bundled set
    code, _, error = command(*words, "--repo-id", "me/set")
    assert code == 0, error
    assert variables["QTDOG_STATIC_SPACE"] == "me/live"
    assert "index.html" in hub.files("me/live", repo_type="space")


def test_about_links_to_nothing_but_a_space(monkeypatch):
    address = 'href="https://huggingface.co/spaces/me/live"'
    assert "export-site" in without_server()
    assert address not in without_server()
    monkeypatch.setenv("QTDOG_STATIC_SPACE", "me/live")
    assert address in without_server()
    monkeypatch.setenv("QTDOG_STATIC_SPACE", 'me/live" onclick="alert(1)')
    assert "me/live" not in without_server()
