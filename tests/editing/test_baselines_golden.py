"""The baselines' plain-array functions against vectors from the authors' code."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from limn.editing.diffusion import tokens
from limn.editing.diffusion.inversion import Trajectory
from limn.editing.diffusion.sampling import Predict, Progress, classifier_free, denoise
from limn.editing.diffusion.schedule import DDIM, Schedule, Timestep
from limn.editing.methods.baselines import ddpm, diffedit, edit_friendly, masactrl, p2p

GOLDEN = Path(__file__).parent / "golden"
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def tensors(name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in load(name).items()}


def run(steps: Generator[Progress, None, object]) -> object:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


# ---------------------------------------------------------------- MasaCtrl and DiffEdit


@pytest.mark.parametrize(
    ("output", "donors"), [("out_on", (0, 0, 2, 2)), ("out_off", (0, 1, 2, 3))]
)
def test_mutual_self_attention_equals_the_authors(output: str, donors: tuple[int, ...]) -> None:
    vectors = tensors("masactrl_attn")
    query, key, value = (
        vectors[name].unflatten(0, (-1, int(vectors["heads"]))) for name in "qkv"
    )  # (row, head, position, d)
    found = masactrl.mutual_attention(query, key, value, donors).transpose(1, 2).flatten(2)
    torch.testing.assert_close(found, vectors[output], **CLOSE)


@pytest.mark.parametrize(("output", "threshold"), [("mask_035", 0.35), ("mask_030", 0.30)])
def test_diffedit_finished_mask_equals_the_authors(output: str, threshold: float) -> None:
    vectors = load("diffedit_post")
    found = diffedit.blurred(torch.from_numpy(vectors["diff"]).float()) > threshold
    np.testing.assert_array_equal(found.numpy() * 255, vectors[output])


def test_diffedit_clamps_at_three_times_the_mean() -> None:
    x = torch.tensor([[0.0, 1.0], [1.0, 14.0]])
    torch.testing.assert_close(diffedit.clamped(x), torch.tensor([[0.0, 1 / 12], [1 / 12, 1.0]]))
    assert not bool(diffedit.clamped(torch.zeros(2, 2)).any())


# ---------------------------------------------------------------- prompt-to-prompt

PAIRS = json.loads(str(load("p2p_align")["meta"]))
TIMES = json.loads(str(load("p2p_align")["time_meta"]))


def prompt_of(text: str, ids: list[int], owned: dict[str, list[int]]) -> tokens.Prompt:
    """A Prompt with the recorded ids.

    Tokens of equal share for each word that the vectors do not place.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    pieces = text.split(" ") if text else []
    spare = len(ids) - 2 - len(pieces)
    for piece in pieces:
        start = text.index(piece, at)
        places = owned.get(piece)
        count = 1 if places is None or pieces.count(piece) > 1 else len(places)
        if (
            places is None
            and spare > 0
            and sum(len(owned.get(p, [0])) for p in pieces) < len(ids) - 2
        ):
            count, spare = 1 + spare, 0
        spans += [(start, start + len(piece))] * count
        at = start + len(piece)
    padding = [ids[-1]] * (tokens.MAX_TOKENS - len(ids))
    return tokens.Prompt(text, (*ids, *padding), tuple(spans))


@pytest.mark.parametrize(
    "k", [k for k in range(len(PAIRS)) if f"p{k}_replace_mapper" in load("p2p_align")]
)
def test_replacement_equals_the_authors(k: int) -> None:
    pair = PAIRS[k]
    source = prompt_of(pair["source"], pair["source_ids"], {})
    target = prompt_of(pair["target"], pair["target_ids"], pair["words"])
    assert (
        len(source.spans) == len(pair["source_ids"]) - 2
        and len(target.spans) == len(pair["target_ids"]) - 2
    )
    np.testing.assert_allclose(
        p2p.replacement(source, target), load("p2p_align")[f"p{k}_replace_mapper"], atol=1e-6
    )


@pytest.mark.parametrize("k", range(len(TIMES)))
def test_windows_equal_the_authors(k: int) -> None:
    case = TIMES[k]
    given = case["cross_replace_steps"]
    known = next((p["words"] for p in PAIRS if p["target"] == case["target"]), {})
    settings = given if isinstance(given, dict) else {"default_": given}
    spans = {
        name: (0.0, value) if isinstance(value, int | float) else tuple(value)
        for name, value in settings.items()
    }
    default = spans.pop("default_", (0.0, 1.0))
    by_place = {place: span for name, span in spans.items() for place in known[name]}
    np.testing.assert_array_equal(
        p2p.windows(case["steps"], default, by_place), load("p2p_align")[f"t{k}_alpha"]
    )


def test_refinement_keeps_key_tokens_and_takes_the_partners_column() -> None:
    generator = torch.Generator().manual_seed(0)
    source, target = (torch.rand(2, 3, 4, generator=generator) for _ in range(2))
    mapper = torch.zeros(4, 4)
    mapper[[0, 2, 3], [0, 1, 3]] = 1  # target token 2 has no partner; 1 takes source token 2
    alphas = torch.tensor([1.0, 1.0, 0.0, 1.0])
    found = p2p.injected(source, target, mapper, alphas, torch.tensor([1.0, 1.0, 1.0, 0.0]))
    torch.testing.assert_close(
        found, torch.stack((source[..., 0], source[..., 2], target[..., 2], target[..., 3]), dim=-1)
    )


def test_local_blend_takes_the_larger_of_the_normalised_maps() -> None:
    maps = [torch.zeros(4, 4), torch.zeros(4, 4)]
    maps[0][0, 0], maps[1][3, 3] = 2.0, 0.5
    found = p2p.local_blend(maps, (8, 8))
    assert float(found[0, 0]) == 1 == float(found[7, 7]) and float(found[0, 7]) == 0
    assert (
        int((found > p2p.BLEND_AT).sum()) == 2 * 16
    )  # each peak, widened by one cell into two by two, doubled


# ---------------------------------------- a toy network: edit-friendly noise maps, direct inversion


class Toy:
    """eps = W tanh(z) + c b0 + t / 1000 b1.

    With c for nothing, the source and the target.
    """

    def __init__(self, vectors: dict[str, Tensor]) -> None:
        self._w, self._b = vectors["W"], vectors["b"]
        self.null, self.source, self.target = vectors["cond_uncond"].tolist()

    def __call__(self, z: Tensor, t: float, c: float) -> Tensor:
        mixed = torch.einsum("oc,nchw->nohw", self._w, torch.tanh(z))
        return mixed + (c * self._b[0] + t / 1000 * self._b[1])[None, :, None, None]

    def guided(self, c: float, guidance: float) -> Predict:
        def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
            return classifier_free(self(z, now.t, self.null), self(z, now.t, c), guidance)

        return predict


SCHEDULE = Schedule(torch.from_numpy(load("ddim_steps")["alphas_cumprod"]))
LADDER = SCHEDULE.ddim(50, offset=0)


def test_edit_friendly_noise_maps_reconstruction_and_edit_equal_the_authors() -> None:
    vectors = tensors("edit_friendly_toy")
    toy = Toy(vectors)
    chain = vectors["xts_sampled"].flip(0)  # theirs begins with x_0
    source_guidance, target_guidance = vectors["cfg"].tolist()
    recorded = run(edit_friendly.extracted(chain, LADDER, toy.guided(toy.source, source_guidance)))
    assert isinstance(recorded, ddpm.Recorded)
    torch.testing.assert_close(
        recorded.maps.flip(0)[vectors["zs_index"]], vectors["zs"], rtol=1e-3, atol=1e-4
    )

    late = LADDER[int(vectors["skip"]) :]
    replay = ddpm.Replay(recorded, edit_friendly.ETA)
    again = run(
        denoise(recorded.at(late[0]), late, replay, toy.guided(toy.source, source_guidance))
    )
    torch.testing.assert_close(again, vectors["reconstruction"], rtol=1e-3, atol=1e-4)
    edited = run(
        denoise(recorded.at(late[0]), late, replay, toy.guided(toy.target, target_guidance))
    )
    torch.testing.assert_close(edited, vectors["edit"], rtol=1e-3, atol=1e-4)


def test_independent_latents_have_the_noise_of_their_moments() -> None:
    z0 = torch.full((1, 4, 32, 32), 0.5)
    chain = edit_friendly.independent(z0, LADDER, torch.Generator().manual_seed(0))
    assert torch.equal(chain[-1:], z0) and len(chain) == 51
    for timestep in (LADDER[0], LADDER[25], LADDER[49]):
        rest = chain[timestep.index] - timestep.alpha_bar**0.5 * z0[0]
        assert float(rest.std()) == pytest.approx(float((1 - timestep.alpha_bar) ** 0.5), rel=0.05)


def test_recorded_noise_brings_the_chain_back_exactly_under_the_same_predictions() -> None:
    vectors = tensors("edit_friendly_toy")
    toy = Toy(vectors)
    predict = toy.guided(toy.source, 1.0)
    chain = vectors["xts_sampled"].flip(0)
    ladder = SCHEDULE.ddim(50)  # with offset 1 the last step has noise, too
    recorded = run(ddpm.record(chain, ladder, predict, 1.0))
    assert isinstance(recorded, ddpm.Recorded)
    back = run(denoise(chain[:1], ladder, ddpm.Replay(recorded, 1.0), predict))
    torch.testing.assert_close(back, chain[-1:], rtol=1e-3, atol=1e-3)


def test_direct_inversion_equals_the_authors_and_their_corrections_are_a_reset() -> None:
    vectors = tensors("direct_inversion_toy")
    toy = Toy(vectors)

    def predict(z: Tensor, now: Timestep, noisier: Timestep) -> Tensor:
        return toy(z, noisier.t, toy.source)

    kept = [vectors["z0"]] + [
        progress.latents for progress in denoise(vectors["z0"], LADDER[::-1], DDIM(), predict)
    ]
    trajectory = Trajectory(torch.cat(kept[::-1]))
    found = torch.cat([kept[int(i)] for i in vectors["trajectory_index"]])
    torch.testing.assert_close(found, vectors["trajectory"], rtol=1e-3, atol=1e-4)

    guidance = float(vectors["guidance"])
    z = trajectory.noisiest
    wanted = {
        int(i): offset
        for i, offset in zip(vectors["offset_index"], vectors["offset_source"], strict=True)
    }
    for i in range(50):
        now, next = LADDER[i], LADDER[i + 1]
        stepped = DDIM().step(z, toy.guided(toy.source, guidance)(z, now, next), now, next)
        z = trajectory.at(next)
        if i in wanted:
            torch.testing.assert_close((z - stepped)[0], wanted[i], rtol=1e-3, atol=1e-4)
    assert torch.equal(z, vectors["z0"])
