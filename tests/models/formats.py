"""Checkpoints as people have them, small.

Each layout that a program writes or a download leaves. The networks are as deep as Stable Diffusion
1.x's and a few channels wide, so that a file has the very names of a real one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limn.editing.bench.random_weights import is_wide, sd1_config, unet_name, vae_name

from ..editing.recognising import SMALL
from ..editing.single_file import shapes, sparse
from ..tiny import vocabulary

UNET, EMA = "model.diffusion_model.", "model_ema.diffusion_model"
VAE, TEXT = "first_stage_model.", "cond_stage_model.transformer."
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
NARROW = {
    "unet": {
        "block_out_channels": [16, 16, 32, 32],
        "norm_num_groups": 8,
        "cross_attention_dim": 32,
        "attention_head_dim": 4,
        "sample_size": 8,
    },
    "vae": {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 8},
    "text_encoder": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "vocab_size": len(vocabulary()[0]),
        "eos_token_id": len(vocabulary()[0]) - 1,
    },
}
"""How the networks differ from Stable Diffusion 1.x's."""

Tensors = dict[str, Tensor]


class Kit(NamedTuple):
    """Where a row puts its model, and the tiny ones of which it is made."""

    root: Path
    tiny: Path

    def folder(self, variant: str = "text-to-image", name: str = "mine") -> Path:
        """A copy of a tiny model in the diffusers format."""
        return Path(shutil.copytree(self.tiny / variant, self.root / name))

    def file(
        self,
        channels: int = 4,
        dtype: torch.dtype = torch.float32,
        change: Callable[[Tensors], Tensors] = dict,
        name: str = "mine",
    ) -> Path:
        """One file with Stable Diffusion 1.x's names, and a configuration."""
        tensors = {key: value.to(dtype) for key, value in narrow(channels).items()}
        tensors[f"{TEXT}text_model.embeddings.position_ids"] = torch.arange(77)[None]
        file = self.root / f"{name}.safetensors"
        save_file(change(tensors), file, {"format": "pt"})
        self.configuration(file.with_suffix(""), channels)
        return file

    def configuration(self, folder: Path, channels: int) -> Path:
        """What a diffusers folder has beside the weights."""
        for part, own in NARROW.items():
            config = sd1_config(part) | own
            if part == "unet":
                config["in_channels"] = channels
            write(folder / part / "config.json", config)
        for name in ("tokenizer", "scheduler"):
            shutil.copytree(self.tiny / "text-to-image" / name, folder / name)
        shutil.copy(self.tiny / "text-to-image" / "model_index.json", folder)
        return folder

    def small(self, kind: str) -> Path:
        """A file of another kind: its header is true, its weights are a hole."""
        return sparse(self.root / f"{kind}.safetensors", SMALL[kind][0])

    def whole(self, name: str = "mine", dtype: str = "F16", **how: Any) -> Path:
        """One file of full size, whose weights are a hole."""
        return sparse(self.root / f"{name}.safetensors", shapes(dtype=dtype, **how))

    def bytes(self, name: str, content: bytes) -> Path:
        """A file with these bytes."""
        (self.root / name).write_bytes(content)
        return self.root / name


@cache
def narrow(channels: int) -> Tensors:
    """The tensors of a narrow model in one file, by their original names."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        configs = {part: sd1_config(part) | own for part, own in NARROW.items()}
        unet: Any = UNet2DConditionModel(**configs["unet"] | {"in_channels": channels})
        vae: Any = AutoencoderKL(**configs["vae"])
        text = CLIPTextModel(CLIPTextConfig(**configs["text_encoder"]))
    tensors: Tensors = {
        f"{UNET}{unet_name(name, 2, 4)}": value for name, value in unet.state_dict().items()
    }
    for name, value in vae.state_dict().items():
        name = vae_name(name, 4)
        wide = value[..., None, None].contiguous() if is_wide(name) else value
        tensors[f"{VAE}{name}"] = wide
    for name, value in text.state_dict().items():
        tensors[f"{TEXT}text_model.{name.removeprefix('text_model.')}"] = value
    return tensors


def write(file: Path, content: object) -> None:
    """A JSON file, and its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def configure(folder: Path, part: str, **changes: object) -> Path:
    """Change a network's configuration, or the scheduler's."""
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    file = folder / part / name
    write(file, json.loads(file.read_text()) | changes)
    return folder


def weights(folder: Path, part: str) -> Path:
    """The file with a network's weights."""
    return folder / part / f"{WEIGHTS[part]}.safetensors"


def renamed(change: Callable[[str], str | None]) -> Callable[[Tensors], Tensors]:
    """Tensors under other names; None leaves one out."""

    def apply(tensors: Tensors) -> Tensors:
        named = {change(name): value for name, value in tensors.items()}
        return {name: value for name, value in named.items() if name is not None}

    return apply


def without(*prefixes: str) -> Callable[[Tensors], Tensors]:
    """What does not begin so."""
    return renamed(lambda name: None if name.startswith(prefixes) else name)


def first_names(folder: Path) -> Path:
    """As Stable Diffusion 1.5's folder: first names, and CLIP's counters."""
    file = weights(folder, "vae")
    new = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    tensors = load_file(file)
    for theirs, old in new.items():
        tensors = {name.replace(theirs, old): value for name, value in tensors.items()}
    save_file(tensors, file, {"format": "pt"})
    file = weights(folder, "text_encoder")
    counted = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    save_file(load_file(file) | counted, file, {"format": "pt"})
    return folder


def pickled(folder: Path) -> Path:
    """All weights as `.bin`, and nothing else."""
    for part, stem in WEIGHTS.items():
        file = weights(folder, part)
        name = "pytorch_model" if part == "text_encoder" else stem
        torch.save(load_file(file), file.with_name(f"{name}.bin"))
        file.unlink()
    return folder


def replaced(folder: Path, content: bytes, parts: Iterable[str] = WEIGHTS) -> Path:
    """Other bytes in place of weights."""
    for part in parts:
        weights(folder, part).write_bytes(content)
    return folder


def cut(file: Path, size: int) -> Path:
    """A download that stopped."""
    os.truncate(file, size)
    return file


def with_ema(tensors: Tensors) -> Tensors:
    """And a moving average of the UNet's weights, as training leaves it."""
    average = {
        f"{EMA}{name.removeprefix(UNET).replace('.', '')}": value.clone()
        for name, value in tensors.items()
        if name.startswith(UNET)
    }
    return tensors | average


def second(folder: Path) -> Path:
    """Stable Diffusion 2.x.

    Wider words, linear projections, heads by level, v-prediction.
    """
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    configure(
        folder, "unet", cross_attention_dim=1024, use_linear_projection=True,
        attention_head_dim=[4, 8],
    )  # fmt: skip
    configure(folder, "text_encoder", hidden_size=1024, intermediate_size=32, hidden_act="gelu")
    configure(folder, "scheduler", prediction_type="v_prediction")
    made: Mapping[str, Callable[[dict[str, Any]], Any]] = {
        "unet": UNet2DConditionModel.from_config,
        "text_encoder": lambda config: CLIPTextModel(CLIPTextConfig(**config)),
    }
    for part, make in made.items():
        config = json.loads((folder / part / "config.json").read_text())
        save_file(make(config).state_dict(), weights(folder, part), {"format": "pt"})
    return folder
