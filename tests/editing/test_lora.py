"""LoRA files, clip-skip and another autoencoder."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from limn.editing import Models, UnreadableModel, load_models
from limn.editing.diffusion.lora_file import Lora, parse
from limn.editing.diffusion.model import Branch

LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0"
TEXT = "encoder.layers.0.self_attn.q_proj"
RANK = 2


@pytest.fixture(scope="module")
def models(tiny_model: Path) -> Models:
    return load_models(tiny_model)


def factors(models: Models, seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """Down and up of three layers: two of the UNet, one of the text encoder."""
    model = models.get("text-to-image")
    layers = dict(model.unet.named_modules()) | dict(model.text_encoder.named_modules())
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name in (LAYER, OUT, TEXT):
        out, into = layers[name].weight.shape
        made[name] = (
            torch.randn(RANK, into, generator=generator),
            torch.randn(out, RANK, generator=generator),
        )
    return made


def kohya(made: Mapping[str, tuple[Tensor, Tensor]], alpha: float = 1.0) -> dict[str, Tensor]:
    tensors = {}
    for name, (down, up) in made.items():
        text = f"lora_te_text_model_{name}" if name == TEXT else f"lora_unet_{name}"
        base = text.replace(".", "_")
        tensors |= {f"{base}.lora_down.weight": down, f"{base}.lora_up.weight": up}
        tensors[f"{base}.alpha"] = torch.tensor(alpha)
    return tensors


def of_peft(made: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tensors = {}
    for name, (down, up) in made.items():
        base = f"text_encoder.text_model.{name}" if name == TEXT else f"unet.{name}"
        tensors |= {f"{base}.lora_A.weight": down, f"{base}.lora_B.weight": up}
    return tensors


def of_old_diffusers(made: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tensors = {}
    for name, (down, up) in made.items():
        if name != TEXT:
            block, _, last = name.removesuffix(".0").rpartition(".")
            base = f"unet.{block}.processor.{last}_lora"
            tensors |= {f"{base}.down.weight": down, f"{base}.up.weight": up}
    return tensors


@pytest.mark.parametrize("writer", [kohya, of_peft, of_old_diffusers])
def test_what_is_put_in_is_the_papers_sum(
    models: Models, tiny_model: Path, tmp_path: Path, writer: object
) -> None:
    made = factors(models)
    tensors = writer(made)  # type: ignore[operator]
    save_file(tensors, tmp_path / "ink.safetensors")
    with_it = load_models(tiny_model, loras=parse(f"{tmp_path / 'ink.safetensors'}:0.8"))
    model, before = with_it.get("text-to-image"), models.get("text-to-image")
    share = 0.8 / RANK if writer is kohya else 0.8
    for name, (down, up) in made.items():
        if writer is of_old_diffusers and name == TEXT:
            continue
        part = "text_encoder" if name == TEXT else "unet"
        was = dict(getattr(before, part).named_parameters())[f"{name}.weight"]
        now = dict(getattr(model, part).named_parameters())[f"{name}.weight"]
        torch.testing.assert_close(now, was + share * up @ down)
    assert model.identity != before.identity
    others = dict(model.unet.named_parameters())
    assert torch.equal(others["conv_in.weight"], before.unet.conv_in.weight)
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    text = [Branch("text", model.embed("a red star"))]
    changed = (model.predict(x, 500, text)["text"] - before.predict(x, 500, text)["text"]).abs()
    assert float(changed.max()) > 1e-4


def test_two_at_once_add_up(models: Models, tiny_model: Path, tmp_path: Path) -> None:
    (first, second) = (factors(models, seed)[LAYER] for seed in (0, 1))
    for name, pair in (("a", first), ("b", second)):
        save_file(of_peft({LAYER: pair}), tmp_path / f"{name}.safetensors")
    both = parse(f"{tmp_path / 'a.safetensors'}:0.5, {tmp_path / 'b.safetensors'}:-1")
    model = load_models(tiny_model, loras=both).get("text-to-image")
    was = dict(models.get("text-to-image").unet.named_parameters())[f"{LAYER}.weight"]
    now = dict(model.unet.named_parameters())[f"{LAYER}.weight"]
    wanted = was + 0.5 * first[1] @ first[0] - second[1] @ second[0]
    torch.testing.assert_close(now, wanted)


def test_how_a_file_and_its_weight_are_written() -> None:
    assert parse("ink.safetensors") == (Lora(Path("ink.safetensors"), 1.0),)
    assert parse("a:0.8,b:-1, c") == (Lora(Path("a"), 0.8), Lora(Path("b"), -1.0), Lora(Path("c")))
    assert parse(r"C:\ink.safetensors:.5") == (Lora(Path(r"C:\ink.safetensors"), 0.5),)
    assert parse(r"C:\ink.safetensors") == (Lora(Path(r"C:\ink.safetensors"), 1.0),)
    assert parse("") == ()
    for bad in ("ink.safetensors:9", ",".join(["a"] * 17)):
        with pytest.raises(UnreadableModel) as error:
            parse(bad)
        assert error.value.remedy


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t | {"lora_unet_nowhere.lora_down.weight": torch.ones(2, 4)}, "nowhere"),
        (lambda t: {n: torch.ones(2, 5) if "down" in n else v for n, v in t.items()}, "shape"),
        (lambda t: {n: torch.full_like(v, torch.inf) for n, v in t.items()}, "not finite"),
        (lambda t: t | {"lora_te2_x.lora_down.weight": torch.ones(2, 4)}, "SDXL"),
        (lambda t: t | {"lora_unet_x.hada_w1_a": torch.ones(2, 4)}, "LyCORIS"),
        (lambda t: {"conv.weight": torch.ones(2, 4)}, "no LoRA"),
        (lambda t: {n: v for n, v in t.items() if "up" not in n}, "nowhere"),
        (lambda t: {n: v.reshape(-1) if "down" in n else v for n, v in t.items()}, "shape"),
    ],
)
def test_files_that_can_not_be_put_in(
    models: Models, tiny_model: Path, tmp_path: Path, change: object, word: str
) -> None:
    tensors = change(kohya(factors(models)))  # type: ignore[operator]
    save_file({n: v.contiguous() for n, v in tensors.items()}, tmp_path / "bad.safetensors")
    with pytest.raises(UnreadableModel) as error:
        load_models(tiny_model, loras=[Lora(tmp_path / "bad.safetensors")]).get("text-to-image")
    assert word in error.value.sentence or word in str(error.value), error.value.sentence
    assert error.value.remedy


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x80\x02pickle", b"\xff" * 64, b"{}" * 40])
def test_hostile_headers_are_refused_before_anything_is_loaded(
    tiny_model: Path, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(UnreadableModel) as error:
        load_models(tiny_model, loras=[Lora(tmp_path / "x.safetensors")])
    assert error.value.remedy


def test_clip_skip_is_the_encoder_without_its_last_layers(models: Models) -> None:
    plain = models.get("text-to-image")
    shorter = copy.deepcopy(plain.text_encoder)
    shorter.encoder.layers = shorter.encoder.layers[:-1]
    wanted = replace(plain, text_encoder=shorter).embed("a red star")
    torch.testing.assert_close(replace(plain, clip_skip=1).embed("a red star"), wanted)
    assert not torch.equal(wanted, plain.embed("a red star"))


def test_limn_json_chooses_autoencoder_and_clip_skip(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model / "text-to-image", tmp_path / "model")
    shutil.copytree(tiny_model / "inpainting", tmp_path / "other")
    notes = tmp_path / "model/limn.json"
    notes.write_text(json.dumps({"clip_skip": 1, "vae": "../other"}))
    found = load_models(tmp_path / "model")
    model = found.get("text-to-image")
    other = load_models(tmp_path / "other").get("inpainting")
    assert model.clip_skip == 1
    assert torch.equal(model.vae.decoder.conv_in.weight, other.vae.decoder.conv_in.weight)
    assert any("limn.json" in note for note in found.notes)
    notes.write_text(json.dumps({"vae": "nowhere.safetensors"}))
    with pytest.raises(UnreadableModel) as error:
        load_models(tmp_path / "model")
    assert "nowhere" in error.value.sentence and error.value.remedy
