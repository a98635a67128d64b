"""Edits over a real websocket, by a real worker with a real small model.

From pixels to pixels, and every way in which a job ends.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from limn.protocol.limits import MAX_LABEL
from limn.protocol.messages import (
    Done,
    Failed,
    Mask,
    Missing,
    NamedMask,
    Pixels,
    Progress,
    Queued,
    Region,
    Result,
)
from limn.server.cli.client import ClientSession

from .conftest import Running, picture, run, submit

pytestmark = pytest.mark.timeout(600)  # a worker imports torch, which takes a busy machine a minute


async def test_the_welcome_tells_what_the_docker_needs(session: ClientSession) -> None:
    welcome = session.welcome
    assert (welcome.device, welcome.model) == ("CPU", "tiny")
    foi = next(algorithm for algorithm in welcome.algorithms if algorithm.name == "foi")
    assert foi.title and foi.summary and not foi.unavailable
    steps = next(parameter for parameter in foi.parameters if parameter.name == "steps")
    assert (steps.kind, steps.minimum) == ("int", 2)
    assert steps.help and not steps.title
    assert (
        next(parameter.title for parameter in foi.parameters if parameter.name == "tau")
        == "mask threshold"
    )
    assert any(parameter.front for parameter in foi.parameters)


async def test_a_whole_result_is_the_working_crop_and_the_mask_comes_with_its_map(
    session: ClientSession,
) -> None:
    wanted = submit("whole-crop", "make the square blue")
    flat = await run(session, wanted)
    messages = await run(session, replace(wanted, job="whole-crop-2", whole=True))
    areas = [
        next(message.area for message in told if isinstance(message, Result))
        for told in (flat, messages)
    ]
    masks = [
        next(message for message in told if isinstance(message, Mask) and message.final)
        for told in (flat, messages)
    ]
    assert masks[0].area == masks[1].area and masks[1].map is not None
    shows = masks[1].map.shows
    whole, layer = areas[1], areas[0]
    place = whole.x, whole.y, whole.pixels.width, whole.pixels.height
    assert place == (shows.x, shows.y, shows.width, shows.height)
    assert whole.x <= layer.x and whole.y <= layer.y
    assert whole.pixels.width * whole.pixels.height >= layer.pixels.width * layer.pixels.height


async def test_an_edit_from_pixels_to_pixels(session: ClientSession) -> None:
    wanted = submit("whole", "make the square blue, make the background red", seed=7)
    messages = await run(session, wanted)
    assert isinstance(messages[0], Queued)
    assert isinstance(messages[-1], Done)
    assert [message.seq for message in messages] == sorted({message.seq for message in messages})
    stages = [message.stage for message in messages if isinstance(message, Progress)]
    assert "denoising" in stages
    done = messages[-1]
    assert (done.algorithm, done.seed) == ("foi", 7)
    assert done.forwards > 0 and done.rows > done.forwards
    assert done.seconds.keys() >= set(stages) - {"loading the model"}
    mask = [message for message in messages if isinstance(message, Mask)][-1]
    assert mask.final
    assert [part.instruction for part in mask.parts] == [
        "make the square blue",
        "make the background red",
    ]
    (result,) = (message for message in messages if isinstance(message, Result))
    assert mask.area is not None
    assert (result.area.x, result.area.y) == (mask.area.x, mask.area.y)
    assert (result.area.pixels.width, result.area.pixels.height) == (
        mask.area.pixels.width,
        mask.area.pixels.height,
    )
    assert result.area.pixels.data is not None
    assert result.area.pixels.data[3::4] == mask.area.pixels.data  # the layer's alpha is the mask


async def test_a_named_mask_is_that_of_its_instruction(session: ClientSession) -> None:
    mask = Pixels(9, 7, "gray8", b"\xff" * 63)
    two = "make the square blue, make the background red"
    wanted = submit("named", two, named=(NamedMask("square", Region(5, 3, mask)),))
    messages = await run(session, wanted)
    assert isinstance(messages[-1], Done), messages[-1]
    part = [message for message in messages if isinstance(message, Mask)][-1].parts[0]
    assert part.area is not None and part.map is not None
    assert (part.area.x, part.area.y) == (5, 3) and part.area.pixels == mask


async def test_a_named_mask_that_the_server_does_not_hold_is_missing(
    session: ClientSession,
) -> None:
    await run(session, submit("named-held", mask_only=True))
    named = (NamedMask("square", Region(5, 3, Pixels(9, 7, "gray8", b"\x01" * 63).held())),)
    wanted = submit("named-missing", pixels=picture().held(), named=named)
    messages = await run(session, wanted)
    assert isinstance(messages[-1], Missing)


async def test_words_that_are_longer_than_a_message_takes_are_cut(session: ClientSession) -> None:
    messages = await run(session, submit("long-keyword", f"make the [{'red ' * 59}red] blue"))
    done = messages[-1]
    assert isinstance(done, Done), done
    assert [len(keyword) for keyword in done.keywords] == [MAX_LABEL]
    masks = [message for message in messages if isinstance(message, Mask)]
    assert masks and all(len(part.keyword) == MAX_LABEL for mask in masks for part in mask.parts)


@pytest.mark.parametrize("layout", ["bgra8", "rgba16", "bgra16"])
async def test_every_raw_format_gives_the_same_edit(session: ClientSession, layout: str) -> None:
    results = {}
    for wire in ("rgba8", layout):
        messages = await run(
            session, submit(f"format-{layout}-{wire}", pixels=picture(layout=wire))
        )
        (result,) = (message for message in messages if isinstance(message, Result))
        results[wire] = result.area
    plain, other = results["rgba8"].pixels, results[layout].pixels
    assert other.format == layout
    assert (plain.width, plain.height) == (other.width, other.height)
    step = 2 if layout.endswith("16") else 1
    order = (0, 1, 2, 3) if layout.startswith("rgba") else (2, 1, 0, 3)
    assert plain.data is not None and other.data is not None
    levels = [
        int.from_bytes(other.data[i : i + step], "little") / (257 if step == 2 else 1)
        for i in range(0, len(other.data), step)
    ]
    assert all(
        abs(plain.data[4 * i + c] - levels[4 * i + order[c]]) <= 1
        for i in range(plain.width * plain.height)
        for c in range(4)
    )


async def test_the_same_seed_gives_the_same_bytes(session: ClientSession) -> None:
    first, second, third = [
        await run(session, submit(f"seed-{i}", seed=seed)) for i, seed in enumerate((1, 1, 2))
    ]
    results = [
        [message.area for message in messages if isinstance(message, Result)]
        for messages in (first, second, third)
    ]
    assert results[0] == results[1] != results[2]


async def test_mask_only_changes_nothing(session: ClientSession) -> None:
    messages = await run(session, submit("mask-only", mask_only=True))
    assert isinstance(messages[-1], Done)
    assert any(isinstance(message, Mask) and message.final for message in messages)
    assert not any(isinstance(message, Result) for message in messages)


async def test_a_limit_keeps_the_edit_inside(session: ClientSession) -> None:
    selected = bytes(255 if x < 20 and y < 30 else 0 for y in range(64) for x in range(64))
    messages = await run(
        session, submit("limit", hint=Pixels(64, 64, "gray8", selected), hint_mode="limit")
    )
    assert isinstance(messages[-1], Done), messages[-1]
    for message in messages:
        if isinstance(message, Result):
            assert message.area.x + message.area.pixels.width <= 20
            assert message.area.y + message.area.pixels.height <= 30


async def test_the_same_job_twice_runs_once(session: ClientSession, server: Running) -> None:
    twice = submit("twice")
    await session._send(twice)
    messages = await run(session, twice)
    assert isinstance(messages[-1], Done)
    assert server.log.count("running job=twice\n") == 1


async def test_pixels_that_the_server_holds_are_not_sent_again(
    session: ClientSession, server: Running
) -> None:
    messages = await run(session, submit("held-1"))
    (queued,) = (message for message in messages if isinstance(message, Queued))
    held = picture().held()
    assert held.sha256 in queued.holds
    again = await run(session, submit("held-2", pixels=held))
    assert isinstance(again[-1], Done)


async def test_pixels_that_nobody_holds_are_asked_for(session: ClientSession) -> None:
    assert [
        type(message)
        for message in await run(session, submit("missing", pixels=picture(20, 20).held()))
    ] == [Missing]
    messages = await run(session, submit("missing", pixels=picture(20, 20)))
    assert isinstance(messages[-1], Done)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instruction": "   "}, "empty-instruction"),
        ({"algorithm": "no-such"}, "unknown-algorithm"),
        ({"parameters": {"no-such": 1}}, "unknown-parameter"),
        ({"parameters": {"steps": 100_000}}, "bad-parameter"),
        ({"parameters": {"steps": "many"}}, "bad-parameter"),
    ],
)
async def test_a_bad_request_fails_in_a_sentence_and_the_next_one_works(
    session: ClientSession, changes: dict[str, object], code: str
) -> None:
    bad = replace(submit(f"bad-{code}"), **changes)  # type: ignore[arg-type]
    failed = (await run(session, bad))[-1]
    assert isinstance(failed, Failed)
    assert failed.code == code
    assert failed.sentence.endswith(".") and failed.remedy.endswith(".")


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 7)])
async def test_odd_sizes(session: ClientSession, size: tuple[int, int]) -> None:
    assert isinstance(
        (await run(session, submit(f"size-{size[0]}", pixels=picture(*size))))[-1], Done
    )
