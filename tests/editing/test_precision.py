"""What the UNet computes in: asked for, or chosen by what this machine multiplies."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from limn.editing import EditError, EditRequest, Models, edit, load_models
from limn.editing.diffusion import loading, precision
from limn.editing.events import Done

from .conftest import picture

SD15 = 859_520_964
"""Numbers in Stable Diffusion 1.5's UNet."""

CPU, CARD = torch.device("cpu"), torch.device("cuda")


def has(monkeypatch: pytest.MonkeyPatch, **flags: bool) -> None:
    """A CPU of which torch tells this."""
    told = MappingProxyType({"architecture": "x86_64", "avx512_f": True, **flags})
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)


@pytest.mark.parametrize("flag", ["amx_bf16", "avx512_bf16", "bf16"])
def test_a_cpu_that_multiplies_bfloat16_does_so_at_full_size(
    monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    has(monkeypatch, **{flag: True})
    assert precision.usual(CPU, SD15) == torch.bfloat16
    assert precision.usual(CPU, 9_000_000) == torch.float32
    assert precision.usual(CARD, SD15) == torch.float16
    has(monkeypatch, **{flag: False})
    assert precision.usual(CPU, SD15) == torch.float32


def test_a_torch_that_cannot_tell_counts_as_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision.usual(CPU, SD15) == torch.float32


@pytest.mark.parametrize(
    ("name", "device", "says"),
    [
        ("half", "cuda", "Choose one of auto, float32, float16, bfloat16"),
        ("float16", "cpu", "A CPU does not compute in float16"),
    ],
)
def test_what_is_not_to_be_had_is_said(name: str, device: str, says: str) -> None:
    with pytest.raises(EditError, match=says):
        precision.named(name, device)
    assert precision.named("auto", device) is None
    assert precision.named("bfloat16", device) == torch.bfloat16


def test_the_size_of_the_unet_decides(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, models: Models
) -> None:
    """The numbers are counted in the files' headers."""
    has(monkeypatch, amx_bf16=True)
    count = sum(value.numel() for value in models.get("text-to-image").unet.parameters())
    for size, dtype in ((count, torch.bfloat16), (count + 1, torch.float32)):
        monkeypatch.setattr(precision, "FULL_SIZE", size)
        assert loading.load_models(tiny_model).dtype == dtype


def test_an_edit_in_bfloat16_is_nearly_the_same(tiny_model: Path, models: Models) -> None:
    request = EditRequest("foi", "make the star blue", picture(), parameters={"steps": 2})
    narrow = load_models(tiny_model, dtype=torch.bfloat16)
    first, second = (
        next(event for event in edit(one, request) if isinstance(event, Done))
        for one in (models, narrow)
    )
    assert narrow.get("instruction").unet.dtype == torch.bfloat16
    assert first.image.dtype == second.image.dtype == torch.float32
    assert float((first.image - second.image).abs().mean()) < 0.01
    assert not torch.equal(first.image, second.image)


def test_tas_computes_in_float32_where_bfloat16_is_only_usual(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures are in precision.py. A precision that was asked for stays."""
    monkeypatch.setattr(precision, "FULL_SIZE", 0)
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    few: dict[str, dict[str, int]] = {
        "tas": {"steps": 2, "optimisation_steps": 1},
        "adapedit": {"steps": 2},
    }

    def computed_in(models: Models, algorithm: str) -> torch.dtype:
        picture = torch.rand(1, 3, 64, 64)
        for _ in edit(
            models, EditRequest(algorithm, "a star => a cup", picture, parameters=few[algorithm])
        ):
            pass
        return models.get("text-to-image").unet.dtype

    models = load_models(tiny_model)
    assert computed_in(models, "adapedit") == torch.bfloat16
    assert computed_in(models, "tas") == torch.float32
    assert computed_in(models, "adapedit") == torch.bfloat16
    assert computed_in(load_models(tiny_model, dtype=torch.bfloat16), "tas") == torch.bfloat16
