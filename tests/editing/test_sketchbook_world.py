"""The sketchbook's world.

Deterministic, exact masks, every word owned by the right thing, edits that stay within their masks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limn.editing.sketchbook.drawing import COLOURS, KINDS
from limn.editing.sketchbook.edit_sentences import instruction, join, source_caption, target_caption
from limn.editing.sketchbook.edits import TYPES, edit, render_edit
from limn.editing.sketchbook.scenes import (
    BACKGROUNDS,
    PLURALS,
    SIZE,
    STATES,
    caption,
    render,
    scene,
    text,
)

SEEDS = st.integers(0, 2_000_000)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_seed_gives_the_same_scene_and_picture(seed: int) -> None:
    assert scene(seed) == scene(seed)
    assert np.array_equal(render(scene(seed)).image, render(scene(seed)).image)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_masks_are_exact(seed: int) -> None:
    """Without its things a scene is its background.

    Each thing changes pixels inside its own mask only, and fills it.
    """
    whole = scene(seed)
    empty = render(replace(whole, things=(), relations=())).image.astype(int)
    for index, thing in enumerate(whole.things):
        alone = render(replace(whole, things=(thing,), relations=()))
        changed = np.abs(alone.image.astype(int) - empty).sum(-1) > 0
        assert not (changed & (alone.masks[0] == 0)).any()
        assert changed[alone.masks[0] > 0.9].mean() > 0.9
        assert np.array_equal(alone.masks[0], render(whole).masks[index])


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_things_do_not_cover_each_other(seed: int) -> None:
    shown = render(scene(seed))
    assert np.sum(shown.masks, axis=0).max() <= 1 + 1e-9
    assert all(
        mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0
        for mask in shown.masks
    )


@given(SEEDS, st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_every_word_has_its_owner(seed: int, phrasing: int) -> None:
    made = scene(seed)
    words = caption(made, np.random.default_rng(phrasing))
    for word in words:
        if isinstance(word.owner, int):
            thing = made.things[word.owner]
            known = {
                thing.kind,
                PLURALS[thing.kind],
                thing.colour,
                thing.texture,
                thing.size,
                *thing.state.split(),
                "two",
                "three",
            }
            assert word.text in known
        elif word.owner == "background":
            assert word.text in (made.background, "background")
        else:
            assert word.text not in COLOURS or word.text in BACKGROUNDS
    nouns = [
        word.text
        for word in words
        if isinstance(word.owner, int) and word.text in {*KINDS, *PLURALS.values()}
    ]
    assert len(nouns) == len(made.things)


def test_relations_hold_in_the_picture() -> None:
    for seed in range(1_000_000, 1_000_060):
        made = scene(seed)
        for relation, other in zip(made.relations, made.things[1:], strict=True):
            (x0, y0, _), (x1, y1, _) = made.things[0].places[0], other.places[0]
            assert {"left of": x1 - x0, "right of": x0 - x1, "above": y1 - y0, "below": y0 - y1}[
                relation
            ] > 0


@pytest.mark.parametrize("type", TYPES)
def test_an_edit_changes_its_mask_only(type: str) -> None:
    for seed in range(1_000_000, 1_000_025):
        made = edit(seed, type)
        shown = render_edit(made)
        changed = np.abs(shown.before.image.astype(int) - shown.after.image.astype(int)).sum(-1) > 0
        assert changed.any(), f"seed {seed}: nothing changes"
        assert not (changed & (shown.mask == 0)).any(), (
            f"seed {seed}: something changes outside the mask"
        )
        assert len(shown.parts) == len(made.changes) == len(instruction(made))
        assert all(
            part.shape == (SIZE, SIZE) and part.min() >= 0 and 0.5 < part.max() <= 1
            for part in shown.parts
        )
        assert (2 <= len(made.changes) <= 4) == (type == "combined")


def test_captions_tell_before_from_after() -> None:
    for seed in range(1_000_000, 1_000_080):
        made = edit(seed)
        assert source_caption(made) != target_caption(made)
        assert text(join(instruction(made))) == text(join(instruction(made)))


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="recolour, retexture"):
        edit(1, "melt")


def test_all_of_the_world_comes_up() -> None:
    made = [thing for seed in range(600) for thing in scene(seed).things]
    assert {thing.kind for thing in made} == set(KINDS)
    assert {thing.colour for thing in made} == set(COLOURS)
    assert {thing.state for thing in made} == {
        "",
        *(state for states in STATES.values() for state in states),
    }
    assert {thing.count for thing in made} == {1, 2, 3}
    assert {scene(seed).background for seed in range(60)} == set(BACKGROUNDS)
