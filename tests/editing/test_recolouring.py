"""A change of colour on the layer's own pixels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from limn.editing import EditRequest, Models, edit
from limn.editing.diffusion import recolouring
from limn.editing.diffusion.recolouring import Recolouring
from limn.editing.events import Done
from limn.editing.frame import choose_frame

from .conftest import picture

EVERYWHERE = torch.ones(1, 1, 1, 1)


def fine(height: int, width: int) -> Tensor:
    """A picture with a pattern of single pixels on it, (1, 3, height, width)."""
    pattern = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1)) * 0.2
    return (0.8 * picture(height, width) + pattern).clamp(0, 1)


def mixed(colours: Tensor) -> Tensor:
    """An affine change of colours."""
    weights = torch.tensor([[0.1, 0.6, 0.1], [0.5, 0.2, 0.1], [0.0, 0.2, 0.6]])
    return torch.einsum("ij,njhw->nihw", weights, colours) + 0.1


def test_an_affine_change_reaches_pixels_that_the_network_never_saw() -> None:
    """Fitted at an eighth of the size, on what of the detail is left there."""
    large = fine(256, 192)
    small = F.interpolate(large, size=(64, 48), mode="area")
    change = Recolouring.between(small, mixed(small), 4, EVERYWHERE)
    off = (change.of(large) - mixed(large)).abs().mean()
    blurred = F.interpolate(mixed(small), size=(256, 192), mode="bilinear")
    assert off < 0.2 * (blurred - mixed(large)).abs().mean()


def test_no_change_is_none() -> None:
    image = fine(64, 64)
    change = Recolouring.between(image, image, 4, EVERYWHERE)
    assert (change.of(image) - image).abs().mean() < 0.01


def test_what_was_painted_beside_its_place_makes_no_colour_paler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """White dots where none were: the fit around them stays that of the other pixels."""
    image = fine(64, 64)
    wanted, painted = mixed(image), mixed(image)
    for row in range(8, 64, 16):
        painted[..., row : row + 5, row % 12 :: 16] = 1
        painted[..., row : row + 5, row % 12 + 1 :: 16] = 1

    def off() -> float:
        change = Recolouring.between(image, painted, 4, EVERYWHERE)
        return float((change.of(image) - wanted).abs().mean())

    again = off()
    monkeypatch.setattr(recolouring, "ROUNDS", 0)
    assert again < 0.4 * off()


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_a_large_latents_window_is_subsampled(factor: int) -> None:
    """The same change at every size of a latent."""
    image = picture(128, 96)
    change = Recolouring.between(image, mixed(image), factor, EVERYWHERE)
    assert change.slope.shape[2:] == (128 * 4 // factor, 96 * 4 // factor)
    assert (change.of(image) - mixed(image)).abs().mean() < 0.01


def test_it_holds_only_where_it_shall() -> None:
    image, frame = fine(64, 64), choose_frame((64, 64), None, 64, 16)
    edited = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    where = torch.zeros(1, 1, 64, 64)
    where[..., :32] = 1
    alpha = torch.ones(1, 1, 64, 64)
    alpha[..., :16, :] = 0
    change = Recolouring.between(image, edited, 4, where)
    result = frame.composite(image, edited, alpha, [change])
    assert torch.equal(result[..., :16, :], image[..., :16, :])
    assert torch.allclose(result[..., 16:, 32:], edited[..., 16:, 32:], atol=1e-6)
    assert not torch.allclose(result[..., 16:, :32], edited[..., 16:, :32], atol=0.05)


def done(models: Models, instruction: str, **parameters: str) -> Done:
    request = EditRequest(
        "foi", instruction, fine(64, 64), parameters={"steps": 3, "tau": 0.01} | parameters
    )
    last = list(edit(models, request))[-1]
    assert isinstance(last, Done)
    return last


def test_an_edit_takes_the_layers_detail_where_only_colours_change(models: Models) -> None:
    """Beside a part that paints anew, which stays the network's wherever its mask is."""
    recoloured = done(models, "make the star blue")
    painted = done(models, "make the star blue", detail="network")
    assert torch.equal(recoloured.alpha, painted.alpha)
    assert not torch.equal(recoloured.image, painted.image)
    for words in ("add a moon", "remove the star", "make the star striped, remove the moon"):
        anew = done(models, words)
        assert torch.equal(anew.image, done(models, words, detail="network").image)
    anew = done(models, "add a moon")
    assert not torch.equal(anew.image, done(models, "add a moon", detail="picture").image)
    both, network = (
        done(models, "make the star blue, add a moon", detail=detail)
        for detail in ("auto", "network")
    )
    moon = both.mask.parts[1].binary > 0
    assert torch.equal(
        both.image[moon.expand(1, 3, -1, -1)], network.image[moon.expand(1, 3, -1, -1)]
    )
