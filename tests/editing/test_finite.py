"""Numbers that are not finite.

Computed again in float32, remembered, or an error; never a pixel.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from limn import editing
from limn.editing.diffusion import finite
from limn.editing.diffusion.finite import is_finite


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model of an earlier test is known to need float32."""
    monkeypatch.setattr(finite, "_WIDE", set())


def too_large_for_half(network: torch.nn.Module, first: str, second: str) -> None:
    """Two neighbouring layers whose product stays.

    The value between them is beyond 65,504.
    """
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, factor in ((first, 3e4), (second, 1 / 3e4)):
            parameters[f"{name}.weight"].mul_(factor)
            if factor > 1:
                parameters[f"{name}.bias"].mul_(factor)


def half(models: editing.Models, variant: str, part: str) -> torch.nn.Module:
    """A part of a loaded model in half precision.

    The CPU computes it slowly, but computes.
    """
    network: torch.nn.Module = getattr(models.get(variant), part)
    return network.half()


def request(algorithm: str = "ip2p", **parameters: float) -> editing.EditRequest:
    image = torch.rand((1, 3, 48, 64), generator=torch.Generator().manual_seed(0))
    return editing.EditRequest(
        algorithm, "make the square blue", image, parameters={"steps": 3, **parameters}
    )


def done(models: editing.Models, asked: editing.EditRequest) -> editing.events.Done:
    (end,) = (e for e in editing.edit(models, asked) if isinstance(e, editing.events.Done))
    return end


@pytest.mark.parametrize("x", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_is_finite(x: float, kind: torch.dtype) -> None:
    numbers = torch.zeros((2, 3), dtype=kind)
    assert is_finite(numbers) and is_finite(numbers[:0])
    numbers[1, 2] = x
    assert not is_finite(numbers)


def test_an_autoencoder_beyond_half_precision_is_computed_again(tiny_model: Path) -> None:
    latents = torch.ones((1, 4, 12, 16))
    wanted = editing.load_models(tiny_model / "instruction").get("instruction").decode(latents)
    models = editing.load_models(tiny_model / "instruction")
    models.dtype = torch.float16  # which load_models leaves to GPUs
    model = models.get("instruction")
    too_large_for_half(model.vae, "post_quant_conv", "decoder.conv_in")
    raw: Tensor = model.vae.decode(latents.half() / model.scaling).sample
    assert not is_finite(raw), "the weights overflow in half precision"
    assert torch.allclose(model.decode(latents), wanted, atol=0.05)
    assert model.vae.dtype == torch.float32

    models.unload()
    again = models.get("instruction")
    assert again.vae.dtype == torch.float32, "remembered"
    assert again.unet.dtype == torch.float16


def test_infinite_weights_are_an_error_in_half_precision_too(tiny_model: Path) -> None:
    models = editing.load_models(tiny_model / "instruction")
    unet = half(models, "instruction", "unet")
    with torch.no_grad():
        next(unet.parameters()).mul_(1e7)
    with pytest.raises(editing.NotFinite):
        done(models, request("foi"))


def test_a_unet_beyond_half_precision_begins_again(tiny_model: Path) -> None:
    models = editing.load_models(tiny_model / "instruction")
    wide = done(models, request("foi")).image
    unet = half(models, "instruction", "unet")
    seen: list[torch.dtype] = []

    def overflow(_: object, inputs: object, output: Tensor) -> Tensor:
        seen.append(output.dtype)
        return output * 1e6 / 1e6  # infinite in half precision, the same number in float32

    handle = unet.get_submodule("conv_in").register_forward_hook(overflow)
    end = done(models, request("foi"))
    handle.remove()
    assert seen[0] == torch.float16 and seen[-1] == torch.float32
    assert models.get("instruction").unet.dtype == torch.float32
    assert any("float32" in warning for warning in end.report.warnings)
    assert (end.image - wide).abs().mean() < 0.02, "the same edit as in float32 from the start"


@pytest.mark.parametrize("part", ["vae", "unet", "text_encoder"])
@pytest.mark.parametrize("algorithm", ["foi", "ip2p"])
def test_damaged_weights_are_an_error(tiny_model: Path, part: str, algorithm: str) -> None:
    models = editing.load_models(tiny_model / "instruction")
    with torch.no_grad():
        next(getattr(models.get("instruction"), part).parameters()).fill_(float("nan"))
    with pytest.raises(editing.NotFinite) as error:
        done(models, request(algorithm))
    assert error.value.code == "not-finite" and finite.NAMES[part] in error.value.sentence
