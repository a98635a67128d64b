"""Edits where memory is small: networks are real and tiny, their room is counted."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from limn.editing import EditRequest, Models, edit, load_models
from limn.editing.diffusion import loading
from limn.editing.diffusion.model import Model
from limn.editing.events import Done

from .conftest import picture


class Card:
    """Room for a number of UNets; loading one more is refused, as a full card does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.asked: list[str] = []
        self.most = 0
        self._held: list[weakref.ref[Any]] = []
        load = loading.assemble

        def full(name: str, checkpoint: Any, *rest: Any) -> Model:
            gc.collect()
            self.asked.append(checkpoint.variant)
            if sum(unet() is not None for unet in self._held) >= room:
                raise torch.OutOfMemoryError("CUDA out of memory")
            model = load(name, checkpoint, *rest)
            self._held.append(weakref.ref(model.unet))
            self.most = max(self.most, sum(unet() is not None for unet in self._held))
            return model

        monkeypatch.setattr(loading, "assemble", full)


def request(instruction: str = "a red star => a blue star") -> EditRequest:
    return EditRequest(
        algorithm="instdiffedit",
        instruction=instruction,
        image=picture(),
        parameters={"steps": 4, "inpainting_steps": 2},
    )


def result(models: Models, instruction: str = "a red star => a blue star") -> Done:
    """As the server runs it.

    An event is let go before the next one is made, for a step can draw its preview, and holds the
    network for that.
    """
    for event in edit(models, request(instruction)):
        if isinstance(event, Done):
            return event
    raise AssertionError("no result")


def test_instdiffedit_needs_room_for_one_unet(
    tiny_model: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = result(models).image
    card = Card(monkeypatch, room=1)
    small = result(load_models(tiny_model))
    assert card.most == 1
    assert set(card.asked) == {"text-to-image", "inpainting"}
    assert torch.equal(small.image, expected)


def test_with_room_for_both_each_is_loaded_once(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(monkeypatch, room=2)
    result(load_models(tiny_model))
    assert card.asked == ["text-to-image", "inpainting"]


def test_equal_autoencoders_and_text_encoders_are_held_once(tiny_model: Path) -> None:
    """The tiny variants share both, as Stable Diffusion's do."""
    models = load_models(tiny_model)
    one, other = models.get("text-to-image"), models.get("inpainting")
    assert one.vae is other.vae and one.text_encoder is other.text_encoder
    assert one.unet is not other.unet


def test_others_are_not_shared(tiny_model: Path) -> None:
    models = load_models(tiny_model)
    first = models.get("text-to-image")
    with torch.no_grad():
        first.vae.quant_conv.bias += 1
    assert models.get("inpainting").vae is not first.vae
