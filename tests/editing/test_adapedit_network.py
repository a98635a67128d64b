"""AdapEdit on a network: what it leaves alone, windows, key tokens, the pre-pass.

Self-checks A1 to A3."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from limn.editing import EditError, Models
from limn.editing.diffusion import tokens
from limn.editing.diffusion.attention import Attention, Tap, Taps
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.sampling import classifier_free, denoise
from limn.editing.diffusion.schedule import DDIM, Timestep, randn
from limn.editing.language import alignment
from limn.editing.methods import adapedit as ae
from limn.editing.methods.prompt_pair import Pair, by_level, coarser, fine_sites, pair

from .conftest import drain

SOURCE, TARGET = "a standing person on a red background", "a sitting person on a red background"


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
