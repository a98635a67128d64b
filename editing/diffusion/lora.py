"""LoRA files: small changes of a model's weights, put into it when it is loaded.

    W + weight * alpha / rank * up @ down          (Hu et al. 2021, LoRA, section 4.1)

Files of A1111's and kohya's trainers and of diffusers are read. A file's tensors are found by the
network's own names of its layers, so that nothing that a file names is imported or run. diffusers'
own loader wants a further library (peft), and keeps the two factors beside the weights through each
step; an edit has no need to take them out again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers
from safetensors import safe_open
from torch import Tensor

from .lora_file import OTHERS, Lora, bad, check
from .weights_file import AGAIN

MAX_RANK = 1280
"""The widest layer's own: more says nothing more."""

FACTORS = (
    (".lora_down.weight", ".lora_up.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    ("_lora.down.weight", "_lora.up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
)
"""Ends of the two factors' names: kohya's, and those that diffusers has had."""

PREFIXES = {
    "unet": ("lora_unet_", "unet."),
    "text_encoder": ("lora_te_", "lora_te1_", "text_encoder."),
}


def put_in(loras: Sequence[Lora], unet: Any, text_encoder: Any) -> None:
    """Changes the weights of both networks, on the CPU. Raises UnreadableModel."""
    for lora in loras:
        check(lora.place)
        try:
            with safe_open(lora.place, framework="pt") as opened:
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except Exception as error:  # the library in Rust raises no narrower class
            raise bad(lora.place, f"it is damaged ({error})", AGAIN) from error
        if any(name.startswith("lora_unet_input_blocks") for name in tensors):
            tensors = _maybe_map_sgm_blocks_to_diffusers(tensors, unet.config)
        left = dict(tensors)
        used = 0
        for network, prefixes in (
            (unet, PREFIXES["unet"]),
            (text_encoder, PREFIXES["text_encoder"]),
        ):
            used += _put_in(lora, network, left, prefixes)
        if not used or left:
            some = min(left, default="")
            why = f"{len(left)} of its {len(tensors)} tensors fit nowhere, as {some[:80]}"
            raise bad(lora.place, why, OTHERS)


def _put_in(lora: Lora, network: Any, left: dict[str, Tensor], prefixes: Sequence[str]) -> int:
    """The changes of one network; returns how many there were.

    What is used is taken out of `left`.
    """
    layers = {
        _plain(name): module
        for name, module in network.named_modules()
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))
    }
    used = 0
    for name in list(left):
        ends = next((ends for ends in FACTORS if name.endswith(ends[0])), None)
        prefix = next((one for one in prefixes if name.startswith(one)), None)
        if ends is None or prefix is None:
            continue
        base = name.removesuffix(ends[0])
        layer = layers.get(_plain(base.removeprefix(prefix)))
        up = left.get(base + ends[1])
        if layer is None or up is None:
            continue
        down = left.pop(name)
        left.pop(base + ends[1])
        alpha = left.pop(base + ".alpha", None)
        _change(lora, layer, down, up, alpha, base)
        used += 1
    return used


def _plain(name: str) -> str:
    """A layer's name as all writers have it."""
    name = name.removeprefix("text_model.").removeprefix("text_model_")
    name = re.sub(r"\.processor\.", ".", name)
    name = re.sub(r"\bto_out$|\bto_out_lora$", "to_out.0", name)
    return name.removesuffix("_lora").replace(".", "_")


@torch.no_grad()
def _change(
    lora: Lora, layer: Any, down: Tensor, up: Tensor, alpha: Tensor | None, base: str
) -> None:
    weight = layer.weight
    rank = down.shape[0] if down.dim() else 0
    fits = (
        1 <= rank <= MAX_RANK
        and down.dim() >= 2
        and up.dim() >= 2
        and up.shape[0] == weight.shape[0]
        and up.flatten(1).shape[1] == rank
        and down[0].numel() == weight[0].numel()
        and (alpha is None or alpha.numel() == 1)
    )
    if not fits:
        raise bad(lora.place, f"{base[:80]} has another shape than the model's layer", OTHERS)
    scale = lora.weight * (1.0 if alpha is None else float(alpha) / rank)
    change = scale * (up.flatten(1).float() @ down.flatten(1).float()).reshape(weight.shape)
    if not bool(change.isfinite().all()):
        raise bad(lora.place, f"{base[:80]} holds numbers that are not finite", AGAIN)
    changed = (weight.float() + change).to(weight.dtype)
    layer.weight = torch.nn.Parameter(changed, requires_grad=False)


def mark(loras: Sequence[Lora]) -> str:
    """What tells a model with these from the same with others, and from one without."""
    return "".join(
        f"+{lora.place}:{lora.weight:g}:{lora.place.stat().st_mtime_ns}" for lora in loras
    )
