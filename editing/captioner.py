"""The optional captioner: BLIP says what a picture shows, where an algorithm needs to know it and
the painter has not written it.

BLIP: Bootstrapping Language-Image Pre-training (Li et al.; ICML 2022), as transformers has it. It
is the painter's to install: a folder, or the name of a model that lies in this machine's Hugging
Face cache. Nothing is ever fetched.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from .errors import EditError

BEAMS, TOKENS = 3, 20  # beam search without sampling: the same picture gets the same words
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pictures that BLIP was trained with, by channel
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class Captioner:
    """Loaded when it is first wanted."""

    def __init__(self, name: str, device: str = "cpu") -> None:
        """name: a folder with BLIP in transformers' format (~ is this user's home), or a model's
        name in the cache.
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
        from transformers import AutoTokenizer, BlipForConditionalGeneration
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            model = BlipForConditionalGeneration.from_pretrained(
                self.name, local_files_only=True, use_safetensors=True
            )
            tokenizer = AutoTokenizer.from_pretrained(self.name, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise EditError(
                "no-captioner",
                f"The captioner {self.name!r} is no BLIP model that can be loaded.",
                "Name a folder with one in safetensors, or one in the Hugging Face cache (none is downloaded by itself), "
                "or write the caption yourself.",
            ) from error
        return model.float().eval().requires_grad_(False).to(self._device), tokenizer
