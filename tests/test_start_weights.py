"""Start weights from files and from the Hub, never from pickles."""

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save, save_file

from qtdog import models
from qtdog.models import short_name

NAME = "shufflenet_v2_x0_5"


def trained(classes: int = 1000) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return models.build(NAME, classes).state_dict()


def test_weights_come_from_a_file_or_from_a_repository_at_a_revision(default_hub, tmp_path):
    state = trained()
    first = default_hub.commit("org/net", {"model.safetensors": save(state)})
    default_hub.commit("org/net", {"model.safetensors": save({n: v + 1 for n, v in state.items()})})
    save_file(state, tmp_path / "start.safetensors")
    file = models.build(NAME, 7, str(tmp_path / "start.safetensors"))
    old = models.build(NAME, 7, f"hub:org/net@{first}")
    new = models.build(NAME, 7, "hub:org/net")
    assert torch.equal(file.conv1[0].weight, state["conv1.0.weight"])
    assert torch.equal(old.conv1[0].weight, state["conv1.0.weight"])
    assert torch.equal(new.conv1[0].weight, state["conv1.0.weight"] + 1)
    assert file.fc.weight.shape == (7, 1024), "the head is new"


def test_what_is_wrong_with_a_repository_is_said_in_a_sentence(default_hub, tmp_path, monkeypatch):
    default_hub.commit("org/pickled", {"pytorch_model.bin": b"never read"})
    default_hub.commit("org/broken", {"model.safetensors": b"no tensors"})
    for address, reason in (
        ("org/pickled", r"org/pickled has no model\.safetensors, and pickled weights are not"),
        ("org/broken", r"start weights hub:org/broken could not be had"),
        ("nowhere", "could not be had"),
        ("", "'' is not ORG/NAME"),
    ):
        with pytest.raises(ValueError, match=reason):
            models.build(NAME, 7, f"hub:{address}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="the Hub cannot be reached; offline, give a safetensors"):
        models.build(NAME, 7, "hub:org/other")
    with pytest.raises(ValueError, match="The start weights nothing do not exist"):
        models.build(NAME, 7, "nothing")


def test_records_name_a_file_without_its_folder_and_a_repository_whole():
    assert short_name("some/where/start.safetensors") == "start.safetensors"
    assert short_name("hub:timm/resnet50.tv_in1k") == "hub:timm/resnet50.tv_in1k"
    assert short_name("pretrained") == "pretrained"


def test_what_the_hub_refuses_is_said_as_of_a_set_and_earlier_weights_are_taken(default_hub):
    state = trained()
    default_hub.commit("org/net", {"model.safetensors": save(state)})
    default_hub.commit("org/other", {"model.safetensors": save(state)})
    first = models.build(NAME, 7, "hub:org/net")
    default_hub.fail(stage="head", path="*", status=429)
    again = models.build(NAME, 7, "hub:org/net")
    assert torch.equal(again.conv1[0].weight, first.conv1[0].weight)
    with pytest.raises(
        ValueError, match=r"had: org/other: the Hub asks for a pause \(429, .*\)\.$"
    ):
        models.build(NAME, 7, "hub:org/other")
