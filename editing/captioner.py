"""An optional captioner: BLIP describes the picture.

It is used where an algorithm needs a caption and the painter has written none. BLIP: Bootstrapping
Language-Image Pre-training (Li et al.; ICML 2022), as transformers has it. It is the painter's to
install: a folder, or the name of a model that lies in this machine's Hugging Face cache. Nothing is
ever fetched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from .diffusion.checked_json import read, read_bytes
from .diffusion.configuration import Configuration, Width
from .errors import EditError

BEAMS, TOKENS = 3, 20  # beam search without sampling: the same picture gets the same words
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pictures that BLIP was trained with, by channel
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class Captioner:
    """Loaded when it is first wanted."""

    def __init__(self, name: str, device: str = "cpu") -> None:
        """Takes a BLIP model's place; nothing is loaded yet.

        name: a folder with BLIP in transformers' format (~ is this user's home), or a model's name
        in the cache.
        """
        self.name = os.path.expanduser(name)
        self._device = device
        self._loaded: tuple[Any, Any] | None = None

    @torch.no_grad()
    def describe(self, image: Tensor) -> str:
        """What a picture (1, 3, H, W) in 0..1 shows, in a few words.

        Raises EditError if the captioner cannot be loaded or says nothing.
        """
        model, tokenizer = self._loaded = self._loaded or self._load()
        side = model.config.vision_config.image_size
        small = F.interpolate(
            image.float(), size=(side, side), mode="bicubic", antialias=True
        ).clamp(0, 1)
        mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
        pixels = ((small.cpu() - mean) / deviation).to(self._device)
        words = model.generate(
            pixel_values=pixels, num_beams=BEAMS, max_new_tokens=TOKENS, do_sample=False
        )
        caption = str(
            tokenizer.decode(words[0][1:], skip_special_tokens=True)
        ).strip()  # without the token to begin with
        if not caption:
            raise EditError(
                "no-caption",
                f"The captioner {self.name!r} says nothing about this picture.",
                "Write the caption yourself.",
            )
        return caption

    def _load(self) -> tuple[Any, Any]:
        try:
            folder = _place(self.name)
            model = _network(folder)
            tokenizer = _tokenizer(folder)
        except (EditError, OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise EditError(
                "no-captioner",
                f"The captioner {self.name!r} is no BLIP model that can be loaded: {error}",
                "Name a folder with one in safetensors, or one in the Hugging Face cache (none is "
                "downloaded by itself), or write the caption yourself.",
            ) from error
        return model.float().eval().requires_grad_(False).to(self._device), tokenizer


class _Eye(Configuration):
    """The arguments of `BlipVisionConfig`."""

    image_size: Annotated[int, Field(ge=16, le=2048)] = 384
    patch_size: Annotated[int, Field(ge=4, le=64)] = 16
    hidden_size: Width = 768
    intermediate_size: Annotated[int, Field(ge=1, le=32_768)] = 3072
    num_hidden_layers: Annotated[int, Field(ge=1, le=64)] = 12
    num_attention_heads: Annotated[int, Field(ge=1, le=128)] = 12
    hidden_act: Literal["gelu", "quick_gelu"] = "gelu"
    layer_norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-5


class _Mouth(Configuration):
    """The arguments of `BlipTextConfig`."""

    vocab_size: Annotated[int, Field(ge=3, le=1_000_000)] = 30524
    hidden_size: Width = 768
    encoder_hidden_size: Width = 768
    intermediate_size: Annotated[int, Field(ge=1, le=32_768)] = 3072
    num_hidden_layers: Annotated[int, Field(ge=1, le=64)] = 12
    num_attention_heads: Annotated[int, Field(ge=1, le=128)] = 8
    max_position_embeddings: Annotated[int, Field(ge=8, le=4096)] = 512
    hidden_act: Literal["gelu", "quick_gelu"] = "gelu"
    layer_norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-12
    bos_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] = 30522
    eos_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] = 2
    pad_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] = 0
    sep_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] = 102


class _Blip(Configuration):
    """config.json: what is believed of it."""

    model_type: Literal["blip"] = "blip"
    text_config: _Mouth = _Mouth()
    vision_config: _Eye = _Eye()
    quantization_config: None = None


class _WordPieces(Configuration):
    """tokenizer.json: its vocabulary; nothing else there is used."""

    class Vocabulary(Configuration):
        vocab: dict[str, Annotated[int, Field(ge=0, lt=1_000_000)]]

    model: Vocabulary


def _place(name: str) -> Path:
    """The captioner's folder, or its place in the Hugging Face cache.

    The cache is searched without the network. Raises EditError, or ValueError for what is no name.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json")
    if not isinstance(found, str):
        raise EditError("no-captioner", "there is neither such a folder nor such a model.")
    return Path(found).parent


def _network(folder: Path) -> Any:
    """The BLIP network, built from what its configuration declares.

    transformers' own loading would ask for code that a folder brings along. Raises EditError,
    SafetensorError or RuntimeError.
    """
    from safetensors.torch import load_file
    from transformers import BlipConfig, BlipForConditionalGeneration

    said = read(_Blip, folder / "config.json")
    model = BlipForConditionalGeneration(BlipConfig(**said.arguments()))
    weights: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    missing, unknown = model.load_state_dict(weights, strict=False)
    state = model.state_dict()  # what is tied to another tensor stands in the file once
    loaded = {state[key].data_ptr() for key in weights if key in state}
    missing = [key for key in missing if state[key].data_ptr() not in loaded]
    unknown = [key for key in unknown if not key.endswith(".position_ids")]  # of older files
    if missing or unknown:
        names = ", ".join([*missing, *unknown][:3])
        raise EditError("no-captioner", f"its weights do not fit its configuration: {names}.")
    return model


def _tokenizer(folder: Path) -> Any:
    """BLIP's is BERT's: only its vocabulary is read."""
    from transformers import BertTokenizer

    if (folder / "vocab.txt").is_file():
        lines = read_bytes(folder / "vocab.txt").decode("utf-8").splitlines()
        return BertTokenizer(vocab={word: number for number, word in enumerate(lines)})
    return BertTokenizer(vocab=read(_WordPieces, folder / "tokenizer.json").model.vocab)
