"""Where TAS has changed something: Otsu's threshold, closing, a guide."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limn.editing.methods import changed


def test_otsu_parts_two_classes() -> None:
    x = torch.cat((torch.full((70,), 0.15), torch.full((30,), 0.8)))
    assert 0.15 < changed.otsu(x) <= 0.8
    generator = torch.Generator().manual_seed(0)
    hills = torch.cat(
        (
            0.2 + 0.05 * torch.randn(5000, generator=generator),
            0.7 + 0.05 * torch.randn(1000, generator=generator),
        )
    )
    assert changed.otsu(hills.clamp(0, 1)) == pytest.approx(0.45, abs=0.07)


@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_otsu_minimises_the_spread_within_the_classes(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.cat(
        (
            torch.rand(int(400 * share), generator=generator) ** 2,
            1 - torch.rand(400 - int(400 * share), generator=generator) ** 3,
        )
    )
    x = (
        (x * 256).floor().clamp(max=255) + 0.5
    ) / 256  # on the bins, so that the threshold's choice is exact

    def within(t: float) -> float:
        return sum(
            float((part - part.mean()).square().sum())
            for part in (x[x < t], x[x >= t])
            if len(part)
        )

    best = min(within(t / 256) for t in range(257))
    assert within(changed.otsu(x)) <= best * (1 + 1e-4) + 1e-5


def moved_square(size: int = 100) -> tuple[Tensor, Tensor]:
    """A dark square on grey, and the same square somewhere else."""
    before = torch.full((1, 3, size, size), 0.5)
    after = before.clone()
    before[..., 20:40, 20:40] = 0.1
    after[..., 60:80, 60:80] = 0.1
    return before, after


def test_the_mask_covers_where_a_thing_was_and_where_it_is() -> None:
    before, after = moved_square()
    noise = 0.01 * torch.randn(before.shape, generator=torch.Generator().manual_seed(0))
    found = changed.changed(after + noise, before)
    mask = (found.soft >= found.threshold)[0, 0]
    exact = (before != after).any(1)[0]
    assert float((mask & exact).sum() / (mask | exact).sum()) > 0.85
    assert 0.1 <= found.threshold <= 0.5


def test_closing_the_soft_map_is_closing_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    from limn.editing.diffusion.masks import grow

    soft = torch.rand(1, 1, 100, 100, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(changed, "difference", lambda *_: soft)
    found = changed.changed(torch.zeros(1, 3, 100, 100), torch.zeros(1, 3, 100, 100))
    binary = (soft >= found.threshold).float()
    closed = 1 - grow(1 - grow(binary, 1), 1)
    assert torch.equal(closed, (found.soft >= found.threshold).float())
    assert closed.sum() > binary.sum()


def test_no_visible_difference_is_no_mask() -> None:
    before, _ = moved_square()
    found = changed.changed(before + 0.0002, before)
    assert not bool((found.soft >= found.threshold).any())


def test_a_guide_weakens_the_mask_outside() -> None:
    before, after = moved_square()
    hint = torch.zeros(1, 1, 100, 100)
    hint[..., :50, :50] = 1
    free, guided = changed.difference(after, before), changed.difference(after, before, hint)
    torch.testing.assert_close(guided[..., :50, :50], free[..., :50, :50])
    torch.testing.assert_close(guided[..., 50:, 50:], 0.3 * free[..., 50:, 50:])
