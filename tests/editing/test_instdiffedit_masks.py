"""The mask of InstDiffEdit, from the attention of its words.

Self-checks I1, I3 and I4, the hints, and maps without a shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.attention import Attention, AverageMap, Rows, Site
from limn.editing.diffusion.tokens import read
from limn.editing.methods import instdiffedit

from .instdiffedit_edits import maps_of

GOLDEN = Path(__file__).parent / "golden"


def iou(a: Tensor, b: Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("k", range(4))
def test_the_finished_mask_equals_the_authors(k: int) -> None:
    golden = np.load(GOLDEN / "instdiffedit_post.npz")
    for tenths in (1, 2, 3):
        soft, mask = instdiffedit.finish(torch.from_numpy(golden[f"p{k}_in"]), tenths / 10)
        theirs = torch.from_numpy(golden[f"p{k}_th{tenths}_mask"]) > 0
        expected = torch.from_numpy(golden[f"p{k}_soft"]) / 255
        torch.testing.assert_close(
            soft, expected, rtol=0, atol=2.01 / 255
        )  # theirs is rounded to 8 bits on the way
        near = (expected - tenths / 10).abs() <= 2.01 / 255
        assert torch.equal(mask[~near], theirs[~near])
        assert iou(mask, theirs) >= 0.988


def test_the_running_mean_equals_the_authors() -> None:
    """Their per-step store over batch 3 and 8 heads.

    Level 2 of a 64 x 64 latent, without mid block and 8 x 8.
    """
    golden = np.load(GOLDEN / "instdiffedit_aggregate.npz", allow_pickle=False)
    seeds = json.loads(str(golden["seeds"]))
    reader = AverageMap("text")
    step = len(seeds) // 2
    for number in (1, 2):
        for seed, place, pixels in seeds[(number - 1) * step : number * step]:
            if place == "mid" or pixels != 256:
                continue
            logits = torch.from_numpy(
                np.random.default_rng(seed).standard_normal((48, pixels, 77)).astype(np.float32)
            )
            text = logits[24:].unflatten(
                0, (3, 8)
            )  # (sample, head, position, token); the first half is the empty text's
            keys = torch.eye(77).expand(3, 8, 77, 77)
            site = Site("", "cross", place, 2, 8)
            reader(
                Attention(
                    site,
                    Rows(("text",), 3),
                    (16, 16),
                    torch.zeros(3, 256, 1),
                    text * 77**0.5,
                    keys,
                    torch.zeros(3, 8, 77, 4),
                )
            )
        expected = torch.from_numpy(golden[f"agg_after_step{number}"]).permute(2, 0, 1)
        torch.testing.assert_close(reader.value[:12], expected, rtol=1e-4, atol=1e-5)


def blob(y: float, x: float, size: int = 16) -> Tensor:
    """A round hill of height 1."""
    line = torch.arange(size) + 0.5
    return torch.exp(-(((line - y) ** 2)[:, None] + (line - x) ** 2) / 18)


def test_the_position_vector_has_its_index_word_and_leaves_start_and_end_out() -> None:
    here, there = blob(5, 5), blob(12, 12)
    images = torch.stack([here, there, here, 0.7 * here, 0.55 * here + 0.6 * there, there])
    p = instdiffedit.position(images)
    assert p.tolist() == [0, -1, 1, 1, 0, 0]
    assert instdiffedit.index_word(images) in (2, 3)


@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0, 1), st.floats(0, 1))
def test_whatever_the_images(seed: int, count: int, gamma_1: float, gamma_2: float) -> None:
    images = torch.rand(count + 2, 6, 9, generator=torch.Generator().manual_seed(seed))
    p = instdiffedit.position(images, gamma_1, gamma_2)
    assert p[0] == 0 and p[-1] == 0
    assert p[instdiffedit.index_word(images)] == 1
    assert set(p.tolist()) <= {-1, 0, 1}


def test_the_thresholds_themselves_count() -> None:
    """Eq. 8 with >= and <=, as the authors' code has it.

    0.6 and 0.8 are the cosines of a (3, 4, 5) triangle.
    """
    index = torch.tensor([[1.0, 0.0]])
    other = torch.tensor([[0.6, 0.8]])
    images = torch.stack([index, index, other, index])
    assert instdiffedit.position(images, 0.9, 0.6000001).tolist() == [0, 1, -1, 0]
    assert instdiffedit.position(images, 0.5999999, 0.1).tolist() == [0, 1, 1, 0]


def test_refinement_is_a_difference_of_two_ranges_or_the_first_alone() -> None:
    a, b, c = blob(5, 5), blob(6, 6), blob(12, 12)
    images = torch.stack([c, a, b, c, c])
    both = (a + b) / 2
    both = (both - both.min()) / (both.max() - both.min())
    away = (c - c.min()) / (c.max() - c.min())
    torch.testing.assert_close(
        instdiffedit.refine(images, torch.tensor([0, 1, 1, -1, 0])), (both - away).clamp(min=0)
    )
    torch.testing.assert_close(instdiffedit.refine(images, torch.tensor([0, 1, 1, 0, 0])), both)


@torch.no_grad()
def test_word_images_invert_the_start_and_average_a_words_tokens(models: Models) -> None:
    model = models.get("text-to-image")
    text = "a raccoon , red"
    prompt = read(model.tokenizer, text)
    places = [w.positions for w in prompt.words]
    assert len(places) == 4
    assert len(places[1]) > 1  # a word of several tokens
    maps = maps_of(model, text, (5, 7))
    images = instdiffedit.word_images(maps, prompt, (10, 14))
    assert images.shape == (6, 10, 14)
    torch.testing.assert_close(images.amin((1, 2)), torch.zeros(6))
    torch.testing.assert_close(images.amax((1, 2)), torch.ones(6))
    plain = instdiffedit.word_images(maps, prompt, (5, 7))  # no resizing
    for image, group in zip(plain[1:], (*places, (prompt.end,)), strict=True):
        mean = maps[list(group)].mean(0)
        torch.testing.assert_close(
            image, (mean - mean.min()) / (mean.max() - mean.min()), rtol=1e-4, atol=1e-5
        )
    torch.testing.assert_close(
        plain[0], (maps[0].max() - maps[0]) / (maps[0].max() - maps[0].min()), rtol=1e-4, atol=1e-5
    )
    upright = instdiffedit.word_images(
        maps, prompt, (5, 7), inverted=False
    )  # the paper's start map
    torch.testing.assert_close(upright[0], 1 - plain[0])
    torch.testing.assert_close(upright[1:], plain[1:])


@torch.no_grad()
@pytest.mark.parametrize("factor", [1e-3, 0.5, 40.0])
def test_a_words_attention_times_a_constant_changes_no_mask(models: Models, factor: float) -> None:
    model = models.get("text-to-image")
    prompt = read(model.tokenizer, "a red star on a hat")
    maps = maps_of(model, prompt.text)

    def mask(maps: Tensor) -> Tensor:
        images = instdiffedit.word_images(maps, prompt, (16, 16))
        return instdiffedit.region(images, instdiffedit.position(images), "", 0.2, None, None).mask

    before = mask(maps)
    assert 0 < before.sum() < before.numel()
    for place in range(len(prompt.used)):
        scaled = maps.clone()
        scaled[place] *= factor
        assert iou(mask(scaled), before) > 0.99  # rounding may move a cell at the very threshold


def test_enlarging_is_pillows_bicubic() -> None:
    from PIL import Image

    small = torch.rand(8, 9, generator=torch.Generator().manual_seed(3))
    theirs = Image.fromarray(small.numpy(), mode="F").resize((36, 32), Image.Resampling.BICUBIC)
    torch.testing.assert_close(
        instdiffedit.enlarge(small[None], (32, 36))[0],
        torch.from_numpy(np.array(theirs)).clamp(0, 1),
    )


def corner(size: int = 16) -> Tensor:
    hint = torch.zeros(size, size)
    hint[: size // 2, : size // 2] = 1
    return hint


def test_a_map_without_shape_yields_the_hint_or_everything() -> None:
    flat = torch.full((4, 16, 16), 0.4)
    p = instdiffedit.position(flat)
    assert bool(instdiffedit.region(flat, p, "", 0.2, None, None).mask.all())
    for guide, limit in ((corner(), None), (None, corner())):
        where = instdiffedit.region(flat, p, "", 0.2, guide, limit)
        assert torch.equal(where.mask, corner() > 0)
        assert not where.known


def test_guide_is_a_prior_and_limit_a_wall() -> None:
    two = torch.stack([blob(4, 4) + blob(12, 12)] * 3)
    p = torch.tensor([0, 1, 0])

    def mask(image: Tensor, guide: Tensor | None, limit: Tensor | None, phi: float = 0.5) -> Tensor:
        return instdiffedit.region(image, p, "", phi, guide, limit).mask

    assert bool(mask(two, None, None)[12, 12])
    assert bool(mask(two, corner(), None)[4, 4])
    assert not bool(mask(two, corner(), None)[12, 12])
    beyond = torch.stack([blob(12, 12)] * 3)
    assert bool(mask(beyond, corner(), None)[12, 12])  # a prior may be exceeded
    assert not bool((mask(two, None, corner()) & (corner() == 0)).any())
    assert torch.equal(mask(beyond, None, corner()), corner() > 0)  # nothing left: the hint itself
