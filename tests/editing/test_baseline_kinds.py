"""The kinds that some baselines come in, each against what it varies."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.bench import paper
from limn.editing.diffusion import room
from limn.editing.events import Done

from .test_baselines import CAPTION, SHORT, TEXT, differ, done


def test_null_text_gives_prompt_to_prompt_its_unconditional_rows(models: Models) -> None:
    plain = done(models, "p2p", parameters={"steps": 2})
    learnt = done(models, "p2p", parameters={"steps": 2, "inversion": "null-text"})
    assert plain.report.rows == 2 + 2 * 3
    assert plain.report.rows + 2 * (1 + 3 + 2) <= learnt.report.rows
    assert learnt.report.rows <= plain.report.rows + 2 * (1 + 30 + 2)
    same = {"cross": 0.8, "own": 0.5, "local_blend": True, "own_from": "finer"}
    ours = done(models, "p2p", parameters={"steps": 2, "inversion": "null-text", **same})
    assert torch.equal(done(models, "nti-p2p").image, ours.image)


def test_a_weight_counts_for_the_words_that_differ_or_for_marked_ones(models: Models) -> None:
    few = {"steps": 2}
    plain = done(models, "p2p", parameters=few).image
    heavy = done(models, "p2p", parameters=few | {"weight": 4.0}).image
    assert differ(plain, heavy) > 1e-3
    assert torch.equal(
        done(models, "p2p", instruction="a red star => a [blue:4] star", parameters=few).image,
        heavy,
    )
    finer = done(models, "p2p", parameters=few | {"own_from": "finer"}).image
    assert differ(plain, finer) > 0


def test_diffedit_may_end_in_the_inpainting_network(models: Models) -> None:
    few = {"steps": 4, "mask_samples": 2, "end": "inpainting"}
    ended = done(models, "diffedit", parameters=few)
    assert (ended.report.forwards, ended.report.rows) == (1 + 4, 4 * 2 + 2 * 4)
    plain = done(models, "diffedit", parameters=few | {"end": "denoising"})
    assert torch.equal(ended.mask.soft, plain.mask.soft) and differ(ended.image, plain.image) > 0.01


def test_masactrl_may_keep_the_thing_apart(models: Models) -> None:
    few = {"steps": 4, "start_step": 1}
    plain = done(models, "masactrl", parameters=few)
    apart = done(models, "masactrl", parameters=few | {"mask_guided": True})
    assert apart.report.rows == plain.report.rows
    assert differ(plain.image, apart.image) > 1e-4
    with pytest.raises(EditError) as error:
        done(
            models,
            "masactrl",
            instruction="a red star => a blue circle",
            parameters=few | {"mask_guided": True},
        )
    assert error.value.code == "needs-caption"


def test_imagic_puts_the_network_back(models: Models) -> None:
    unet = models.get("text-to-image").unet
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    found = done(models, "imagic")
    assert found.report.rows == 3 + 2 * 3 + 2 * 2
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in unet.parameters())
    untuned = done(models, "imagic", parameters=SHORT["imagic"] | {"tuning_steps": 0})
    assert differ(found.image, untuned.image) > 1e-3


def test_imagic_refuses_where_memory_is_short(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free", lambda _: 1000)
    with pytest.raises(EditError, match="GiB") as error:
        done(models, "imagic")
    assert error.value.code == "memory"


@pytest.mark.parametrize(("name", "rows"), [("p2p", 3), ("masactrl", 4), ("adapedit", 2 + 3)])
def test_a_generated_picture_is_edited_from_its_own_noise(
    models: Models, name: str, rows: int
) -> None:
    """Two rows a step make it again; another picture is refused."""
    model = models.get("text-to-image")
    few = {"steps": 2, "guidance": 3.0, "origin": "seed"} | (
        {"prepass_steps": 2} if name == "adapedit" else {}
    )
    made = paper.generated(model, CAPTION, seed=5, steps=2, guidance=3.0)
    request = EditRequest(name, TEXT, made, seed=5, caption=CAPTION, parameters=few)
    *_, last = edit(models, request)
    assert isinstance(last, Done) and last.report.rows == 2 * 2 + 2 * rows
    with pytest.raises(EditError) as error:
        list(edit(models, replace(request, seed=6)))
    assert error.value.code == "not-its-own"
