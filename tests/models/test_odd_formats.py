"""Checkpoints that no list has: other exporters', half renamed, patched together.

Each loads and edits, or is refused at the edge with a remedy that helps.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from limn.editing import NotFinite, UnreadableModel, load_models
from limn.editing.diffusion.model_locations import locate

from ..editing.recognising import HTML
from . import formats as f
from . import odd
from .formats import Kit
from .test_formats import edited

HALF = "F16"
REFUSED: dict[str, tuple[Callable[[Kit], Path], str, str]] = {
    "trained in parallel": (odd.prefixed("module."), "other-names", "publish"),
    "a model in a model": (odd.prefixed("model."), "other-names", "publish"),
    "a training state": (odd.prefixed("state_dict."), "other-names", "publish"),
    "half renamed": (odd.half_renamed, "incomplete", "again"),
    "the average alone": (odd.average_only, "incomplete", "again"),
    "a folder in one file": (odd.one_file, "other-names", "diffusers format"),
    "video": (
        odd.with_more(
            8,
            model__diffusion_model__input_blocks__1__0__time_stack__x=(HALF, (320,)),
            conditioner__embedders__0__x=(HALF, (8,)),
        ),
        "stable-video",
        "1.x",
    ),
    "Zero123": (odd.with_more(8, cc_projection__weight=("F32", (768, 772))), "new-views", "1.x"),
    "unCLIP": (odd.with_more(embedder__model__visual__proj=(HALF, (8,))), "unclip", "1.x"),
    "LCM file": (
        odd.with_more(model__diffusion_model__time_embed__cond_proj__weight=(HALF, (320, 256))),
        "distilled",
        "distilled from",
    ),
    "a narrower network": (
        odd.resized(lambda _, shape: tuple(224 if n == 320 else n for n in shape)),
        "other-shapes",
        "1.x",
    ),
    "Stable Diffusion 2's words": (
        odd.resized(lambda name, s: (s[0], 1024) if ".attn2.to_k." in name else s),
        "stable-diffusion-2",
        "folder",
    ),
    "another text encoder": (
        odd.resized(lambda name, s: (s[0], 1024) if "token_embedding" in name else s),
        "other-shapes",
        "1.x",
    ),
    "empty tensors": (odd.resized(lambda _, shape: (0,) * len(shape)), "other-family", "1.x"),
    "tensors that overlap": (odd.reheaded(odd.overlapping), "damaged-model", "again"),
    "more bytes than tensors": (odd.longer, "damaged-model", "again"),
    "a download of aria2": (odd.unfinished, "truncated", "aria2"),
    "a zip of arrays": (lambda kit: kit.bytes("a.npz", b"PK\x03\x04unet.npy" * 9), "archive", ""),
    "a zip as a model": (
        lambda kit: kit.bytes("a.safetensors", b"PK\x03\x04a.safetensors" * 9),
        "archive",
        "Unpack",
    ),
    "an endless header": (
        lambda kit: kit.bytes("a.safetensors", struct.pack("<Q", 2**62) + b"{" * 99),
        "damaged-model",
        "again",
    ),
    "inpainting without its channels": (odd.configured("unet", in_channels=9), "other-shapes", ""),
    "an instruction model of 9": (
        odd.configured("unet", "instruction", in_channels=9),
        "other-shapes",
        "several models",
    ),
    "words of another width": (odd.configured("text_encoder", hidden_size=64), "other-shapes", ""),
    "quantized": (
        odd.configured("unet", quantization_config={"quant_method": "bitsandbytes"}),
        "unreadable-model",
        "choose another",
    ),
    "a distilled UNet": (
        odd.configured("unet", mid_block_type=None),
        "unreadable-model",
        "another",
    ),
    "Paint by Example": (
        odd.pipeline("PaintByExamplePipeline", "inpainting", text_encoder=None, tokenizer=None),
        "other-family",
        "1.x",
    ),
    "depth of pictures": (
        odd.pipeline("MarigoldDepthPipeline", "instruction"),
        "other-family",
        "1.x",
    ),
    "Japanese words": (
        odd.pipeline("StableDiffusionPipeline", tokenizer=["transformers", "T5Tokenizer"]),
        "other-family",
        "1.x",
    ),
    "AltDiffusion": (
        odd.pipeline("AltDiffusionPipeline", text_encoder=["alt", "RobertaSeriesModel"]),
        "other-family",
        "1.x",
    ),
    "saved without its words": (
        odd.pipeline("StableDiffusionPipeline", text_encoder=[None, None]),
        "missing-parts",
        "Fetch one",
    ),
    "ONNX, by its name": (odd.pipeline("OnnxStableDiffusionPipeline"), "exported", "safetensors"),
    "ONNX": (odd.exported("model.onnx"), "exported", "safetensors"),
    "OpenVINO": (odd.exported("openvino_model.bin"), "exported", "safetensors"),
    "Flax": (odd.exported("diffusion_flax_model.msgpack"), "exported", "safetensors"),
    "an empty piece": (odd.empty_piece, "empty-file", "again"),
    "an index that leads out": (odd.index_elsewhere, "missing-parts", "Fetch"),
    "a part of a folder": (odd.part_of, "one-network", "Name the folder"),
    "a page as configuration": (
        lambda kit: f.replaced(kit.folder(), HTML, ["unet"]),
        "web-page",
        "log in",
    ),
    "a link that leads nowhere": (odd.linked, "absent", "moved or deleted"),
    "a name that is no UTF-8": (odd.not_utf8, "bad-name", "Rename"),
    "a hub's name": (lambda kit: Path("timbrooks/instruct-pix2pix"), "absent", "limn models"),
    "a selection of itself": (odd.selecting("mine.json"), "no-weights", "safetensors"),
    "a selection of nothing": (odd.selecting("gone.safetensors"), "absent", "moved or deleted"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_odd_is_refused_at_the_edge(what: str, tmp_path: Path, tiny_model: Path) -> None:
    build, code, remedy = REFUSED[what]
    with pytest.raises(UnreadableModel) as told:
        locate(build(Kit(tmp_path, tiny_model)))
    assert (told.value.code, remedy in told.value.remedy) == (code, True), told.value
    assert told.value.sentence.endswith(".")
    told.value.sentence.encode()  # a terminal and a message can say it


LOADS: dict[str, Callable[[Kit], Path]] = {
    "a LoRA's metadata": odd.described_elsewhere,
    "three precisions": odd.mixed,
    "64 bits": lambda kit: kit.file(dtype=torch.float64),
    "leftovers": odd.with_leftovers,
    ".sft": odd.renamed(".sft"),
    ".SAFETENSORS": odd.renamed(".SAFETENSORS"),
    "from Windows": odd.on_windows,
    "deep below, oddly named": odd.deep,
}


@pytest.mark.parametrize("what", LOADS)
def test_what_is_odd_and_whole_edits(what: str, tmp_path: Path, tiny_model: Path) -> None:
    models = load_models(LOADS[what](Kit(tmp_path, tiny_model)))
    models.check()
    edited(models)


def test_a_file_with_a_scheduler_alone_beside_it(tmp_path: Path, tiny_model: Path) -> None:
    """The rest is as in Stable Diffusion 1.x."""
    kit = Kit(tmp_path, tiny_model)
    f.write(tmp_path / "mine/scheduler/scheduler_config.json", {"prediction_type": "v_prediction"})
    models = load_models(kit.whole(dtype="F32"), dtype=torch.float32)
    assert models.get("text-to-image").prediction == "v_prediction"


def test_weights_that_are_no_numbers_are_told(tmp_path: Path, tiny_model: Path) -> None:
    file = Kit(tmp_path, tiny_model).file(
        change=lambda tensors: {
            name: value * torch.nan if name.startswith(f.VAE) else value
            for name, value in tensors.items()
        }
    )
    with pytest.raises(NotFinite, match="not finite"):
        edited(load_models(file))


def test_shapes_that_only_a_network_tells_are_told_by_doctor(
    tmp_path: Path, tiny_model: Path
) -> None:
    """Recognition looks at a few; `Models.check` at each, and reads no weights."""
    flat = odd.resized(lambda name, s: s[:2] if name.endswith("proj_in.weight") else s)
    models = load_models(flat(Kit(tmp_path, tiny_model)))
    with pytest.raises(UnreadableModel, match=r"proj_in\.weight is 320 x 320, not 320 x 320 x 1 x"):
        models.check()
