"""AdapEdit's equations, against independent vectors.

Self-checks A4 to A6."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.model import Model, Tally
from limn.editing.language import alignment
from limn.editing.methods import adapedit as ae
from limn.editing.methods.prompt_pair import Survey, pair

SOURCE, TARGET = "a standing person on a red background", "a sitting person on a red background"


GOLDEN = Path(__file__).parent / "golden"


SPEC = np.load(GOLDEN / "spec_adapedit.npz", allow_pickle=False)


INPUTS = np.load(GOLDEN / "adapedit_inputs.npz", allow_pickle=False)


META = json.loads(str(INPUTS["meta"]))


@pytest.fixture(scope="module")
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


def close(actual: Tensor | float, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", range(len(META)))
@pytest.mark.parametrize("setting", "abc")
def test_closeness_windows_and_places_equal_the_vectors(k: int, setting: str) -> None:
    maps, features = (
        torch.from_numpy(INPUTS[f"f{k}_{name}"].astype(np.float32)) for name in ("attn32", "feat")
    )
    alpha_m, lambda_tau, lambda_sv = SPEC[f"f{k}{setting}_params"].tolist()
    key_places = META[k]["key_positions"]
    used = len(META[k]["tokens"])
    embedded = ae.embeddings(maps, features, alpha_m)
    key = ae.key_embedding(embedded, key_places)
    closeness = embedded @ key
    tau = ae.windows(closeness, key_places, lambda_tau)
    close(closeness[:used], SPEC[f"f{k}{setting}_A"])
    close(tau[:used], SPEC[f"f{k}{setting}_tau"])
    close(ae.default_window(tau, range(1, used - 1)), SPEC[f"f{k}{setting}_default"])
    close(ae.spatial(ae.closeness_of_places(features, key), lambda_sv), SPEC[f"f{k}{setting}_S"])


@pytest.mark.parametrize(
    ("name", "lambda_s"), [("blend_0", 0.0), ("blend_90", 0.9), ("blend_100", 1.0)]
)
def test_eq_8_equals_the_vectors(name: str, lambda_s: float) -> None:
    source, target, s = (
        torch.from_numpy(SPEC[f"blend_{part}"]) for part in ("source", "target", "S")
    )
    close(ae.combine(source, target, s, lambda_s), SPEC[name])


def test_tau_falls_as_closeness_rises() -> None:
    closeness = torch.linspace(-1, 1, 20)
    for form in ("paper", "released"):
        tau = ae.windows(closeness, (), 0.5, form)
        assert bool((tau.diff() <= 0).all()) and tau[-1] == 0
    assert float(ae.windows(closeness, (3,), 1.0)[3]) == 0
    near = torch.tensor([0.99])  # the two forms agree to first order
    assert float(ae.windows(near, (), 1) - ae.windows(near, (), 1, "released")) == pytest.approx(
        0, abs=2e-4
    )


def test_constant_features_bring_everything_close() -> None:
    maps = torch.rand(16, 9, generator=torch.Generator().manual_seed(1))
    features = torch.ones(16, 5)
    embedded = ae.embeddings(maps, features, 0.03)
    key = ae.key_embedding(embedded, (2, 4))
    torch.testing.assert_close(embedded @ key, torch.ones(9))
    torch.testing.assert_close(
        ae.windows(embedded @ key, (), 1.0), torch.zeros(9), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        ae.spatial(ae.closeness_of_places(features, key), 0.8), torch.full((16,), 0.8)
    )


def test_a_token_below_the_threshold_falls_back_to_half_its_maximum() -> None:
    maps = torch.tensor([[0.5, 0.010], [0.2, 0.004], [0.01, 0.006]])
    kept = ae.weights(maps, 0.03)
    torch.testing.assert_close(kept[:, 0], torch.tensor([0.5, 0.2, 0.0]) / 0.7)
    torch.testing.assert_close(kept[:, 1], torch.tensor([0.010, 0.0, 0.006]) / 0.016)
    assert bool(ae.weights(torch.zeros(3, 2), 0.03).isfinite().all())


def test_a_deletion_takes_prompt_to_prompts_windows_and_the_removed_words_map(model: Model) -> None:
    couple = pair(model, "a red cat", "a cat")
    maps = torch.rand(77, 8, 6, generator=torch.Generator().manual_seed(2))
    found = ae.guide(couple, Survey(maps, torch.zeros(48, 3)), ae.Settings(), 1.0)
    torch.testing.assert_close(found.tau, torch.full((77,), 0.8))
    assert found.self_window == 0.4 and found.key is None
    torch.testing.assert_close(
        found.closeness, (maps[2] - maps[2].min()) / (maps[2].max() - maps[2].min())
    )


@torch.no_grad()
def test_start_end_and_padding_take_the_default_window(model: Model) -> None:
    couple = pair(model, SOURCE, TARGET)
    generator = torch.Generator().manual_seed(4)
    seen = Survey(
        torch.rand(77, 8, 6, generator=generator), torch.randn(48, 5, generator=generator)
    )
    found = ae.guide(couple, seen, ae.Settings(), 1.0)
    content = list(couple.target.content)
    assert float(found.tau[2]) == 0 and found.self_window == ae.default_window(found.tau, content)
    others = [place for place in range(77) if place not in content]
    torch.testing.assert_close(found.tau[others], torch.full((len(others),), found.self_window))


def test_default_window() -> None:
    assert ae.default_window(torch.tensor([0.5, 0.05, 0.2, 0.0, 0.5]), (1, 2, 3)) == pytest.approx(
        0.8 - 2 / 3
    )
    assert ae.default_window(torch.zeros(5), (1, 2)) == 0.0  # never negative
    assert ae.default_window(torch.ones(5), ()) == 0.8


@given(
    st.lists(st.integers(1, 4), max_size=5),
    st.lists(st.integers(1, 4), max_size=5),
    st.floats(0, 1),
    st.integers(0, 99),
)
@settings(deadline=None)
def test_rows_sum_to_one(left: list[int], right: list[int], lambda_s: float, seed: int) -> None:
    """Substitution, insertion and deletion, any of them together."""
    generator = torch.Generator().manual_seed(seed)
    source, target = (torch.rand(3, 6, 12, generator=generator).softmax(-1) for _ in range(2))
    again = source @ alignment.reindexing([8, *left, 9], [8, *right, 9], places=12)
    s = torch.rand(6, generator=generator)
    torch.testing.assert_close(again.sum(-1), torch.ones(3, 6))
    torch.testing.assert_close(ae.combine(again, target, s, lambda_s).sum(-1), torch.ones(3, 6))


def test_without_spatial_weighting_it_is_prompt_to_prompts_refinement() -> None:
    """lambda_S = S = 1.

    The authors' refinement with per-word windows, on the columns from start to end token.
    """
    a, b = (
        [49406, 320, 786, 2862, 525, 518, 5922, 49407],
        [49406, 320, 786, 4919, 525, 518, 5922, 267, 5050, 49407],
    )
    generator = torch.Generator().manual_seed(3)
    source, target = (torch.randn(4, 9, 77, generator=generator).softmax(-1) for _ in range(2))
    mapper, alphas = (torch.from_numpy(x) for x in alignment.refinement(a, b))
    keeps = torch.rand(77, generator=generator) < 0.5
    keeps[list(alignment.key_places(alignment.align(a, b)))] = False
    refined = source[..., mapper] * alphas + target * (1 - alphas)
    expected = refined * keeps + target * ~keeps
    ours = ae.injected(
        again := source @ alignment.reindexing(a, b),
        ae.combine(again, target, torch.ones(9), 1.0),
        keeps,
    )
    torch.testing.assert_close(ours[..., : len(b)], expected[..., : len(b)], atol=1e-6, rtol=0)
