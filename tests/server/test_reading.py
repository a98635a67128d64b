"""How a sentence is understood, over the wire."""

from __future__ import annotations

import asyncio

import pytest

from limn.protocol.messages import Read, Reading
from limn.server import reading


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
