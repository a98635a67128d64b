"""Figures that need published weights.

LPIPS, CLIP, DINO, PickScore, the aesthetic predictor, structure distance, FID. Each is loaded when
it is first wanted, from a local folder or from its publisher; one that cannot be had is left out,
by name, and the others go on. CLIP's embeddings are taken from transformers directly: one model
gives score, direction and image similarity. Section and definitions follow the papers' own
evaluation scripts (resize to the model's size, bicubic; unit-normalised embeddings).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class MissingWeights(RuntimeError):
    """An instrument cannot be had here: which one, and why."""


@dataclass(frozen=True)
class Sources:
    """Where the weights come from.

    Names at their publisher, or local folders; "" leaves one out.
    """

    clip: str = "openai/clip-vit-large-patch14"
    dino: str = "facebook/dinov2-base"
    pick: str = "yuvalkirstain/PickScore_v1"
    structure: str = "facebook/dino-vitb8"
    aesthetic: str = ""  # a file: the weights of improved-aesthetic-predictor for CLIP ViT-L/14
    lpips: str = "alex"  # the backbone: alex, vgg or squeeze


def loaded(what: str, source: str, *kinds: Any) -> list[Any]:
    """from_pretrained of each kind. Raises MissingWeights."""
    if not source:
        raise MissingWeights(f"{what}: no weights were given")
    local = {"local_files_only": True} if Path(source).is_dir() else {}
    try:
        return [kind.from_pretrained(source, **local) for kind in kinds]
    except (OSError, ValueError) as error:
        raise MissingWeights(
            f"{what}: {source} could not be loaded ({str(error).splitlines()[0]})"
        ) from error


def prepared(image: Tensor, side: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(n, 3, H, W) in 0..1 -> what a vision transformer wants, (n, 3, side, side)."""
    small = F.interpolate(image, size=(side, side), mode="bicubic").clamp(0, 1)
    return (small - torch.tensor(mean).view(1, 3, 1, 1).to(small)) / torch.tensor(std).view(
        1, 3, 1, 1
    ).to(small)


class Clip:
    """CLIP or a fine-tune of it: pictures and texts as unit vectors."""

    def __init__(self, what: str, source: str, device: str) -> None:
        from transformers import CLIPModel, CLIPTokenizer

        self._model, self._tokenizer = loaded(what, source, CLIPModel, CLIPTokenizer)
        self._model.eval().to(device)
        self._device = device
        self.scale = float(self._model.logit_scale.exp())

    @torch.no_grad()
    def image(self, image: Tensor) -> Tensor:
        """(n, 3, H, W) in 0..1 -> (n, d)."""
        pixels = prepared(
            image, self._model.config.vision_config.image_size, OPENAI_MEAN, OPENAI_STD
        ).to(self._device)
        return F.normalize(
            self._model.visual_projection(self._model.vision_model(pixels).pooler_output), dim=-1
        ).cpu()

    @torch.no_grad()
    def text(self, text: str) -> Tensor:
        """(1, d)."""
        ids = self._tokenizer(
            [text], padding=True, truncation=True, return_tensors="pt"
        ).input_ids.to(self._device)
        return F.normalize(
            self._model.text_projection(self._model.text_model(ids).pooler_output), dim=-1
        ).cpu()


class Dino:
    """A DINO vision transformer: the class token, and the last layer's keys."""

    def __init__(self, what: str, source: str, side: int, device: str) -> None:
        from transformers import AutoModel

        (self._model,) = loaded(what, source, AutoModel)
        self._model.eval().to(device)
        self._side = side
        self._device = device

    @torch.no_grad()
    def token(self, image: Tensor) -> Tensor:
        """The class token, (n, d), unit length."""
        pixels = prepared(image, self._side, IMAGENET_MEAN, IMAGENET_STD).to(self._device)
        return F.normalize(self._model(pixels).last_hidden_state[:, 0], dim=-1).cpu()

    @torch.no_grad()
    def self_similarity(self, image: Tensor) -> Tensor:
        """Cosines between the last layer's keys of all places, (place, place)."""
        layer = [
            module
            for name, module in self._model.named_modules()
            if name.endswith((".key", ".k_proj"))
        ][-1]
        kept: list[Tensor] = []
        handle = layer.register_forward_hook(lambda module, args, output: kept.append(output))
        try:
            self._model(prepared(image, self._side, IMAGENET_MEAN, IMAGENET_STD).to(self._device))
        finally:
            handle.remove()
        keys = F.normalize(kept[0][0], dim=-1)
        return (keys @ keys.T).cpu()


class Aesthetic(nn.Module):
    """improved-aesthetic-predictor: a small network on CLIP's unit image embedding."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        widths = [weights[f"layers.{i}.weight"].shape for i in (0, 2, 4, 6, 7)]
        gaps = (
            True,
            True,
            True,
            False,
            False,
        )  # dropout, silent here, stands behind the first three
        self.layers = nn.Sequential()
        for (outside, inside), gap in zip(widths, gaps, strict=True):
            self.layers.append(nn.Linear(inside, outside))
            if gap:
                self.layers.append(nn.Identity())
        self.load_state_dict(weights)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.layers(embedding)


@dataclass
class Perception:
    """The instruments, each loaded once. `missing` says which could not be had."""

    sources: Sources
    device: str = "cpu"
    missing: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)

    def clip(self) -> Clip:
        return self._once("CLIP", lambda: Clip("CLIP", self.sources.clip, self.device))

    def pick(self) -> Clip:
        return self._once("PickScore", lambda: Clip("PickScore", self.sources.pick, self.device))

    def dino(self) -> Dino:
        return self._once("DINO", lambda: Dino("DINO", self.sources.dino, 224, self.device))

    def keys(self) -> Dino:
        return self._once(
            "structure distance",
            lambda: Dino("structure distance", self.sources.structure, 224, self.device),
        )

    def aesthetic(self) -> Aesthetic:
        return self._once("the aesthetic predictor", self._aesthetic)

    def lpips(self, backbone: str = "") -> Any:
        """LPIPS on pictures in -1..1."""
        wanted = backbone or self.sources.lpips
        return self._once(f"LPIPS ({wanted})", lambda: self._lpips(wanted))

    def fid(self) -> Any:
        """A fresh FID for pictures (n, 3, H, W) in 0..1."""
        try:
            from torchmetrics.image.fid import FrechetInceptionDistance

            return FrechetInceptionDistance(normalize=True).to(self.device)
        except (ImportError, OSError, RuntimeError) as error:
            raise MissingWeights(f"FID: {_first(error)}") from error

    def _lpips(self, backbone: str) -> Any:
        if not backbone:
            raise MissingWeights("LPIPS: no backbone was given")
        try:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            return LearnedPerceptualImagePatchSimilarity(net_type=backbone).to(self.device)  # type: ignore[arg-type]
        except (ImportError, OSError, RuntimeError) as error:
            raise MissingWeights(f"LPIPS ({backbone}): {_first(error)}") from error

    def _aesthetic(self) -> Aesthetic:
        if not self.sources.aesthetic:
            raise MissingWeights("the aesthetic predictor: no weights were given")
        try:
            return Aesthetic(
                torch.load(self.sources.aesthetic, weights_only=True, map_location="cpu")
            ).eval()
        except (OSError, KeyError, RuntimeError) as error:
            raise MissingWeights(
                f"the aesthetic predictor: {self.sources.aesthetic} could not be loaded "
                f"({_first(error)})"
            ) from error

    def _once(self, name: str, make: Any) -> Any:
        """Made once; what failed once is not tried again."""
        if name in self.missing:
            raise MissingWeights(self.missing[name])
        if name not in self._kept:
            try:
                self._kept[name] = make()
            except MissingWeights as error:
                self.missing[name] = str(error)
                raise
        return self._kept[name]


def _first(error: Exception) -> str:
    """An error's first line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
