"""One edit inside the worker, without process and wire.

Cancelling to the step, masks, words for whatever goes wrong.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limn import editing
from limn.editing.diffusion import moving, room
from limn.protocol.messages import (
    Cancelled,
    Done,
    Failed,
    Mask,
    Note,
    Pixels,
    Preview,
    Progress,
    Result,
    Submit,
)
from limn.server.bridge import Editor
from limn.server.worker import _device

from ..card import Card
from .conftest import FAST, picture, submit


@pytest.fixture(scope="module")
def models(tiny_model: Path) -> editing.Models:
    return editing.load_models(tiny_model)


def count_forwards(models: editing.Models, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one for every pass through the instruction model's UNet."""
    passes: list[int] = []
    unet = models.get("instruction").unet
    real = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: (passes.append(1), real(*a, **k))[1])
    return passes


@pytest.mark.parametrize("at", [1, 3, 4])
def test_a_cancel_takes_effect_within_one_step(
    models: editing.Models, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    passes = count_forwards(models, monkeypatch)
    editor, stop, then = Editor(models), False, 0
    messages = editor.run(submit("a", parameters={"steps": 20}), lambda: stop)
    for message in messages:
        if isinstance(message, Progress) and message.step == at:
            stop, then = True, len(passes)
            break
    rest = list(messages)
    assert [
        type(message)
        for message in rest
        if not isinstance(message, (Mask, Progress)) and "Preview" not in str(type(message))
    ] == [Cancelled]
    assert len(passes) <= then + 1


def test_a_cancel_before_the_start_costs_no_forward(
    models: editing.Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = count_forwards(models, monkeypatch)
    assert isinstance(list(Editor(models).run(submit("a"), lambda: True))[-1], Cancelled)
    assert passes == []


def test_previews_of_a_shape_that_fills_its_layer_show_no_more_than_the_layer(
    models: editing.Models,
) -> None:
    """It is edited with background around it, beyond the layer."""
    width, height = 60, 40
    pixels = bytearray(picture(width, height).data or b"")
    for y in range(height):
        for x in range(width):
            if abs(x - 29.5) / 30 + abs(y - 19.5) / 20 > 1:
                pixels[4 * (y * width + x) + 3] = 0
    asked = submit("a", pixels=Pixels(width, height, "rgba8", bytes(pixels)))
    came = list(Editor(models).run(asked, lambda: False))
    previews = [m for m in came if isinstance(m, Preview)]
    assert previews and isinstance(came[-1], Done)
    for preview in previews:
        at, shown = preview.shows, preview.picture
        assert (at.x, at.y, at.width, at.height) == (0, 0, width, height)
        assert shown.width / shown.height == pytest.approx(width / height, rel=0.1)
    for message in came:
        area = message.area if isinstance(message, (Result, Mask)) else None
        if area is not None:
            assert area.x + area.pixels.width <= width and area.y + area.pixels.height <= height


def test_previews_lie_around_the_selection(models: editing.Models) -> None:
    width, height = 200, 120
    chosen = bytes(
        255 * (150 <= x < 170 and 10 <= y < 30) for y in range(height) for x in range(width)
    )
    asked = submit(
        "a",
        pixels=picture(width, height),
        hint=Pixels(width, height, "gray8", chosen),
        hint_mode="limit",
    )
    previews = [m for m in Editor(models).run(asked, lambda: False) if isinstance(m, Preview)]
    assert previews
    for preview in previews:
        at = preview.shows
        assert at.x <= 150 and at.x + at.width >= 170 and at.y <= 10 and at.y + at.height >= 30
        assert (
            at.x + at.width <= width
            and at.width < width
            and at.width / at.height == preview.picture.width / preview.picture.height
        )


def test_seconds_left_are_told_from_the_second_edit_on_at_once(models: editing.Models) -> None:
    editor = Editor(models)
    models.unload()
    first = [m for m in editor.run(submit("a"), lambda: False) if isinstance(m, Progress)]
    second = [m for m in editor.run(submit("b"), lambda: False) if isinstance(m, Progress)]
    assert first[0].stage == "loading the model"
    assert first[0].seconds_left is None
    assert second[0].stage != "loading the model"
    assert all(message.seconds_left is not None and message.seconds_left >= 0 for message in second)


def test_previews_are_made_only_when_wished_and_not_too_often(models: editing.Models) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    made = {}
    for wish in (0, 64):
        messages = list(
            Editor(models, clock).run(
                submit("a", previews=wish, parameters={"steps": 40}), lambda: False
            )
        )
        assert isinstance(messages[-1], Done)
        made[wish] = sum(isinstance(message, Preview) for message in messages)
        steps = sum(isinstance(message, Progress) for message in messages)
    assert made[0] == 0
    assert 1 <= made[64] < steps / 2


def test_the_mask_covers_every_changed_pixel(models: editing.Models) -> None:
    messages = list(Editor(models).run(submit("a"), lambda: False))
    (result,) = (message for message in messages if isinstance(message, Result))
    mask = next(message for message in messages if isinstance(message, Mask) and message.final)
    assert (
        mask.area is not None
        and mask.area.pixels.data is not None
        and result.area.pixels.data is not None
    )
    assert (mask.area.x, mask.area.y) == (result.area.x, result.area.y)
    assert all(
        a > 0
        for a, b in zip(mask.area.pixels.data, result.area.pixels.data[3::4], strict=True)
        if b > 0
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "out-of-memory"),
        (MemoryError(), "out-of-memory"),
        (ZeroDivisionError("make the square zanzibar"), "internal"),
        (editing.EditError("some-code", "A sentence.", "A remedy."), "some-code"),
    ],
)
def test_whatever_goes_wrong_ends_the_job_in_a_sentence_and_leaks_no_instruction(
    models: editing.Models,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: str,
) -> None:
    def broken(*_: Any) -> Any:
        raise error
        yield

    monkeypatch.setattr(editing, "edit", broken)
    with caplog.at_level(logging.INFO):
        (failed,) = (
            m for m in Editor(models).run(submit("a"), lambda: False) if not isinstance(m, Progress)
        )
    assert isinstance(failed, Failed)
    assert (failed.code, bool(failed.sentence), bool(failed.remedy)) == (code, True, True)
    assert "zanzibar" not in caplog.text + failed.sentence


def replacing(job: str, **parameters: int) -> Submit:
    """An edit that needs two networks."""
    return replace(
        submit(job, "a red star => a blue star", parameters=parameters), algorithm="instdiffedit"
    )


def test_an_edit_that_runs_out_of_memory_runs_again_with_less(
    tiny_model: Path, models: editing.Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a card whose room is counted, an edit begins again with less.

    These networks' maps are larger than is reckoned. The next edit begins with less at once, and
    both say so before they end.
    """
    monkeypatch.setattr(room, "SPARE", 0)
    monkeypatch.setattr(moving, "PROBE", 1000)
    quick = {"steps": 2, "inpainting_steps": 2}
    whole = list(Editor(models).run(replacing("a", **quick), lambda: False))
    with Card(room=8_000_000) as card:
        small = Editor(editing.load_models(tiny_model, "card", torch.float32))
        counts = []
        for job in ("a", "b"):
            messages = list(small.run(replacing(job, **quick), lambda: False))
            done = messages[-1]
            assert isinstance(done, Done), done
            notes = [message for message in messages if isinstance(message, Note)]
            assert notes[-1].said.code == "memory-plan" and notes[-1].said in done.notes
            counts.append(len(notes))
        assert counts[0] > 1 and counts[1] == 1
        assert card.most <= 8_000_000
    (one,), (other,) = (
        [m.area.pixels.data for m in found if isinstance(m, Result)] for found in (whole, messages)
    )
    assert one is not None and other is not None
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1


def test_what_fits_with_no_plan_fails_in_figures(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SPARE", 0)
    monkeypatch.setattr(moving, "PROBE", 1000)
    with Card(room=400_000):
        small = Editor(editing.load_models(tiny_model, "card", torch.float32))
        failed = list(small.run(replacing("a"), lambda: False))[-1]
    assert isinstance(failed, Failed) and failed.code == "out-of-memory"
    assert "MB" in failed.sentence and "smaller part" not in failed.remedy


def test_a_missing_variant_is_announced_and_told(tiny_model: Path) -> None:
    editor = Editor(editing.load_models(tiny_model / "text-to-image"))
    foi = next(algorithm for algorithm in editor.algorithms() if algorithm.name == "foi")
    assert "instruction" in foi.unavailable
    failed = list(editor.run(submit("a"), lambda: False))[-1]
    assert isinstance(failed, Failed) and failed.code == "missing-variant"


def test_the_models_own_defaults_are_announced(tiny_model: Path, tmp_path: Path) -> None:
    folder = with_defaults(tiny_model, tmp_path / "instruction", {"foi": {"tau": 0.3, **FAST}})
    foi = next(
        algorithm
        for algorithm in Editor(editing.load_models(folder)).algorithms()
        if algorithm.name == "foi"
    )
    assert {p.name: p.default for p in foi.parameters}["tau"] == 0.3
    assert {p.name: p.default for p in foi.parameters}["steps"] == 4


def with_defaults(tiny_model: Path, folder: Path, defaults: object) -> Path:
    """The instruction model with these defaults in its notes."""
    shutil.copytree(tiny_model / "instruction", folder)
    notes = json.loads((folder / "limn.json").read_text()) | {"defaults": defaults}
    (folder / "limn.json").write_text(json.dumps(notes))
    return folder


def test_a_models_default_is_announced_in_its_parameters_own_type(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = with_defaults(tiny_model, tmp_path / "model", {"foi": {"steps": 40.0}})
    foi = next(
        algorithm
        for algorithm in Editor(editing.load_models(folder)).algorithms()
        if algorithm.name == "foi"
    )
    assert [type(p.default) for p in foi.parameters if p.name == "steps"] == [int]


@pytest.mark.parametrize(
    ("defaults", "word"),
    [
        ({"foi": {"steps": 4.5}}, "'steps' cannot be 4.5"),
        ({"foi": {"steps": "many"}}, "'many'"),
        ({"foi": {"stepz": 4}}, "no parameter 'stepz'"),
        ({"foi": 4}, "should be an object"),
        ([], "should be an object"),
    ],
)
def test_a_models_default_that_can_not_be_used_is_told_when_it_is_loaded(
    tiny_model: Path, tmp_path: Path, defaults: object, word: str
) -> None:
    folder = with_defaults(tiny_model, tmp_path / "model", defaults)
    with pytest.raises(editing.EditError) as caught:
        Editor(editing.load_models(folder)).algorithms()
    assert (
        word in caught.value.sentence
        and "limn.json" in caught.value.sentence
        and caught.value.remedy
    )


def test_a_device_that_is_not_there_is_told_in_a_sentence() -> None:
    from limn.server.engine import EngineError

    assert _device("cpu") == "cpu"
    with pytest.raises(EngineError) as caught:
        _device("no-such-device")
    assert "no-such-device" in caught.value.sentence
