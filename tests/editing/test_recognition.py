"""What checkpoints are told to be, and why they cannot be used.

One test for each kind of file that people have. Files of full size are holes with a true header.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from limn.editing import UnreadableModel
from limn.editing.diffusion.places import locate
from limn.editing.diffusion.recognition import recognise

from .single_file import Shapes, shapes, sparse

HTML = b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>\n" * 40
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:6ce0161689\nsize 4265146304\n"
UNET = "model.diffusion_model."


def trouble(place: Path) -> tuple[str, str]:
    """A place's trouble: its code and its remedy. What is said names the place."""
    found = recognise(place).trouble
    assert found is not None
    assert str(place) in found.sentence
    assert found.sentence.endswith(".")
    with pytest.raises(UnreadableModel):
        locate(place)
    return found.code, found.remedy


@pytest.mark.parametrize(
    ("channels", "variant"), [(4, "text-to-image"), (9, "inpainting"), (8, "instruction")]
)
@pytest.mark.parametrize(
    ("dtype", "precision"), [("F16", "float16"), ("F32", "float32"), ("BF16", "bfloat16")]
)
def test_a_single_file(
    tmp_path: Path, channels: int, variant: str, dtype: str, precision: str
) -> None:
    found = recognise(sparse(tmp_path / "mine.v2.safetensors", shapes(channels, dtype)))
    assert (found.trouble, found.variant, found.family) == (None, variant, "Stable Diffusion 1.x")
    assert set(found.parts.values()) == {precision}
    assert (found.missing, found.ema, found.name) == ((), False, "mine.v2")


def test_the_published_sizes_of_stable_diffusion_1_5(tmp_path: Path) -> None:
    """v1-5-pruned-emaonly.safetensors has 4,265,146,304 bytes, its fp16 copy 2,132,696,762: these
    differ in their headers and in a few tables of the noise only."""
    assert abs(recognise(sparse(tmp_path / "a", shapes(4, "F32"))).size - 4_265_146_304) < 400_000
    assert abs(recognise(sparse(tmp_path / "b", shapes(4, "F16"))).size - 2_132_696_762) < 400_000


def test_a_file_with_a_moving_average(tmp_path: Path) -> None:
    found = recognise(sparse(tmp_path / "ip2p.safetensors", shapes(8, "F32", ema=True)))
    assert found.ema and found.variant == "instruction" and found.trouble is None
    # The counters alone, which many files carry, are no average.
    few: Shapes = shapes() | {"model_ema.decay": ("F32", ()), "model_ema.num_updates": ("I32", ())}
    assert not recognise(sparse(tmp_path / "few.safetensors", few)).ema


def test_clips_first_names(tmp_path: Path) -> None:
    found = recognise(sparse(tmp_path / "old.safetensors", shapes(old_clip=True)))
    assert found.trouble is None and "text_encoder" in found.parts


@pytest.mark.parametrize("parts", [("unet", "text_encoder"), ("unet", "vae"), ("unet",)])
def test_a_file_that_lacks_networks(tmp_path: Path, parts: tuple[str, ...]) -> None:
    file = sparse(tmp_path / "some.safetensors", shapes(parts=parts))
    missing = {"vae", "text_encoder"} - set(parts)
    assert set(recognise(file).missing) == missing
    with pytest.raises(UnreadableModel) as error:
        locate(file)
    assert error.value.code == "missing-parts"
    donor = sparse(tmp_path / "whole.safetensors", shapes())
    donors = locate(file)["text-to-image"].donors
    assert {part: of.place for part, of in donors.items()} == dict.fromkeys(missing, donor)


def test_a_unet_without_its_prefix(tmp_path: Path) -> None:
    """As ComfyUI keeps it in its folder `unet`."""
    bare = {name.removeprefix(UNET): value for name, value in shapes(parts=("unet",)).items()}
    found = recognise(sparse(tmp_path / "bare.safetensors", bare))
    assert (found.trouble, found.variant, set(found.parts)) == (None, "text-to-image", {"unet"})


def test_a_vae_file_stands_in_where_programs_keep_it(tmp_path: Path) -> None:
    """Automatic1111: models/Stable-diffusion beside models/VAE."""
    file = tmp_path / "Stable-diffusion" / "mine.safetensors"
    sparse(file, shapes(parts=("unet", "text_encoder")))
    vae = {
        name.removeprefix("first_stage_model."): value
        for name, value in shapes(parts=("vae",), dtype="F32").items()
        if name.startswith("first_stage_model.")
    }
    wide = vae | {"decoder.conv_in.weight": ("F32", (512, 16, 3, 3))}
    sparse(tmp_path / "VAE" / "ae.safetensors", wide)  # FLUX's
    sparse(tmp_path / "VAE" / "sdxl_vae.safetensors", vae)
    with pytest.raises(UnreadableModel, match="autoencoder"):
        locate(file)
    right = sparse(tmp_path / "VAE" / "vae-ft-mse-840000-ema-pruned.safetensors", vae)
    assert locate(file)["text-to-image"].donors["vae"].place == right


SMALL = {
    "lora": ({"lora_unet_down_blocks_0_attn1_to_q.lora_down.weight": ("F16", (8, 320))}, "lora"),
    "peft": ({"unet.down_blocks.0.attn1.to_q.lora_A.weight": ("F16", (8, 320))}, "lora"),
    "diffusers-lora": ({"unet.mid_block.to_q.lora.up.weight": ("F16", (320, 8))}, "lora"),
    "lycoris": ({"lora_te_text_model_encoder_layers_0.hada_w1_a": ("F16", (8, 8))}, "lora"),
    "controlnet": (
        {"control_model.input_blocks.0.0.weight": ("F16", (320, 4, 3, 3))},
        "controlnet",
    ),
    "controlnet-diffusers": (
        {"controlnet_cond_embedding.conv_in.weight": ("F16", (16, 3, 3, 3))},
        "controlnet",
    ),
    "ip-adapter": ({"image_proj.proj.weight": ("F16", (3072, 1024))}, "controlnet"),
    "motion": ({"down_blocks.0.motion_modules.0.norm.weight": ("F16", (320,))}, "motion"),
    "embedding": ({"emb_params": ("F32", (2, 768))}, "embedding"),
    "embedding-own": ({"<cat-toy>": ("F32", (768,))}, "embedding"),
    "embedding-xl": ({"clip_g": ("F32", (2, 1280)), "clip_l": ("F32", (2, 768))}, "embedding"),
    "vae": (
        {n: v for n, v in shapes(parts=("vae",)).items() if n != "alphas_cumprod"},
        "vae-only",
    ),
    "taesd": ({"decoder.layers.0.weight": ("F32", (64, 4, 3, 3))}, "vae-only"),
    "clip": ({"text_model.encoder.layers.0.mlp.fc1.weight": ("F16", (3072, 768))}, "text-only"),
    "t5": ({"encoder.block.0.layer.0.SelfAttention.q.weight": ("F16", (4096, 4096))}, "text-only"),
    "sdxl": (
        {
            f"{UNET}input_blocks.0.0.weight": ("F16", (320, 4, 3, 3)),
            f"{UNET}label_emb.0.0.weight": ("F16", (1280, 2816)),
            "conditioner.embedders.0.transformer.text_model.x": ("F16", (77, 768)),
        },
        "sdxl",
    ),
    "sd2": (
        {
            f"{UNET}input_blocks.0.0.weight": ("F16", (320, 4, 3, 3)),
            f"{UNET}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": ("F16", (320, 1024)),
        },
        "stable-diffusion-2",
    ),
    "sd3": ({f"{UNET}joint_blocks.0.context_block.x": ("F16", (8,))}, "stable-diffusion-3"),
    "flux": ({"double_blocks.0.img_attn.norm.key_norm.scale": ("F16", (128,))}, "flux"),
    "flux-comfy": ({f"{UNET}double_blocks.0.img_mod.lin.bias": ("BF16", (128,))}, "flux"),
    "pixart": ({"adaln_single.linear.weight": ("F16", (8, 8))}, "other-family"),
    "depth": (
        shapes() | {f"{UNET}input_blocks.0.0.weight": ("F16", (320, 5, 3, 3))},
        "unknown-variant",
    ),
    "fp8": (shapes(dtype="F8_E4M3"), "compressed"),
    "half-a-unet": (dict(list(shapes(parts=("unet",)).items())[:400]), "incomplete"),
    "esrgan": ({"model.1.sub.0.RDB1.conv1.0.weight": ("F32", (32, 64, 3, 3))}, "other-family"),
    "empty-header": ({}, "other-family"),
}


@pytest.mark.parametrize("kind", SMALL)
def test_what_is_no_checkpoint_of_the_family(tmp_path: Path, kind: str) -> None:
    tensors, code = SMALL[kind]
    assert trouble(sparse(tmp_path / f"{kind}.safetensors", tensors))[0] == code


@pytest.mark.parametrize(
    ("name", "content", "code", "remedy"),
    [
        ("a.safetensors", b"", "empty-file", "again"),
        ("a.safetensors", HTML, "web-page", "log in"),
        ("a.safetensors", b"\n <HTML lang=en>", "web-page", "log in"),
        ("a.safetensors", POINTER, "lfs-pointer", "git lfs pull"),
        ("a.safetensors", b'{"error":"Unauthorized"}', "no-weights", "login"),
        ("a.safetensors", b"\0" * 5000, "damaged-model", "again"),
        ("a.ckpt", b"PK\x03\x04\x00\x00\x08\x08archive/data.pklFB", "pickle", ".safetensors"),
        (
            "a.safetensors",
            b"PK\x03\x04\x00\x00\x08\x08archive/data.pklFB",
            "pickle",
            ".safetensors",
        ),
        ("a.bin", b"\x80\x02}q\x00.", "pickle", ".safetensors"),
        ("a.zip", b"PK\x03\x04\x14\x00readme.txt", "archive", "Unpack"),
        ("a.gz", b"\x1f\x8b\x08\x00" + b"x" * 50, "archive", "Unpack"),
        ("a.gguf", b"GGUF\x03\x00\x00\x00" + b"x" * 50, "gguf", "fp16"),
        ("a.safetensors", b"\x89PNG\r\n\x1a\n" + b"x" * 50, "no-weights", "safetensors"),
        ("a.safetensors", b"\x40\x00\x00\x00\x00\x00\x00\x00{", "truncated", "again"),
        (
            "a.safetensors",
            b"\xff\xff\xff\xff\x00\x00\x00\x00{" + b"x" * 90,
            "damaged-model",
            "again",
        ),
        ("a.safetensors", b"\x04\x00\x00\x00\x00\x00\x00\x00{{{{", "damaged-model", "again"),
        ("a.safetensors", b"\x02\x00", "truncated", "again"),
    ],
)
def test_files_by_their_first_bytes(
    tmp_path: Path, name: str, content: bytes, code: str, remedy: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    said, what_to_do = trouble(file)
    assert (said, remedy in what_to_do) == (code, True)


def test_a_download_that_stopped(tmp_path: Path) -> None:
    file = sparse(tmp_path / "mine.safetensors", shapes())
    whole = file.stat().st_size
    os.truncate(file, 300_000_000)
    assert trouble(file)[0] == "truncated"
    assert f"300,000,000 of {whole:,} bytes" in str(recognise(file).trouble)
    os.truncate(file, 50_000)  # in its header
    assert trouble(file)[0] == "truncated"


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "strange.safetensors"
    file.write_bytes(content)
    assert recognise(file).trouble is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@given(JSON | st.fixed_dictionaries({f"{UNET}input_blocks.0.0.weight": JSON}))
def test_no_header_is_too_strange(tmp_path_factory: pytest.TempPathFactory, header: object) -> None:
    file = tmp_path_factory.getbasetemp() / "strange.safetensors"
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text)
    assert recognise(file).trouble is not None
    deep = b'{"a":' * 50_000
    file.write_bytes(len(deep).to_bytes(8, "little") + deep)
    assert recognise(file).trouble is not None


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


def test_stable_diffusion_2_as_a_folder_can_be_used(folder: Path) -> None:
    file = folder / "unet" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"cross_attention_dim": 1024}))
    found = recognise(folder)
    assert (found.trouble, found.family) == (None, "Stable Diffusion 2.x")


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
        "from limn.editing.diffusion.places import locate\n"
        "print(locate(Path(sys.argv[1]))['text-to-image'].variant, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["text-to-image", "False"]
