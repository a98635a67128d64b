"""Models from folders and files.

Variants, notes, precision, and what is said when something is missing or broken.
"""

from __future__ import annotations

import json
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from limn.editing import EditError, MissingVariant, Models, UnreadableModel, load_models
from limn.editing.diffusion import loading
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.recognition import Checkpoint

from . import single_file


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny instruction checkpoint, free to be broken."""
    return Path(shutil.copytree(tiny_model / "instruction", tmp_path / "mine"))


def test_a_folder_of_variants(models: Models) -> None:
    assert models.name == "tiny"
    assert set(models.variants) == {"text-to-image", "inpainting", "instruction"}
    for variant, channels in (("text-to-image", 4), ("inpainting", 9), ("instruction", 8)):
        model = models.get(variant)
        assert model.variant == variant
        assert model.unet.config["in_channels"] == channels
        assert models.get(variant) is model
    assert len({models.get(v).identity for v in models.variants}) == 3


def test_sizes_are_read_from_the_model(models: Models) -> None:
    model = models.get("instruction")
    assert (
        model.factor,
        model.multiple,
        model.native_size,
        model.semantic_level,
        model.max_tokens,
    ) == (4, 8, 64, 1, 77)
    assert model.scaling == model.vae.config["scaling_factor"]


def test_a_single_folder_is_told_by_its_channels(copy: Path) -> None:
    models = load_models(copy)
    assert models.variants == ("instruction",)
    with pytest.raises(MissingVariant) as error:
        models.get("inpainting")
    assert "inpainting" in error.value.sentence
    assert str(copy) in error.value.sentence
    assert str(copy / "inpainting") in error.value.remedy


def test_without_notes_levels_and_sizes_are_stable_diffusions(copy: Path) -> None:
    (copy / "limn.json").unlink()
    models = load_models(copy)
    model = models.get("instruction")
    assert models.name == "mine"
    assert model.semantic_level == 1  # level 2, as in Stable Diffusion, but this UNet ends at 1
    assert model.native_size == 16 * 4


def test_notes_give_defaults_for_an_algorithm(copy: Path) -> None:
    notes = {
        "name": "mine",
        "semantic_level": 0,
        "native_size": 32,
        "defaults": {"foi": {"tau": 0.25}},
    }
    (copy / "limn.json").write_text(json.dumps(notes))
    models = load_models(copy)
    assert models.defaults("instruction", "foi") == {"tau": 0.25}
    assert models.defaults("instruction", "ip2p") == {}
    assert models.defaults("inpainting", "foi") == {}
    model = models.get("instruction")
    assert (model.semantic_level, model.native_size) == (0, 32)


def test_half_precision_files_are_found_and_run_as_float32_on_the_cpu(copy: Path) -> None:
    for part in ("unet", "vae", "text_encoder"):
        for file in (copy / part).glob("*.safetensors"):
            save_file(
                {k: v.half() for k, v in load_file(file).items()},
                file.with_name(f"{file.stem}.fp16.safetensors"),
                {"format": "pt"},
            )
            file.unlink()
    model = load_models(copy).get("instruction")
    assert {model.unet.dtype, model.vae.dtype, model.text_encoder.dtype} == {torch.float32}
    assert not any(
        p.requires_grad
        for network in (model.unet, model.vae, model.text_encoder)
        for p in network.parameters()
    )


def test_a_gpu_is_given_no_kernel_whose_gradients_are_not_numbers(copy: Path) -> None:
    torch.backends.cuda.enable_cudnn_sdp(True)
    load_models(copy, "cpu")
    assert torch.backends.cuda.cudnn_sdp_enabled()
    load_models(copy, "cuda")  # nothing is loaded yet, so no card is needed
    assert not torch.backends.cuda.cudnn_sdp_enabled()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel, match="no model in") as error:
        load_models(tmp_path)
    assert "model_index.json" in error.value.remedy
    with pytest.raises(UnreadableModel, match="no file or folder") as error:
        load_models(tmp_path / "absent")
    assert "moved or deleted" in error.value.remedy


def test_a_folder_under_the_wrong_name(copy: Path, tmp_path: Path) -> None:
    copy.rename(tmp_path / "inpainting")
    with pytest.raises(
        UnreadableModel, match="should hold the inpainting variant but holds instruction"
    ):
        load_models(tmp_path)


def test_an_unknown_kind_of_unet(copy: Path) -> None:
    config = json.loads((copy / "unet" / "config.json").read_text())
    (copy / "unet" / "config.json").write_text(json.dumps({**config, "in_channels": 5}))
    with pytest.raises(UnreadableModel, match="takes 5 channels"):
        load_models(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("unet/diffusion_pytorch_model.safetensors", b"broken"),
        ("unet/diffusion_pytorch_model.safetensors", None),
        ("vae/config.json", b"{"),
        ("scheduler/scheduler_config.json", None),
        ("scheduler/scheduler_config.json", b"[]"),
        ("text_encoder/model.safetensors", b"\x00" * 100),
        ("limn.json", b"not json"),
    ],
)
def test_a_damaged_checkpoint_is_an_error_in_a_sentence(
    copy: Path, file: str, content: bytes | None
) -> None:
    if content is None:
        (copy / file).unlink()
    else:
        (copy / file).write_bytes(content)
    with pytest.raises(UnreadableModel) as error:
        load_models(copy).get("instruction")
    assert str(copy) in error.value.sentence


def test_unknown_prediction(copy: Path) -> None:
    file = copy / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prediction_type": "sample"}))
    with pytest.raises(UnreadableModel, match="'sample'"):
        load_models(copy).get("instruction")


@torch.no_grad()
def test_velocity_prediction_is_turned_into_noise(models: Models) -> None:
    model = models.get("text-to-image").counting(Tally())
    x, branch = torch.randn(1, 4, 16, 16), [Branch("text", model.embed("a star"))]
    output = model.predict(x, 300.0, branch)["text"]
    alpha_bar = float(model.schedule.alphas_cumprod[300])
    noise = replace(model, prediction="v_prediction").predict(x, 300.0, branch)["text"]
    torch.testing.assert_close(noise, alpha_bar**0.5 * output + (1 - alpha_bar) ** 0.5 * x)


@torch.no_grad()
def test_pictures_go_to_latents_and_back_as_in_diffusers(models: Models) -> None:
    model = models.get("instruction")
    image = torch.rand(1, 3, 48, 80)
    latents = model.encode(image)
    assert torch.equal(latents, model.vae.encode(2 * image - 1).latent_dist.mode())
    assert latents.shape == (1, 4, 12, 20)
    decoded = model.decode(model.scaling * latents)
    torch.testing.assert_close(
        decoded, (model.vae.decode(latents).sample / 2 + 0.5).clamp(0, 1), rtol=1e-5, atol=1e-5
    )


@torch.no_grad()
def test_text_is_embedded_as_in_diffusers(models: Models) -> None:
    model = models.get("instruction")
    for text in ("", "make the star blue"):
        tokens = model.tokenizer(
            text, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        )
        assert torch.equal(model.embed(text), model.text_encoder(tokens.input_ids)[0])
    with pytest.raises(EditError, match="75"):
        model.embed("star " * 76)


def test_forwards_and_rows_are_counted(models: Models) -> None:
    model = models.get("instruction")
    mine, other = model.counting(Tally()), model.counting(Tally())
    extra = torch.zeros(1, 4, 16, 16)
    with torch.no_grad():
        mine.predict(
            torch.zeros(2, 4, 16, 16),
            10.0,
            [Branch(n, mine.embed(""), extra) for n in ("a", "b", "c")],
        )
    assert (mine.tally.forwards, mine.tally.rows) == (1, 6)
    assert (other.tally.forwards, other.tally.rows) == (0, 0)


def test_the_networks_stay_stock_classes(models: Models) -> None:
    assert type(models.get("instruction").unet) is UNet2DConditionModel


def configured(checkpoint: Path, beside: Path) -> None:
    """What a single file needs beside it, from a diffusers folder."""
    for part in ("unet", "vae", "text_encoder"):
        (beside / part).mkdir(parents=True)
        shutil.copy(checkpoint / part / "config.json", beside / part)
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(checkpoint / part, beside / part)
    shutil.copy(checkpoint / "model_index.json", beside)


@torch.no_grad()
@pytest.mark.parametrize("name", ["mine", "text-to-image"])
def test_a_single_file_with_a_folder_beside_it_is_the_same_model(
    models: Models, tiny_model: Path, tmp_path: Path, name: str
) -> None:
    """Given by itself, or found under its variant's name in a folder."""
    file = single_file.write(tiny_model / "text-to-image", tmp_path / f"{name}.safetensors")
    configured(tiny_model / "text-to-image", tmp_path / name)
    mine = load_models(file if name == "mine" else tmp_path).get("text-to-image")
    theirs = models.get("text-to-image")
    x, image = torch.randn(1, 4, 16, 16), torch.rand(1, 3, 32, 32)
    assert torch.equal(mine.embed("a red star"), theirs.embed("a red star"))
    torch.testing.assert_close(mine.encode(image), theirs.encode(image))
    torch.testing.assert_close(mine.decode(x), theirs.decode(x))
    branch = [Branch("text", theirs.embed("a red star"))]
    torch.testing.assert_close(
        mine.predict(x, 400.0, branch)["text"], theirs.predict(x, 400.0, branch)["text"]
    )


def test_a_folder_may_hold_variants_as_files_and_as_folders(copy: Path, tmp_path: Path) -> None:
    copy.rename(tmp_path / "instruction")
    for channels, variant in ((4, "text-to-image"), (9, "inpainting")):
        file = tmp_path / f"{variant}.safetensors"
        single_file.sparse(file, single_file.shapes(channels))
    assert set(load_models(tmp_path).variants) == {"text-to-image", "inpainting", "instruction"}
    (tmp_path / "inpainting.safetensors").rename(tmp_path / "text-to-image.safetensors")
    with pytest.raises(
        UnreadableModel, match="should hold the text-to-image variant but holds inpainting"
    ):
        load_models(tmp_path)


def test_what_is_said_of_a_missing_variant_helps(
    copy: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """A diffusers folder takes another inside it; a file wants both in one folder."""
    with pytest.raises(MissingVariant) as error:
        load_models(copy).get("text-to-image")
    assert str(copy / "text-to-image") in error.value.remedy
    shutil.copytree(tiny_model / "text-to-image", copy / "text-to-image")
    models = load_models(copy)
    assert models.variants == ("instruction", "text-to-image")
    assert models.get("text-to-image").unet.config["in_channels"] == 4
    file = single_file.sparse(tmp_path / "alone.safetensors", single_file.shapes())
    with pytest.raises(MissingVariant) as error:
        load_models(file).get("instruction")
    assert "text-to-image.safetensors and instruction.safetensors" in error.value.remedy


def test_a_variant_that_finds_no_room_beside_another_takes_its_place(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that holds one variant: the networks are real, its being full is not."""
    models = load_models(tiny_model)
    load = loading.assemble
    asked: list[str] = []
    held: list[weakref.ref[UNet2DConditionModel]] = []

    def full(name: str, checkpoint: Checkpoint, *rest: Any) -> Model:
        asked.append(checkpoint.variant)
        if any(unet() is not None for unet in held):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return load(name, checkpoint, *rest)

    monkeypatch.setattr(loading, "assemble", full)
    held.append(weakref.ref(models.get("instruction").unet))
    assert models.get("text-to-image").unet.config["in_channels"] == 4
    assert held[0]() is None
    assert models.get("text-to-image") is models.get("text-to-image")
    assert asked == ["instruction", "text-to-image", "text-to-image"]


def test_a_variant_that_is_too_large_by_itself_says_so(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Model:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loading, "assemble", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_models(tiny_model).get("instruction")


def test_what_is_unloaded_is_gone_and_comes_again_when_wanted(tiny_model: Path) -> None:
    models = load_models(tiny_model)
    kept = models.get("instruction")
    held = weakref.ref(models.get("inpainting").unet)
    models.unload()
    assert held() is None
    again = models.get("instruction")
    assert again is not kept and again.identity == kept.identity
