"""Folders of models, and what is said about them.

Those of diffusers, of other programs and of the Hugging Face cache; whole, in half, in pieces, and
without what they need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from limn.editing import UnreadableModel
from limn.editing.diffusion.model_locations import locate
from limn.editing.diffusion.recognition import recognise

from .recognising import HTML, POINTER, SMALL, trouble
from .single_file import shapes, sparse


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A tiny checkpoint in the diffusers format, free to be broken."""
    return Path(shutil.copytree(tiny_model / "text-to-image", tmp_path / "mine"))


def test_a_folder(folder: Path) -> None:
    found = recognise(folder)
    assert (found.trouble, found.variant, found.name) == (None, "text-to-image", "mine")
    assert found.parts == dict.fromkeys(("unet", "vae", "text_encoder"), "float32")
    weights = folder.rglob("*.safetensors")
    assert 0 < found.size < sum(file.stat().st_size for file in weights)


def halve(folder: Path, parts: tuple[str, ...] = ("unet", "vae", "text_encoder")) -> None:
    """Put the weights of 16 bits in place of those of 32."""
    for part in parts:
        for file in list((folder / part).glob("*.safetensors")):
            half = {name: value.half() for name, value in load_file(file).items()}
            save_file(half, file.with_name(f"{file.stem}.fp16.safetensors"), {"format": "pt"})
            file.unlink()


def test_a_folder_in_half_precision_in_part_or_beside_the_whole(folder: Path) -> None:
    whole = folder / "unet" / "diffusion_pytorch_model.safetensors"
    kept = whole.read_bytes()
    halve(folder, ("unet",))
    assert recognise(folder).parts == {
        "unet": "float16",
        "vae": "float32",
        "text_encoder": "float32",
    }
    whole.write_bytes(kept)
    found = recognise(folder)
    assert set(found.weights["unet"]) == {"", "fp16"}
    whole.with_name("diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"not looked at")
    assert recognise(folder).trouble is None


def split(folder: Path, mark: str, index: str) -> None:
    """Put the UNet's weights into two pieces, with their index."""
    unet = folder / "unet"
    file = next(unet.glob("*.safetensors"))
    tensors = list(load_file(file).items())
    where = {}
    for number, piece in enumerate((tensors[::2], tensors[1::2]), start=1):
        name = f"diffusion_pytorch_model{mark}-0000{number}-of-00002.safetensors"
        save_file(dict(piece), unet / name, {"format": "pt"})
        where |= {tensor: name for tensor, _ in piece}
    (unet / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))
    file.unlink()


@pytest.mark.parametrize(
    ("half", "index"),
    [
        (False, "diffusion_pytorch_model.safetensors.index.json"),
        (True, "diffusion_pytorch_model.safetensors.index.fp16.json"),
        (True, "diffusion_pytorch_model.fp16.safetensors.index.json"),
    ],
)
def test_a_folder_in_pieces(folder: Path, half: bool, index: str) -> None:
    if half:
        halve(folder, ("unet",))
    split(folder, ".fp16" if half else "", index)
    found = recognise(folder)
    assert found.trouble is None
    assert found.parts["unet"] == ("float16" if half else "float32")
    next((folder / "unet").glob("*-00002-of-00002.safetensors")).unlink()
    assert recognise(folder).trouble is not None
    assert "1 of the 2 pieces" in str(recognise(folder).trouble)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_folder_that_lacks_a_part(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    assert trouble(folder)[0] == "missing-parts"
    assert part in str(recognise(folder).trouble)


@pytest.mark.parametrize(
    ("content", "code", "remedy"),
    [
        (b"", "empty-file", "again"),
        (HTML, "web-page", "log in"),
        (POINTER, "lfs-pointer", "git lfs pull"),
        (None, "missing-parts", "diffusion_pytorch_model.safetensors"),
    ],
)
def test_a_folder_with_something_else_for_weights(
    folder: Path, content: bytes | None, code: str, remedy: str
) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    found = recognise(folder).trouble
    assert found is not None
    assert (found.code, remedy in found.remedy) == (code, True)


def test_a_folder_whose_weights_were_cut_off(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(file, file.stat().st_size - 1000)
    found = recognise(folder).trouble
    assert found is not None and found.code == "truncated"


def test_a_folder_with_pickles_only(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()
    found = recognise(folder).trouble
    assert found is not None and found.code == "pickle"
    assert "diffusion_pytorch_model.safetensors" in found.remedy


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"addition_embed_type": "text_time"}, "sdxl"),
        ({"cross_attention_dim": 2048}, "sdxl"),
        ({"num_class_embeds": 1000}, "other-family"),
        ({"time_cond_proj_dim": 256}, "distilled"),
        ({"in_channels": 5}, "unknown-variant"),
        ({"in_channels": "many"}, "unreadable-model"),
        ({"encoder_hid_dim_type": "image_proj"}, "unreadable-model"),
    ],
)
def test_a_folder_of_another_family(folder: Path, change: dict[str, object], code: str) -> None:
    file = folder / "unet" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    found = recognise(folder).trouble
    assert found is not None and found.code == code


def test_a_pipeline_without_a_unet(tmp_path: Path) -> None:
    described = {"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer"]}
    (tmp_path / "model_index.json").write_text(json.dumps(described))
    code, _ = trouble(tmp_path)
    assert code == "other-family"
    assert "FluxPipeline" in str(recognise(tmp_path).trouble)


def test_one_network_of_a_folder_names_the_folder(folder: Path) -> None:
    for part in (folder / "unet", folder / "unet" / "diffusion_pytorch_model.safetensors"):
        found = recognise(part).trouble
        assert found is not None
        assert (found.code, str(folder) in found.remedy) == ("one-network", True)


def cached(folder: Path, hub: Path, name: str) -> Path:
    """A model in the Hugging Face cache's layout.

    Links to blobs, with a ref to the snapshot.
    """
    repository = hub / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / "0123456789abcdef"
    (repository / "blobs").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123456789abcdef")
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob = repository / "blobs" / f"{number:064x}"
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return repository


def test_the_hugging_face_cache_its_models_and_their_snapshots(
    folder: Path, tmp_path: Path
) -> None:
    hub = tmp_path / "hub"
    repository = cached(folder, hub, "someone/some-model")
    snapshot = repository / "snapshots" / "0123456789abcdef"
    for place in (hub, repository, snapshot):
        found = locate(place)
        assert {variant: c.place for variant, c in found.items()} == {"text-to-image": snapshot}
        assert found["text-to-image"].name == "some-model"
    cached(folder, hub, "someone/another")
    with pytest.raises(UnreadableModel) as error:
        locate(hub)
    assert error.value.code == "several-models"
    assert "another" in error.value.sentence


@pytest.mark.parametrize(
    "below",
    [
        "models/checkpoints",  # ComfyUI, krita-ai-diffusion
        "models/checkpoints/SD1.5/mine",
        "models/Stable-diffusion",  # Automatic1111
        "models/sd-1/main",  # InvokeAI
    ],
)
def test_the_folders_of_other_programs(tmp_path: Path, below: str) -> None:
    first = sparse(tmp_path / below / "dreamshaper_8.safetensors", shapes())
    inpainting = sparse(tmp_path / below / "sd-v1-5-inpainting.safetensors", shapes(9))
    tensors, _ = SMALL["sdxl"]
    sparse(tmp_path / below / "sd_xl_base_1.0.safetensors", tensors)
    sparse(tmp_path / "models" / "loras" / "detail.safetensors", SMALL["lora"][0])
    found = locate(tmp_path)
    assert {variant: c.place for variant, c in found.items()} == {
        "text-to-image": first,
        "inpainting": inpainting,
    }
    second = sparse(tmp_path / below / "serenity.safetensors", shapes())
    with pytest.raises(UnreadableModel) as error:
        locate(tmp_path)
    assert str(first) in error.value.sentence and str(second) in error.value.sentence


def test_a_folder_with_nothing_usable_says_why(tmp_path: Path) -> None:
    sparse(tmp_path / "one.safetensors", SMALL["lora"][0])
    with pytest.raises(UnreadableModel, match="LoRA"):
        locate(tmp_path)
    sparse(tmp_path / "two.safetensors", SMALL["sdxl"][0])
    with pytest.raises(UnreadableModel, match=r"(?s)LoRA.*SDXL"):
        locate(tmp_path)


def test_a_selection_names_a_place_for_each_variant(folder: Path, tmp_path: Path) -> None:
    file = sparse(tmp_path / "elsewhere" / "ip2p.safetensors", shapes(8))
    selection = tmp_path / "mine.json"
    selection.write_text(json.dumps({"text-to-image": "mine", "instruction": str(file)}))
    found = locate(selection)
    assert {variant: c.place for variant, c in found.items()} == {
        "text-to-image": folder,
        "instruction": file,
    }
    selection.write_text(json.dumps({"inpainting": "mine"}))
    with pytest.raises(UnreadableModel, match="should hold the inpainting variant"):
        locate(selection)
    selection.write_text("{}")
    with pytest.raises(UnreadableModel, match="names no model"):
        locate(selection)


def test_a_link_that_leads_back_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    file = sparse(tmp_path / "a" / "mine.safetensors", shapes())
    assert locate(tmp_path)["text-to-image"].place == file


def test_it_imports_no_torch_and_reads_no_weights(tmp_path: Path) -> None:
    """The server looks before it says that it is ready.

    Torch alone takes it seconds to import.
    """
    file = sparse(tmp_path / "mine.safetensors", shapes())
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from limn.editing.diffusion.model_locations import locate\n"
        "print(locate(Path(sys.argv[1]))['text-to-image'].variant, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["text-to-image", "False"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
def test_a_pipe_is_waited_for_nowhere(tmp_path: Path) -> None:
    """Not as the file, nor beside one that lacks a part, nor in the hub's cache."""
    os.mkfifo(tmp_path / "pipe.safetensors")
    found = recognise(tmp_path / "pipe.safetensors").trouble
    assert found is not None and "pipe" in found.sentence
    without = sparse(tmp_path / "no-text.safetensors", shapes(parts=("unet", "vae")))
    with pytest.raises(UnreadableModel, match="text encoder"):
        locate(without)
    (tmp_path / "models--a--b/refs").mkdir(parents=True)
    os.mkfifo(tmp_path / "models--a--b/refs/main")
    with pytest.raises(UnreadableModel):
        locate(tmp_path / "models--a--b")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a" * 300 + "/b"])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    assert recognise(tmp_path / name).trouble is not None
    with pytest.raises(UnreadableModel):
        locate(tmp_path / name)
