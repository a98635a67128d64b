"""Auto over a real websocket.

Announced first, chosen before anything is loaded, told while the job runs and at its end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from limn.protocol.messages import Chosen, Done, Failed, Progress, Queued, Submit
from limn.protocol.values import filled
from limn.server.cli.client import ClientSession, connect

from .conftest import Running, Start, run, submit

pytestmark = pytest.mark.timeout(600)  # a worker imports torch, which takes a busy machine a minute


def auto(job: str, instruction: str, **changes: object) -> Submit:
    return replace(submit(job, instruction), algorithm="auto", **changes)  # type: ignore[arg-type]


async def test_auto_is_the_first_in_the_list(session: ClientSession) -> None:
    first, *others = session.welcome.algorithms
    assert (first.name, first.title, first.unavailable, first.caption) == (
        "auto",
        "Auto",
        "",
        "useful",
    )
    assert first.summary and [parameter.name for parameter in first.parameters] == ["steps"]
    assert all(
        any(one.name == "steps" for one in other.parameters)
        for other in others
        if not other.baseline
    )
    assert {other.name: other.caption for other in others if not other.baseline} == {
        "foi": "unused", "instdiffedit": "useful", "adapedit": "needed", "tas": "useful"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("instruction", "algorithm", "reason"),
    [
        ("make the square blue, make the background red", "foi", "FoI: two local edits"),
        ("make the dog sit", "tas", "TAS: changes a pose"),
        ("turn the square into a circle", "foi", "FoI: replaces an object"),
        ("a circle", "instdiffedit", "InstDiffEdit: shows what the phrase names"),
    ],
)
async def test_the_choice_comes_before_the_work_and_with_the_end(
    session: ClientSession, server: Running, instruction: str, algorithm: str, reason: str
) -> None:
    messages = await run(session, auto(f"auto-{algorithm}", instruction))
    done = messages[-1]
    assert isinstance(done, Done), done
    (chosen,) = (message for message in messages if isinstance(message, Chosen))
    assert (chosen.algorithm, chosen.reason) == (done.algorithm, done.reason) == (algorithm, reason)
    assert filled(chosen.said.template, chosen.said.data) == reason and done.chosen == chosen.said
    assert isinstance(messages[0], Queued) and messages[1] is chosen
    assert f"chose job=auto-{algorithm} algorithm={algorithm}\n" in server.log


@pytest.mark.parametrize("algorithm", ["auto", "foi"])
@pytest.mark.parametrize(
    ("instruction", "code", "proposal"),
    [
        ("mkae the square blue", "did-you-mean", "make the square blue"),
        ("mach das Quadrat blau", "not-english", ""),
        ("don't touch the square", "negation", ""),
    ],
)
async def test_what_is_not_understood_is_asked_before_anything_is_done(
    session: ClientSession, algorithm: str, instruction: str, code: str, proposal: str
) -> None:
    job = f"{code}-{algorithm}"
    *before, failed = await run(session, replace(submit(job, instruction), algorithm=algorithm))
    assert isinstance(failed, Failed) and (failed.code, failed.proposal) == (code, proposal)
    assert not any(isinstance(message, Progress) for message in before)


async def test_a_named_algorithm_is_not_chosen(session: ClientSession) -> None:
    messages = await run(session, submit("named", "make the dog sit"))
    assert not any(isinstance(message, Chosen) for message in messages)
    assert isinstance(messages[-1], Done) and (messages[-1].algorithm, messages[-1].reason) == (
        "foi",
        "",
    )


async def test_seconds_left_come_from_the_chosen_algorithms_own_past(
    session: ClientSession,
) -> None:
    """An edit by FoI's name tells the time of the next that Auto gives to FoI."""
    await run(session, submit("past"))
    messages = await run(session, auto("future", "make the square blue"))
    first = next(message for message in messages if isinstance(message, Progress))
    assert first.seconds_left is not None


async def test_a_caption_that_is_needed_is_asked_for_and_then_used(session: ClientSession) -> None:
    wanted = replace(
        submit("asked", "make the square striped"),
        algorithm="adapedit",
        parameters={"steps": 2, "prepass_steps": 2},
    )
    *before, failed = await run(session, wanted)
    assert isinstance(failed, Failed) and failed.code == "needs-caption"
    assert not any(isinstance(message, Progress) for message in before), (
        "nothing is loaded, and nothing begun"
    )
    assert failed.sentence.endswith(".") and "caption" in failed.remedy
    told = await run(
        session, replace(wanted, job="told", caption="a red square on a green background")
    )
    assert isinstance(told[-1], Done), told[-1]
    assert told[-1].understood["source"] == "a red square on a green background"


async def test_a_captioner_says_what_nobody_has_written(
    start_server: Start, tiny_captioner: Path
) -> None:
    """With it Auto takes the algorithm that fits.

    A caption that was written goes before it; where none is needed it is not asked.
    """
    running = start_server("--captioner", str(tiny_captioner))
    async with await connect(running.address) as session:
        few = {"parameters": {"steps": 2}}
        described = (await run(session, auto("described", "make the star striped", **few)))[-1]
        assert isinstance(described, Done), described
        assert (described.algorithm, described.reason) == (
            "adapedit",
            "AdapEdit: changes an adjective",
        )
        assert set(described.understood["source"].split()) == {"star"}
        assert any(
            warning.startswith("The captioner says: star star") for warning in described.warnings
        )
        assert (
            next(iter(described.seconds)) == "looking at the picture"
            and described.seconds["looking at the picture"] > 0
        )
        written = (
            await run(
                session, auto("written", "make the star striped", caption="a red star", **few)
            )
        )[-1]
        assert (
            isinstance(written, Done)
            and written.understood["source"] == "a red star"
            and not written.warnings
        )
        plain = await run(session, auto("plain", "make the star blue", **few))
        assert isinstance(plain[-1], Done) and not plain[-1].warnings
        assert "looking at the picture" not in [
            message.stage for message in plain if isinstance(message, Progress)
        ]


async def test_a_captioner_that_is_not_there_is_told_when_it_is_wanted(
    start_server: Start, tmp_path: Path
) -> None:
    running = start_server("--captioner", str(tmp_path / "nowhere"))
    async with await connect(running.address) as session:
        failed = (await run(session, auto("undescribed", "make the star striped")))[-1]
        assert isinstance(failed, Failed) and failed.code == "no-captioner"
        assert isinstance((await run(session, auto("not-needed", "make the star blue")))[-1], Done)


async def test_the_choice_survives_a_dropped_connection(server: Running) -> None:
    first = await connect(server.address)
    messages = first.submit(auto("auto-dropped", "make the square blue", parameters={"steps": 400}))
    async for message in messages:
        if isinstance(message, Progress) and message.step >= 1:
            break
    await first.close()
    async with await connect(server.address) as second:
        kept = []
        async for message in second.resume("auto-dropped"):
            kept.append(message)
            if isinstance(message, Progress):
                await second.cancel("auto-dropped")
        assert [message.reason for message in kept if isinstance(message, Chosen)] == [
            "FoI: a local change of colour"
        ]


async def test_a_model_without_foi_chooses_among_what_it_has(
    start_server: Start, tiny_model: Path
) -> None:
    running = start_server("--model", f"{tiny_model}/text-to-image")
    async with await connect(running.address) as session:
        failed = await run(session, auto("lacking", "make the square blue"))
        assert isinstance(failed[-1], Failed) and failed[-1].code == "needs-caption"
        told = await run(
            session,
            auto("given", "make the square blue", caption="a red square", parameters={"steps": 2}),
        )
        assert isinstance(told[-1], Done)
        assert (told[-1].algorithm, told[-1].reason) == (
            "adapedit",
            "AdapEdit: a local change of colour; FoI is not there",
        )
