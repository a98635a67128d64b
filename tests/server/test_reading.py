"""How a sentence is understood, over the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from limn import editing
from limn.protocol.messages import Failed, Read, Reading
from limn.server import reading
from limn.server.bridge import Editor

from .conftest import submit


def test_a_sentence_is_told_by_its_parts() -> None:
    told = reading.answered(Read(7, "make the box red, add a cat left of the lamp"), ("foi",))
    assert told.number == 7 and told.algorithm == "FoI" and not told.question.template
    first, second = told.items
    assert (first.does, first.subject, first.target, first.keyword) == (
        "recolour", "the box", "red", "box",
    )  # fmt: skip
    assert (second.does, second.relation, second.keyword) == ("add", "left of", "cat")


@pytest.mark.parametrize(
    ("sentence", "code", "proposal"),
    [
        ("", "empty-instruction", ""),
        ("x" * 5000, "instruction-too-long", ""),
        ("mach den Stern blau", "not-english", ""),
        ("chnage the car to a bike", "did-you-mean", "change the car to a bike"),
    ],
)
def test_what_is_not_understood_is_a_question(sentence: str, code: str, proposal: str) -> None:
    told = reading.answered(Read(1, sentence), ("foi", "instdiffedit"))
    assert told.question.code == code and told.proposal == proposal and str(told.question)
    assert str(told.remedy) or code.startswith(("empty", "instruction-too"))


@pytest.mark.parametrize(
    ("sentence", "code", "instead"),
    [
        ("mach den Stern blau", "not-english", "Write it in English, for example"),
        ("don't change the sky", "negation", "make everything except the star darker"),
        ("surprise me", "unclear", "add a hat to the man"),
    ],
)
def test_an_edit_that_is_not_understood_tells_what_to_write_instead(
    tiny_model: Path, sentence: str, code: str, instead: str
) -> None:
    editor = Editor(editing.load_models(tiny_model))
    (failed,) = editor.run(submit("asked", instruction=sentence), lambda: False)
    assert isinstance(failed, Failed) and failed.code == code and instead in failed.remedy
    assert [str(one) for one in failed.said] == [failed.sentence, failed.remedy]


def test_only_the_newest_is_answered() -> None:
    heard: list[Reading] = []

    async def run() -> None:
        reader = reading.Reader(heard.append)
        for number in range(50):
            reader.read(Read(number, f"make the box red {'very ' * number}"), ("foi",))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if heard:
                break
        reader.close()

    asyncio.run(run())
    assert [one.number for one in heard] == [49]
