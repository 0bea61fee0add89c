"""Vision transformers through timm: names, sizes, start weights, and what happens without timm."""

import sys

import pytest
import torch
import torch.nn.functional as F
from architectures import CLIP, DEIT, TINY_VIT
from huggingface_hub import constants
from safetensors.torch import save, save_file

from qtdog import cli, models

timm = pytest.importorskip("timm", reason="needs timm")


def trained(image_size: int, classes: int = 9) -> dict[str, torch.Tensor]:
    """A state dict of the tiny network as if it had been trained."""
    torch.manual_seed(3)
    network = timm.create_model("test_vit", num_classes=classes, img_size=image_size)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    return network.state_dict()


def test_a_network_gets_the_head_and_the_image_size_asked_for():
    for size in (None, 32, 64):
        network = models.build(TINY_VIT, 5, image_size=size).eval()
        side = size or 160
        assert network(torch.zeros(2, 3, side, side)).shape == (2, 5)
        assert network.pos_embed.shape[1] == 1 + (side // 16) ** 2
    assert models.classifier_name(network) == "head"
    drops = [layer for layer in network.modules() if isinstance(layer, torch.nn.Dropout)]
    assert drops
    assert all(layer.p == 0 for layer in drops)
    assert torch.equal(network.train()(torch.ones(1, 3, 64, 64)), network(torch.ones(1, 3, 64, 64)))


def test_the_documented_names_are_the_networks_of_the_papers():
    with torch.device("meta"):
        deit, clip = models.build(DEIT, 7), models.build(CLIP, 7)
    assert (len(deit.blocks), deit.embed_dim, deit.blocks[0].attn.num_heads) == (12, 384, 6)
    assert (len(clip.blocks), clip.embed_dim, clip.blocks[0].attn.num_heads) == (12, 768, 12)
    # CLIP: a norm before the blocks, no bias in the patches' convolution, x sigmoid(1.702 x).
    assert isinstance(clip.norm_pre, torch.nn.LayerNorm)
    assert clip.patch_embed.proj.bias is None
    values = torch.linspace(-3, 3, 7)
    torch.testing.assert_close(clip.blocks[0].mlp.act(values), values * (1.702 * values).sigmoid())


def test_clips_normalisation_is_its_own():
    """From OpenAI's released preprocessing."""
    mean, std = models.normalization(CLIP)
    assert mean == (0.48145466, 0.4578275, 0.40821073)
    assert std == (0.26862954, 0.26130258, 0.27577711)
    assert models.normalization(DEIT) == (models.IMAGENET_MEAN, models.IMAGENET_STD)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timm/deit_smal_patch16_224", "Among the .*timm/deit_small_patch16_224"),
        ("timm/swin_tiny_patch4_window7_224", "none of the networks of timm"),
        ("timm/hf-hub:someone/something", "none of the networks of timm"),
        ("timm/local-dir:folder", "none of the networks of timm"),
        ("timm/", "none of the networks of timm"),
        ("timm/deit_small_patch16_224.mine", "no weights 'mine' for .*patch16_224.fb_in1k"),
        ("timm/deit_tiny_distilled_patch16_224", "not a plain vision transformer with one"),
    ],
)
def test_what_is_no_such_network_is_refused_in_a_sentence(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        models.build(name, 7)


def test_an_image_size_that_does_not_fit_the_patches_is_refused():
    with pytest.raises(ValueError, match=r"patches of 16 px: .* multiple of that, and 40 is not"):
        models.build(TINY_VIT, 7, image_size=40)


def test_start_weights_from_a_file_fill_everything_but_the_head(tmp_path):
    state, file = trained(160), tmp_path / "start.safetensors"
    save_file(state, file)
    network = models.build(TINY_VIT, 4, str(file))
    for name, value in network.state_dict().items():
        if name.startswith("head."):
            assert value.shape[0] == 4
        else:
            assert torch.equal(value, state[name]), name


def test_position_embeddings_are_resampled_for_another_image_size(tmp_path):
    state, file = trained(160), tmp_path / "start.safetensors"
    save_file(state, file)
    network = models.build(TINY_VIT, 4, str(file), image_size=64)
    old, new = state["pos_embed"], network.pos_embed
    assert torch.equal(new[:, :1], old[:, :1])  # the class token's
    grid = old[:, 1:].transpose(1, 2).unflatten(2, (10, 10))
    expected = F.interpolate(grid, size=(4, 4), mode="bicubic", antialias=True)
    torch.testing.assert_close(new[:, 1:], expected.flatten(2).transpose(1, 2))


def test_start_weights_that_do_not_fit_are_named(tmp_path):
    state, file = trained(160), tmp_path / "start.safetensors"
    save_file({n: v for n, v in state.items() if n != "blocks.1.attn.qkv.weight"}, file)
    with pytest.raises(ValueError, match=r"missing \['blocks.1.attn.qkv.weight'\]"):
        models.build(TINY_VIT, 4, str(file))
    save_file({**state, "more": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"unknown \['more'\]"):
        models.build(TINY_VIT, 4, str(file))
    save_file({"pos_embed": torch.zeros(3)}, file)
    with pytest.raises(ValueError, match="does not fit the network"):
        models.build(TINY_VIT, 4, str(file))


def test_pretrained_weights_come_from_the_hub_as_safetensors_once(default_hub):
    state = trained(160, classes=1000)
    pickle = b"never read"
    default_hub.commit(
        "timm/test_vit.r160_in1k",
        {"model.safetensors": save(state), "pytorch_model.bin": pickle, "config.json": b"{}"},
    )
    network = models.build(TINY_VIT, 4, "pretrained", 32)
    assert torch.equal(network.blocks[0].mlp.fc1.weight, state["blocks.0.mlp.fc1.weight"])
    assert {request.file for request in default_hub.log if request.file} == {"model.safetensors"}
    default_hub.fail(stage="get", path="*", status=500)
    again = models.build(TINY_VIT + ".r160_in1k", 4, "pretrained", 32)
    assert torch.equal(again.pos_embed, network.pos_embed)


def test_pickled_weights_are_never_loaded(default_hub):
    default_hub.commit("timm/test_vit.r160_in1k", {"pytorch_model.bin": b"a pickle"})
    with pytest.raises(ValueError, match=r"has no model\.safetensors, and pickled weights are not"):
        models.build(TINY_VIT, 4, "pretrained")
    assert not any(request.file.endswith(".bin") for request in default_hub.log)


def test_without_the_hub_the_weights_are_asked_for_as_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"weights of timm/test_vit could not be had: .* file as"):
        models.build(TINY_VIT, 4, "pretrained")
    with pytest.raises(ValueError, match="timm has no weights for timm/test_vit4"):
        models.build("timm/test_vit4", 4, "pretrained")


@pytest.mark.parametrize("command", ["layers timm/test_vit", "layers timm/anything"])
def test_without_timm_one_sentence_says_what_to_install(command, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # an import then fails
    monkeypatch.setattr("sys.argv", ["qtdog", *command.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    name = command.split()[1]
    assert capsys.readouterr().err == (
        f"qtdog: {name} needs the package timm: run 'pip install timm' (or, in this program's "
        "folder, 'pip install \".[timm]\"') and try again.\n"
    )


def test_timms_files_for_resnext_are_start_weights_for_torchvisions():
    """So the paper's ResNeXt-50, trained on a billion pictures from Instagram, can be used: its
    weights are on the Hub as timm/resnext50_32x4d.fb_swsl_ig1b_ft_in1k."""
    with torch.device("meta"):
        theirs = timm.create_model("resnext50_32x4d").state_dict()
        ours = models.build("resnext50_32x4d", 1000).state_dict()
    assert {n: v.shape for n, v in theirs.items()} == {n: v.shape for n, v in ours.items()}
    settings = timm.models.get_pretrained_cfg("resnext50_32x4d.fb_swsl_ig1b_ft_in1k")
    assert models.normalization("resnext50_32x4d") == (settings.mean, settings.std)


@pytest.mark.slow
def test_every_vision_transformer_of_timm_can_be_built_or_is_refused_in_a_sentence():
    names = [n for m in ("vision_transformer", "deit") for n in timm.list_models(module=m)]
    assert len(names) > 150
    for name in names:
        with torch.device("meta"):
            if "distilled" in name:
                with pytest.raises(ValueError, match="not a plain vision transformer"):
                    models.build(f"timm/{name}", 7)
                continue
            network = models.build(f"timm/{name}", 7)
        head = network.get_submodule(models.classifier_name(network))
        assert head.out_features == 7
        assert head is network.get_classifier()
