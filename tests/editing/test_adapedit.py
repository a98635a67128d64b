"""AdapEdit.

Its equations against vectors, its limits on a real network (checks A1 to A6), its counts, hints and
what is kept.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.diffusion import tokens
from limn.editing.diffusion.attention import Attention, Tap, Taps
from limn.editing.diffusion.inversion import Trajectory
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.sampling import classifier_free, denoise
from limn.editing.diffusion.schedule import DDIM, Timestep, randn
from limn.editing.events import Done, Event, Mask
from limn.editing.language import alignment
from limn.editing.methods import adapedit as ae
from limn.editing.methods import adapedit_places as places
from limn.editing.methods import source_attention
from limn.editing.methods.prompt_pair import Pair, Survey, by_level, coarser, fine_sites, pair
from limn.editing.methods.source_attention import SourceAttention

from .conftest import Memory, drain, picture, watch

GOLDEN = Path(__file__).parent / "golden"
SPEC = np.load(GOLDEN / "spec_adapedit.npz", allow_pickle=False)
INPUTS = np.load(GOLDEN / "adapedit_inputs.npz", allow_pickle=False)
META = json.loads(str(INPUTS["meta"]))
SOURCE, TARGET = "a standing person on a red background", "a sitting person on a red background"


def close(actual: Tensor | float, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- equations


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


# ---------------------------------------------------------------- on a network


@pytest.fixture(scope="module")
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


@pytest.fixture
def start() -> Tensor:
    return randn((1, 4, 16, 12), torch.Generator().manual_seed(5), "cpu")


def branches(model: Model, source: str, target: str) -> dict[str, Branch]:
    return {
        name: Branch(name, model.embed(text))
        for name, text in (("null", ""), ("source", source), ("target", target))
    }


def guided(model: Model, z: Tensor, now: Timestep, texts: dict[str, Branch], held: Taps) -> Tensor:
    """The guided noise of a generated image's source and target, (2, 4, h, w).

    Both are sampled, 4 rows.
    """
    rows = {
        "null source": texts["null"],
        "null target": texts["null"],
        "source": texts["source"],
        "target": texts["target"],
    }
    latents = {name: z[:1] if "source" in name else z[1:] for name in rows}
    eps = model.predict(
        latents, now.t, [Branch(name, branch.text) for name, branch in rows.items()], held
    )
    return torch.cat(
        [classifier_free(eps[f"null {name}"], eps[name], 7.5) for name in ("source", "target")]
    )


def walk(
    model: Model,
    z: Tensor,
    couple: Pair,
    texts: dict[str, Branch],
    found: ae.Guidance,
    s: Tensor,
    lambda_s: float,
) -> Tensor:
    """The edit of a generated image.

    Source and target from the same latents, nothing pinned.
    """
    steps = 4
    timesteps = model.schedule.ddim(steps)
    at = by_level(s, (z.shape[2], z.shape[3]))

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        held = ae.taps(model, couple, found, now.index, steps, at, lambda_s)
        return guided(model, z, now, texts, dict(held))

    return drain(denoise(torch.cat((z, z)), timesteps, DDIM(), predict))[1]  # type: ignore[no-any-return]


def constant(tau: float, size: tuple[int, int] = (8, 6)) -> ae.Guidance:
    return ae.Guidance(torch.full((77,), tau), tau, torch.ones(size), torch.ones(3))


@pytest.mark.parametrize("lambda_s", [0.0, 0.9])
def test_a_target_that_is_the_source_gives_the_source(
    model: Model, start: Tensor, lambda_s: float
) -> None:
    texts = branches(model, SOURCE, SOURCE)
    prompt = tokens.read(model.tokenizer, SOURCE, model.max_tokens)
    same = Pair(
        prompt,
        prompt,
        alignment.reindexing(prompt.used, prompt.used, model.max_tokens),
        (2,),
        (2,),
        (),
    )
    source, target = walk(model, start, same, texts, constant(0.4), torch.rand(16, 12), lambda_s)
    torch.testing.assert_close(target, source, atol=1e-5, rtol=1e-4)


def test_without_guidance_in_time_and_space_it_is_plain_sampling(
    model: Model, start: Tensor
) -> None:
    texts = branches(model, SOURCE, TARGET)
    _, target = walk(
        model, start, pair(model, SOURCE, TARGET), texts, constant(0.0), torch.ones(16, 12), 1.0
    )

    def predict(z: Tensor, now: object, _: object) -> Tensor:
        eps = model.predict(z, now.t, [texts["null"], texts["target"]])  # type: ignore[attr-defined]
        return classifier_free(eps["null"], eps["target"], 7.5)

    _, plain = drain(denoise(start, model.schedule.ddim(4), DDIM(), predict))
    torch.testing.assert_close(target, plain[0], atol=1e-3, rtol=1e-3)
    other, _ = walk(
        model, start, pair(model, SOURCE, TARGET), texts, constant(0.9), torch.ones(16, 12), 0.5
    )
    assert not torch.allclose(target, other, atol=1e-3)


@pytest.mark.parametrize("tau", [0.0, 0.6])
def test_without_lambda_s_the_targets_maps_are_the_sources_at_every_step(
    model: Model, start: Tensor, tau: float
) -> None:
    """The maps, not the image: values come from the target's text."""
    couple = pair(model, SOURCE, TARGET)
    texts = branches(model, SOURCE, TARGET)
    seen: list[tuple[Tensor, Tensor]] = []

    def spying(inner: Tap) -> Tap:
        def tap(a: Attention) -> Tensor:
            output = inner(a)
            expected = a.probabilities("source") @ couple.reindex @ a.value[a.rows.of("target")]
            seen.append((output[a.rows.of("target")], expected))
            return output

        return tap

    timesteps = model.schedule.ddim(3)
    at = by_level(torch.rand(16, 12), (16, 12))

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        held = ae.taps(model, couple, constant(tau), now.index, 3, at, 0.0)
        return guided(
            model,
            z,
            now,
            texts,
            {site: spying(tap) if site.kind == "cross" else tap for site, tap in held.items()},
        )

    drain(denoise(torch.cat((start, start)), timesteps, DDIM(), predict))
    assert len(seen) == 3 * len(model.sites.at("cross"))
    for output, expected in seen:
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


def test_only_the_targets_conditional_branch_is_changed(model: Model, start: Tensor) -> None:
    couple = pair(model, SOURCE, TARGET)
    texts = list(branches(model, SOURCE, TARGET).values())
    held = ae.taps(model, couple, constant(0.5), 0, 4, by_level(torch.rand(16, 12), (16, 12)), 0.9)
    assert {site.kind for site in held} == {"cross", "self"}
    assert all(site.level >= model.semantic_level for site in held if site.kind == "self")
    with torch.no_grad():
        plain, changed = (
            model.predict(start, 501.0, texts),
            model.predict(start, 501.0, texts, held),
        )
    torch.testing.assert_close(changed["null"], plain["null"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(changed["source"], plain["source"], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(changed["target"], plain["target"], atol=1e-4)


def test_windows_end_after_floor_of_tau_times_steps(model: Model) -> None:
    couple = pair(model, SOURCE, TARGET)
    found = ae.Guidance(torch.full((77,), 0.5), 0.3, torch.ones(16, 12), None)
    kinds = [
        {
            site.kind
            for site in ae.taps(
                model, couple, found, i, 10, by_level(torch.ones(16, 12), (16, 12)), 0.9
            )
        }
        for i in range(10)
    ]
    assert kinds == [{"cross", "self"}] * 3 + [{"cross"}] * 7


@pytest.mark.parametrize(
    ("near", "of", "count", "expected"),
    [(1, 5, 50, 30), (2, 5, 50, 20), (3, 10, 50, 25), (7, 10, 50, 5), (1, 10, 500, 350)],
)
def test_a_default_window_lasts_its_share_of_the_steps_to_the_step(
    model: Model, near: int, of: int, count: int, expected: int
) -> None:
    """0.8 less the share of related tokens.

    A whole number of steps in each of these cases.
    """
    tau = torch.ones(of)
    tau[:near] = 0
    default = ae.default_window(tau, range(of))
    assert int(ae.whole_steps(torch.tensor(default), count)) == expected
    found = ae.Guidance(torch.full((77,), default), default, torch.ones(16, 12), None)
    s = by_level(torch.ones(16, 12), (16, 12))
    lasts = [
        {site.kind for site in ae.taps(model, pair(model, SOURCE, TARGET), found, i, count, s, 0.9)}
        for i in (expected - 1, expected)
    ]
    assert lasts == [{"cross", "self"}, {"cross"}]


def test_key_tokens_words_and_marks(model: Model) -> None:
    couple = pair(model, SOURCE, TARGET)
    assert couple.keywords == ("sitting",) and couple.key == couple.fresh == (2,)
    marked = pair(model, SOURCE, TARGET, ["person"])
    assert marked.keywords == ("person",) and marked.fresh == (2,)
    whole = pair(model, "a caterpillar and a dog", "a caterpillar and a cat", ["cat"])
    assert whole.keywords == ("cat",), "a word inside another was taken for the marked one"
    removed = pair(model, "a red cat", "a cat")
    assert removed.key == () and removed.keywords == ("red",)
    with pytest.raises(EditError) as caught:
        pair(model, "a red cat", "A  Red cat")
    assert caught.value.code == "nothing-changes"


@pytest.mark.parametrize(
    ("source", "target", "key", "fresh", "gone"),
    [
        ("a red apple", "an apple", "", "an", "red"),
        ("a red star", "an orange star", "orange", "an orange", ""),
        ("a star", "a star and the cup", "and cup", "and the cup", ""),
        ("a star and a cup", "a star", "", "", "and a cup"),
        ("a cat", "the cat", "the", "the", ""),
    ],
)
def test_a_changed_article_is_no_key(
    model: Model, source: str, target: str, key: str, fresh: str, gone: str
) -> None:
    """Alone it is all there is to say.

    Beside words that are gone, the edit is a deletion.
    """
    couple = pair(model, source, target)

    def at(prompt: tokens.Prompt, places: tuple[int, ...]) -> str:
        return " ".join(word.text for word in prompt.words if set(word.positions) & set(places))

    assert (
        at(couple.target, couple.key),
        at(couple.target, couple.fresh),
        at(couple.source, couple.gone),
    ) == (key, fresh, gone)
    assert couple.keywords == tuple((key or gone).split())


def test_the_capture_is_at_level_1(model: Model) -> None:
    """One finer than the semantic level 2 of Stable Diffusion; never the finest."""
    for semantic in (1, 0):
        found = fine_sites(replace(model, semantic_level=semantic))
        assert {site.level for site in found} == {semantic}
        assert ae.last_up(found).place == "up"


def test_fewer_steps_of_the_pre_pass_keep_both_ends(model: Model) -> None:
    timesteps = model.schedule.ddim(50)
    few = coarser(timesteps, 10)
    assert len(few) == 11 and few[0] is timesteps[0] and few[-1] is timesteps[-1]
    assert coarser(timesteps, 80) == timesteps


# ---------------------------------------------------------------- the whole way


def events(
    models: Models, store: Memory | None = None, image: Tensor | None = None, **options: object
) -> list[Event]:
    options = {
        "instruction": "make the person sit",
        "caption": SOURCE,
        "parameters": {"steps": 5, "prepass_steps": 5},
    } | options
    return list(
        edit(
            models,
            EditRequest("adapedit", image=picture() if image is None else image, **options),
            store,
        )
    )  # type: ignore[arg-type]


def done(
    models: Models, store: Memory | None = None, image: Tensor | None = None, **options: object
) -> Done:
    final = events(models, store, image, **options)[-1]
    assert isinstance(final, Done)
    return final


def test_counts_are_the_papers(models: Models) -> None:
    """50 rows of inversion, 100 of the pre-pass (20 in 10 steps), 150 of the edit.

    The next edit of the layer pays 100 only.
    """
    store = Memory()
    report = done(models, store, parameters={}).report
    assert (report.rows, report.forwards) == (300, 150)
    again = done(models, store, parameters={}).report
    assert (again.rows, again.forwards, again.reused) == (
        100,
        50,
        ("inversion", "words and places", "source attention"),
    )
    short = done(models, store, parameters={"prepass_steps": 10}, mask_only=True).report
    assert (short.rows, short.forwards, short.reused) == (20, 10, ("inversion",))
    assert report.keywords == ("sitting",)
    assert report.understood == {"source": SOURCE, "target": TARGET}


def test_a_second_edit_of_the_same_layer_starts_from_what_was_kept(models: Models) -> None:
    store = Memory()
    first = done(models, store)
    again = done(models, store)
    assert (first.report.rows, first.report.reused) == (5 + 10 + 15, ())
    kept = ("inversion", "words and places", "source attention")
    assert (again.report.rows, again.report.reused) == (10, kept)
    assert torch.allclose(first.image, again.image, atol=1e-5)
    assert torch.equal(first.mask.binary, again.mask.binary)
    other = done(models, store, instruction="make the person jump")
    assert other.report.reused == ("inversion", "source attention")
    assert 10 + 10 <= other.report.rows < 10 + 15
    stronger = done(
        models, store, parameters={"steps": 5, "prepass_steps": 5, "lambda_s": 0.2, "strength": 0.4}
    )
    assert 10 <= stronger.report.rows < 15 and not torch.equal(stronger.image, first.image)


def weight(kept: object) -> int:
    """Bytes of what is kept of the source."""
    assert isinstance(kept, SourceAttention)
    return sum(query.nbytes + key.nbytes for query, key in kept.parts.values())


def test_kept_attention_is_the_source_rows_own(models: Models) -> None:
    """The same numbers in a batch of two instead of three."""
    kept = Memory()
    done(models, kept)
    (name,) = (key for key in kept if key.startswith("source attention"))
    store = Memory({key: value for key, value in kept.items() if key != name})
    without, with_it = done(models, store), done(models, kept)
    assert without.report.rows == 15 and with_it.report.rows == 10
    assert torch.allclose(without.image, with_it.image, atol=1e-5)
    assert weight(store[name]) == weight(kept[name])


def test_attention_is_kept_as_far_as_there_is_room(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Memory()
    done(models, store)
    (name,) = (key for key in store if key.startswith("source attention"))
    monkeypatch.setattr(source_attention, "ROOM", weight(store[name]) // 2)
    half = Memory()
    first, again = done(models, half), done(models, half)
    assert weight(half[name]) <= source_attention.ROOM
    assert 10 < again.report.rows < 15
    assert torch.allclose(first.image, again.image, atol=1e-5)


def test_it_needs_no_random_numbers(models: Models) -> None:
    a, b = done(models, seed=1), done(models, seed=2)
    assert torch.equal(a.image, b.image)


@pytest.mark.parametrize(
    "options",
    [{}, {"spatial": "running"}, {"spatial_contrast": "minmax"}, {"tau_form": "released"}],
)
@pytest.mark.parametrize("mode", ["off", "guide", "limit"])
def test_pixels_without_alpha_are_the_painters(
    models: Models, options: dict[str, object], mode: str
) -> None:
    image = picture(72, 100)
    hint = torch.zeros(1, 1, 72, 100)
    hint[..., 20:50, 30:60] = 1
    parameters = {"steps": 3, "prepass_steps": 2, **options}
    final = done(models, image=image, hint=hint, hint_mode=mode, parameters=parameters)
    outside = (final.alpha == 0).expand_as(image)
    assert torch.equal(final.image[outside], image[outside])
    assert bool((final.image != image).any()) and bool(final.image.isfinite().all())
    if mode == "limit":
        assert bool((final.alpha <= hint).all()) and not bool(
            (final.mask.binary * (hint == 0)).any()
        )


def test_a_limit_on_the_whole_picture_changes_nothing(models: Models) -> None:
    """With the whole picture selected the limit changes nothing."""
    whole = torch.ones(1, 1, 64, 64)
    free, limited = done(models), done(models, hint=whole, hint_mode="limit")
    torch.testing.assert_close(free.image, limited.image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", ["guide", "limit"])
def test_a_selection_weighs_the_places(
    models: Models, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """S (0.3 + 0.7 H) for a guide, S H for a limit."""
    seen: list[Tensor] = []
    monkeypatch.setattr(places, "by_level", lambda s, size: (seen.append(s), by_level(s, size))[1])
    hint = torch.full(
        (1, 1, 64, 64), 0.2
    )  # everywhere a little, so that the working crop stays the whole picture
    hint[..., :32] = 1
    for wanted in ("off", mode):
        done(models, parameters={"steps": 2, "prepass_steps": 2}, hint=hint, hint_mode=wanted)
    free, weighed = seen
    h = torch.tensor([1.0] * 4 + [0.2] * 4).expand(8, 8)
    torch.testing.assert_close(weighed, free * (0.3 + 0.7 * h if mode == "guide" else h))
    assert float(free.max()) > 0


def test_a_limit_holds_the_latents_to_the_trajectory_after_a_fifth_of_the_steps(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = watch(monkeypatch, ae)
    store = Memory()
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 16:48, 16:48] = 1
    done(models, store, hint=hint, hint_mode="limit", parameters={"steps": 10, "prepass_steps": 2})
    trajectory = next(value for value in store.values() if isinstance(value, Trajectory))
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 4:12] = False
    (loop,) = loops
    for latents, timestep in zip(loop.latents, loop.timesteps[1:], strict=True):
        kept = trajectory.at(timestep)
        assert torch.equal(latents[..., outside], kept[..., outside]) == (timestep.index >= 2)
        assert not torch.equal(latents[..., ~outside], kept[..., ~outside])


@pytest.mark.parametrize(
    ("strength", "lambda_s", "lambda_tau"),
    [(0.0, 0.7, 1.6), (0.25, 0.8, 1.3), (0.5, 0.9, 1.0), (0.75, 0.95, 0.7), (1.0, 1.0, 0.4)],
)
def test_the_strength_shifts_both_lambdas(
    models: Models, strength: float, lambda_s: float, lambda_tau: float
) -> None:
    few = {"steps": 2, "prepass_steps": 2, "strength": strength}
    used = done(models, mask_only=True, parameters=few).report.thresholds
    assert (used["lambda_S"], used["lambda_tau"]) == (
        pytest.approx(lambda_s),
        pytest.approx(lambda_tau),
    )


@pytest.mark.parametrize(
    ("value", "by", "high"),
    [(0.9, 0.2, 1.0), (0.1, 0.2, 1.0), (0.5, 0.2, 1.0), (0.3, -0.6, 9.0), (1.0, -0.6, 9.0)],
)
def test_the_strength_acts_over_its_whole_range(value: float, by: float, high: float) -> None:
    """Strictly, never beyond the limits, and with the paper's value in the middle."""
    found = [ae.shifted(value, by, i / 20, high) for i in range(21)]
    assert found[10] == value and min(found) >= 0 and max(found) <= high
    assert all(b > a for a, b in itertools.pairwise(found if by > 0 else found[::-1]))


def test_mask_only_stops_before_the_edit(models: Models) -> None:
    seen = events(models, mask_only=True)
    final = seen[-1]
    assert isinstance(final, Done) and final.report.rows == 5 + 10
    assert any(isinstance(e, Mask) for e in seen)
    assert torch.equal(final.image, picture())


def test_a_deletion_uses_prompt_to_prompts_windows_and_the_removed_words_place(
    models: Models,
) -> None:
    final = done(models, instruction="a red cat => a cat", caption="")
    assert final.report.thresholds["self window"] == 0.4
    assert "lambda_tau" not in final.report.thresholds  # it has no say
    assert final.report.keywords == ("red",) and final.report.rows == 5 + 10 + 15
    article = done(models, instruction="a red apple => an apple", caption="")
    assert article.report.thresholds["self window"] == 0.4 and article.report.keywords == ("red",)


def test_a_missing_caption_is_asked_for(models: Models) -> None:
    with pytest.raises(EditError) as caught:
        done(models, caption="")
    assert caught.value.code == "needs-caption"


def test_odd_sizes_have_their_grids() -> None:
    s = by_level(torch.rand(9, 13), (18, 26))
    assert [len(s(level)) for level in range(4)] == [18 * 26, 9 * 13, 5 * 7, 3 * 4]
