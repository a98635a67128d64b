"""Every baseline on the tiny model.

What it costs, what it keeps, that it answers to its parameters and to the hint.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limn.editing import ALGORITHMS, EditError, EditRequest, Models, edit
from limn.editing.events import Done, Mask, Stage, Step

from .conftest import Memory, picture

TEXT = "a red star => a blue star"
CAPTION = "a red star"
BASELINES = (
    "sdedit",
    "ip2p",
    "p2p",
    "diffedit",
    "masactrl",
    "pnp",
    "edit-friendly",
    "null-text",
    "dds",
    "cyclediffusion",
    "nti-p2p",
    "imagic",
)
SHORT = {name: {"steps": 4} for name in BASELINES} | {
    "dds": {"iterations": 3},
    "masactrl": {"steps": 4, "start_step": 1},
    "nti-p2p": {"steps": 2},
    "imagic": {"steps": 2, "optimisation_steps": 1, "tuning_steps": 2, "tuning_rate": 1e-3},
}


def done(
    models: Models,
    name: str,
    store: Memory | None = None,
    instruction: str = TEXT,
    **changes: object,
) -> Done:
    request = EditRequest(name, instruction, picture(), caption=CAPTION, parameters=SHORT[name])
    request = EditRequest(**(vars(request) | changes))  # type: ignore[arg-type]
    *_, last = edit(models, request, store)
    assert isinstance(last, Done)
    return last


def differ(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


def test_they_stand_in_the_table_marked_as_baselines() -> None:
    assert {name for name, algorithm in ALGORITHMS.items() if algorithm.baseline} == set(BASELINES)
    assert not ALGORITHMS["foi"].baseline


@pytest.mark.parametrize(
    ("name", "forwards", "rows"),
    [
        ("sdedit", 25, 50),
        ("p2p", 50 + 50, 50 + 150),
        ("masactrl", 50 + 50, 50 + 200),
        ("diffedit", 1 + 40 + 40, 40 + 40 + 80),
        ("pnp", 50 + 50, 50 + 150),
        ("edit-friendly", 50 + 38, 100 + 76),
        ("dds", 200, 800),
        ("cyclediffusion", 40 + 40, 3 * 40),
        ("ip2p", 100, 300),
    ],
)
def test_network_use_at_the_defaults(models: Models, name: str, forwards: int, rows: int) -> None:
    report = done(models, name, parameters={}).report
    assert (report.forwards, report.rows) == (forwards, rows)


def test_instructpix2pix_from_80_percent_noise_takes_240_rows(models: Models) -> None:
    report = done(models, "ip2p", parameters={"start": 0.8}).report
    assert (report.forwards, report.rows) == (80, 240)


def test_a_small_share_of_few_steps_is_one_step(models: Models) -> None:
    report = done(models, "sdedit", parameters={"steps": 4, "strength": 0.1}).report
    assert (report.forwards, report.rows) == (1, 2)


def test_null_text_counts_each_backward_pass_as_two_rows(models: Models) -> None:
    report = done(models, "null-text").report
    steps, most = 4, 10
    assert (
        4 + steps * (1 + 3 + 2) + 2 * steps
        <= report.rows
        <= 4 + steps * (1 + 3 * most + 2) + 2 * steps
    )
    assert (
        50 + 50 * (1 + 3 * most + 2) + 2 * 50 == 1800
    )  # the most that the default of 50 steps can take


@pytest.mark.parametrize("name", BASELINES)
def test_same_seed_same_bytes_and_a_changed_picture(models: Models, name: str) -> None:
    first, second = done(models, name), done(models, name)
    assert torch.equal(first.image, second.image)
    assert first.image.shape == (1, 3, 64, 64) and bool(first.image.isfinite().all())
    assert differ(first.image, picture()) > 0.01
    assert torch.equal(
        first.image[first.alpha.expand_as(first.image) == 0],
        picture()[first.alpha.expand_as(first.image) == 0],
    )


@pytest.mark.parametrize("name", BASELINES)
def test_events_come_in_order_with_previews(models: Models, name: str) -> None:
    events = list(
        edit(models, EditRequest(name, TEXT, picture(), caption=CAPTION, parameters=SHORT[name]))
    )
    stages = [e.name for e in events if isinstance(e, Stage)]
    assert stages[0] == "preparing" and stages[-2:] == ["decoding", "compositing"]
    steps = [e for e in events if isinstance(e, Step)]
    assert steps and all(1 <= s.index <= s.count for s in steps)
    assert steps[-1].index == steps[-1].count and steps[-1].preview().shape[:2] == (1, 3)


@pytest.mark.parametrize("name", BASELINES)
def test_a_limit_holds(models: Models, name: str) -> None:
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 20:40, 10:30] = 1
    result = done(models, name, hint=hint, hint_mode="limit")
    outside = (hint == 0).expand_as(result.image)
    assert torch.equal(result.image[outside], picture()[outside])
    assert not bool(result.alpha[hint == 0].any())


@pytest.mark.parametrize("name", ["ip2p", "p2p", "diffedit"])
def test_a_selection_can_be_the_mask(models: Models, name: str) -> None:
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 20:40, 10:30] = 1
    result = done(models, name, hint=hint, hint_mode="exactly")
    assert torch.equal(result.alpha, hint)
    outside = (hint == 0).expand_as(result.image)
    assert torch.equal(result.image[outside], picture()[outside])


@pytest.mark.parametrize("name", ["p2p", "masactrl", "pnp", "null-text", "edit-friendly"])
def test_a_second_edit_starts_from_what_is_kept(models: Models, name: str) -> None:
    store = Memory()
    first = done(models, name, store)
    again = done(models, name, store)
    assert not first.report.reused and again.report.reused
    assert again.report.rows < first.report.rows
    assert torch.equal(first.image, again.image)


def test_methods_share_the_inversion_of_a_picture(models: Models) -> None:
    store = Memory()
    done(models, "p2p", store)
    assert "inversion" in done(models, "null-text", store).report.reused


@pytest.mark.parametrize(
    "name", ["p2p", "diffedit", "edit-friendly", "null-text", "dds", "cyclediffusion"]
)
def test_without_a_source_text_they_ask_for_one(models: Models, name: str) -> None:
    with pytest.raises(EditError) as caught:
        done(models, name, instruction="make the star blue", caption="")
    assert caught.value.code == "needs-caption"


@pytest.mark.parametrize("name", ["sdedit", "masactrl", "pnp"])
def test_the_target_text_is_enough_for_the_others(models: Models, name: str) -> None:
    assert (
        "blue"
        in done(models, name, instruction="make the star blue", caption="").report.understood[
            "target"
        ]
    )


@pytest.mark.parametrize("name", BASELINES)
def test_mask_only_paints_nothing(models: Models, name: str) -> None:
    result = done(models, name, mask_only=True)
    assert torch.equal(result.image, picture())
    assert bool(result.mask.binary.any())
    assert name in ("diffedit", "nti-p2p") or result.report.rows == 0


def test_prompt_to_prompt_gives_the_source_back_where_the_texts_agree_and_all_windows_last(
    models: Models,
) -> None:
    """With both windows open to the end, the maps are the source's.

    Only the values of the changed word differ.
    """
    kept = done(models, "p2p", parameters={"steps": 4, "cross": 1.0, "own": 1.0, "guidance": 1.0})
    free = done(models, "p2p", parameters={"steps": 4, "cross": 0.0, "own": 0.0, "guidance": 1.0})
    assert differ(kept.image, free.image) > 0


def test_prompt_to_prompt_local_blend_returns_a_mask(models: Models) -> None:
    events = list(
        edit(
            models,
            EditRequest(
                "p2p",
                TEXT,
                picture(),
                caption=CAPTION,
                parameters={"steps": 4, "local_blend": True},
            ),
        )
    )
    last = events[-1]
    assert isinstance(last, Done) and any(isinstance(e, Mask) for e in events)
    assert float(last.mask.soft.max()) == pytest.approx(1, abs=1e-4)


def test_prompt_to_prompt_replacement_needs_texts_of_equal_length(models: Models) -> None:
    done(models, "p2p", parameters={"steps": 2, "mode": "replacement"})
    with pytest.raises(EditError) as caught:
        done(
            models,
            "p2p",
            instruction="a red star => a small blue star",
            parameters={"steps": 2, "mode": "replacement"},
        )
    assert caught.value.code == "word-counts"


def test_masactrl_before_its_first_step_is_plain_sampling(models: Models) -> None:
    never = done(models, "masactrl", parameters={"steps": 4, "start_step": 4})
    plain = done(models, "p2p", parameters={"steps": 4, "cross": 0.0, "own": 0.0})
    assert differ(never.image, plain.image) < 1e-4
    assert differ(done(models, "masactrl").image, plain.image) > 1e-3


def test_plug_and_play_without_injections_is_plain_sampling_and_leaves_no_hook(
    models: Models,
) -> None:
    off = {"steps": 4, "features": 0.0, "attention": 0.0, "negative": "plain"}
    done(models, "pnp")
    plain = done(models, "pnp", parameters=off)
    with_features = done(models, "pnp", parameters=off | {"features": 1.0})
    with_attention = done(models, "pnp", parameters=off | {"attention": 1.0})
    assert (
        differ(plain.image, with_features.image) > 1e-4
        and differ(plain.image, with_attention.image) > 1e-4
    )
    unet = models.get("text-to-image").unet
    assert not any(module._forward_hooks for module in unet.modules())


def test_diffedit_without_a_difference_takes_the_limit_or_everything(models: Models) -> None:
    request = {
        "mask_only": True,
        "parameters": {"steps": 4, "mask": "blurred", "guidance": 0.0},
    }  # unguided, both sides are the same
    assert bool(done(models, "diffedit", **request).mask.binary.all())
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 16:48, 16:48] = 1
    assert torch.equal(
        done(models, "diffedit", hint=hint, hint_mode="limit", **request).mask.binary, hint
    )


def test_diffedit_blurred_mask_has_its_own_threshold(models: Models) -> None:
    report = done(models, "diffedit", mask_only=True, parameters={"mask": "blurred"}).report
    assert report.thresholds == {"mask": 0.35} and report.rows == 40


def test_another_seed_gives_another_variant_of_the_stochastic_ones(models: Models) -> None:
    for name in ("sdedit", "edit-friendly", "cyclediffusion", "dds", "ip2p"):
        assert differ(done(models, name).image, done(models, name, seed=1).image) > 0, name
