"""What checkpoints are told to be, and why they cannot be used.

One test for each kind of file that people have. Files of full size are holes with a true header.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.editing import UnreadableModel
from limn.editing.diffusion.model_locations import locate
from limn.editing.diffusion.recognition import recognise

from .recognising import HTML, POINTER, SMALL, UNET, trouble
from .single_file import Shapes, shapes, sparse


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
    """The file of fp32 weights has 4,265,146,304 bytes, its fp16 copy half.

    v1-5-pruned-emaonly.safetensors: 4,265,146,304 and 2,132,696,762. These differ in their headers
    and in a few tables of the noise only.
    """
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
