"""From files to networks.

The same weights whatever the layout, nothing fetched, little memory.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from limn.editing import Models, UnreadableModel, load_models
from limn.editing.diffusion import precision
from limn.editing.diffusion import stable_diffusion_1 as sd1
from limn.editing.diffusion.model import Model
from limn.editing.diffusion.model_locations import locate
from limn.editing.diffusion.networks import load, sd1_tokenizer
from limn.editing.diffusion.recognition import recognise

from . import single_file
from .test_loading import configured
from .test_recognition_folders import halve, split

LDM_UNET = "model.diffusion_model."


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny text-to-image checkpoint, free to be changed."""
    return Path(shutil.copytree(tiny_model / "text-to-image", tmp_path / "mine"))


@pytest.fixture
def file(folder: Path, tmp_path: Path) -> Path:
    """The same as one file, with its own configuration beside it."""
    configured(folder, tmp_path / "single")
    return single_file.write(folder, tmp_path / "single.safetensors")


def same(mine: Model, theirs: Model) -> bool:
    """Whether all weights are equal."""
    return all(
        torch.equal(value, of.state_dict()[name])
        for network, of in (
            (mine.unet, theirs.unet),
            (mine.vae, theirs.vae),
            (mine.text_encoder, theirs.text_encoder),
        )
        for name, value in network.state_dict().items()
    )


def test_a_folder_is_what_the_libraries_make_of_it(folder: Path) -> None:
    mine = load(recognise(folder), torch.float32)
    for network, kind, part in (
        (mine.unet, UNet2DConditionModel, "unet"),
        (mine.vae, AutoencoderKL, "vae"),
        (mine.text_encoder, CLIPTextModel, "text_encoder"),
    ):
        theirs = kind.from_pretrained(folder / part, local_files_only=True)
        assert all(
            torch.equal(value, theirs.state_dict()[name])
            for name, value in network.state_dict().items()
        )
        assert not any(value.is_meta for value in (*network.parameters(), *network.buffers()))
        assert network.training is False or network.eval()
    theirs = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    for text in ("", "Make the STAR blue, please!", "naïve café – 日本", "it's 3 dogs"):
        assert mine.tokenizer(text).input_ids == theirs(text).input_ids
    for mark in ("bos_token_id", "eos_token_id", "pad_token_id", "model_max_length"):
        assert getattr(mine.tokenizer, mark) == getattr(theirs, mark)


def test_the_older_form_of_a_tokenizer(folder: Path, models: Models) -> None:
    import json

    place = folder / "tokenizer"
    pairs = json.loads((place / "tokenizer.json").read_text())["model"]
    (place / "vocab.json").write_text(json.dumps(pairs["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in pairs["merges"])]
    (place / "merges.txt").write_text("\n".join(lines) + "\n")
    (place / "tokenizer.json").unlink()
    mine, theirs = load(recognise(folder), torch.float32).tokenizer, models.get("text-to-image")
    assert mine("a blue star").input_ids == theirs.tokenizer("a blue star").input_ids
    (place / "vocab.json").write_text(json.dumps(pairs["vocab"] | {"word": 10**6}))
    with pytest.raises(UnreadableModel, match="tokens that the text encoder does not know"):
        load(recognise(folder), torch.float32)


def test_weights_in_half_precision_and_in_pieces(folder: Path, models: Models) -> None:
    theirs = models.get("text-to-image")
    split(folder, "", "diffusion_pytorch_model.safetensors.index.json")
    assert same(load_models(folder).get("text-to-image"), theirs)
    shutil.rmtree(folder / "unet" / "nothing", ignore_errors=True)
    halve(folder, ("vae", "text_encoder"))
    half = load_models(folder, dtype=torch.bfloat16).get("text-to-image")
    assert half.unet.dtype == torch.bfloat16
    assert {half.vae.dtype, half.text_encoder.dtype} == {torch.float32}


def test_pieces_in_half_precision(folder: Path) -> None:
    halve(folder)
    split(folder, ".fp16", "diffusion_pytorch_model.safetensors.index.fp16.json")
    model = load_models(folder).get("text-to-image")
    assert model.unet.dtype == torch.float32


def test_the_precision_nearest_to_the_wanted_one_is_read(folder: Path) -> None:
    whole = folder / "unet" / "diffusion_pytorch_model.safetensors"
    half = {name: torch.ones_like(value).half() for name, value in load_file(whole).items()}
    save_file(half, whole.with_name("diffusion_pytorch_model.fp16.safetensors"), {"format": "pt"})
    found = recognise(folder)
    assert not load(found, torch.float32).unet.conv_in.weight.eq(1).all()
    assert load(found, torch.float16).unet.conv_in.weight.eq(1).all()


def test_an_autoencoder_with_the_names_that_it_had_at_first(folder: Path, models: Models) -> None:
    """As Stable Diffusion 1.5's folder has them."""
    place = folder / "vae" / "diffusion_pytorch_model.safetensors"
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    tensors = load_file(place)
    for new, name in old.items():
        tensors = {key.replace(new, name): value for key, value in tensors.items()}
    assert any(".query." in key for key in tensors)
    save_file(tensors, place, {"format": "pt"})
    assert same(load_models(folder).get("text-to-image"), models.get("text-to-image"))


@pytest.mark.parametrize("names", ["new", "old"])
def test_a_single_file_holds_the_same_weights(file: Path, models: Models, names: str) -> None:
    if names == "old":
        tensors = load_file(file)
        before, after = "cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."
        save_file({k.replace(before, after): v for k, v in tensors.items()}, file)
    assert same(load_models(file).get("text-to-image"), models.get("text-to-image"))


def test_of_two_halves_the_moving_average_is_taken(file: Path) -> None:
    tensors = load_file(file)
    for name in [name for name in tensors if name.startswith(LDM_UNET)]:
        flat = "model_ema.diffusion_model" + name.removeprefix(LDM_UNET).replace(".", "")
        tensors[flat] = torch.ones_like(tensors[name])
    save_file(tensors, file)
    unet = load_models(file).get("text-to-image").unet
    assert all(bool(value.eq(1).all()) for value in unet.state_dict().values())


@pytest.mark.parametrize("marks", [("v_pred",), ("v_pred", "ztsnr"), ()])
def test_a_single_file_marks_its_training(file: Path, marks: tuple[str, ...]) -> None:
    """By empty tensors; its noise stays finite where it ends in nothing else."""
    tensors = load_file(file)
    save_file(tensors | {mark: torch.empty(0) for mark in marks}, file)
    model = load_models(file).get("text-to-image")
    assert model.prediction == ("v_prediction" if marks else "epsilon")
    noisiest = model.schedule.sigmas(4)[0].sigma
    assert float(noisiest) == pytest.approx(4096 if "ztsnr" in marks else 14.6146, rel=1e-3)


def test_the_small_networks_of_a_large_model_are_widened_for_use(
    folder: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU: in between they stay in the file, 16 bits of it."""
    halve(folder)
    expected = load_models(folder).get("text-to-image")
    monkeypatch.setattr(precision, "HEAVY", 0)
    loaded = load_models(folder)
    model = loaded.get("text-to-image")
    assert model.small == torch.float32 and expected.small is None
    weights = loaded._weigh("text-to-image")  # what is reckoned is what is held
    assert weights.copied == weights.bytes["unet"]
    assert weights.widened == max(weights.bytes["vae"], weights.bytes["text_encoder"])
    latents = model.encode(torch.full((1, 3, 32, 32), 0.3))
    for mine, theirs in (
        (latents, expected.encode(torch.full((1, 3, 32, 32), 0.3))),
        (model.decode(latents), expected.decode(latents)),
        (model.embed("a red ball"), expected.embed("a red ball")),
    ):
        assert torch.equal(mine, theirs) and mine.dtype == torch.float32
    assert {model.vae.dtype, model.text_encoder.dtype} == {torch.float16}
    assert model.unet.dtype == torch.float32


def test_what_a_file_lacks_comes_from_another_model(
    file: Path, models: Models, tiny_model: Path
) -> None:
    """And the model says so."""
    tensors = load_file(file)
    save_file({k: v for k, v in tensors.items() if k.startswith(LDM_UNET)}, file)
    donor = tiny_model / "instruction"
    loaded = load_models(file, others=[donor])
    assert same(loaded.get("text-to-image"), models.get("text-to-image"))  # they share both
    assert len(loaded.notes) == 2
    assert all(str(donor) in note for note in loaded.notes)
    assert load_models(donor).notes == ()


def test_clips_vocabulary_is_the_published_one() -> None:
    """merges.txt is the file that every Stable Diffusion 1.x folder carries.

    Ids as published: the example of CLIP's own repository, and the start and end tokens.
    """
    digest = hashlib.sha256((sd1.HERE / "merges.txt").read_bytes()).hexdigest()
    assert digest == "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a"
    tokenizer = sd1_tokenizer()
    assert len(tokenizer) == 49_408
    assert tokenizer("a red ball").input_ids == [49406, 320, 736, 1069, 49407]
    assert tokenizer("A  photo of\na CAT").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert (tokenizer.pad_token_id, tokenizer.model_max_length) == (49407, 77)


def test_a_file_of_full_size_needs_no_network_and_little_memory(tmp_path: Path) -> None:
    """2.1 GB of weights.

    All networks are whole, and nothing is copied. Nothing can be fetched.
    """
    file = single_file.sparse(tmp_path / "mine.safetensors", single_file.shapes(8))
    code = """
import re, socket, sys, torch
from pathlib import Path
from limn.editing.diffusion.networks import load
from limn.editing.diffusion.model_locations import locate
def no(*_): raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = no
def own(): return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
before = own()
networks = load(locate(Path(sys.argv[1]))["instruction"], torch.float16)
parts = networks.unet, networks.vae, networks.text_encoder
values = [v for part in parts for v in (*part.parameters(), *part.buffers())]
print(own() - before, any(v.is_meta for v in values), networks.unet.config.in_channels,
      sum(v.numel() for v in networks.unet.parameters()),
      {v.dtype for v in networks.unet.parameters()})
"""
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=True
    )
    grown, rest = done.stdout.split(maxsplit=1)
    assert int(grown) < 200, "MiB"
    assert rest.split() == ["False", "8", "859532484", "{torch.float16}"]
    assert done.stderr == ""  # no warnings, no progress bars


def test_files_in_a_folder_that_lack_tensors_are_told(folder: Path) -> None:
    place = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(place)
    tensors.pop("conv_out.bias")
    save_file(tensors, place, {"format": "pt"})
    with pytest.raises(UnreadableModel, match=r"conv_out\.bias"):
        load_models(folder).get("text-to-image")
    assert locate(folder)
