"""How a sentence is understood, told over the wire while the painter writes it.

It is read in a thread of its own, one sentence of a client's at a time. Who writes faster than that
hears of the newest sentence only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

from limn.editing import reading
from limn.editing.auto import PAPERS_OWN
from limn.editing.errors import EditError
from limn.protocol import limits
from limn.protocol.messages import Read, Reading, ReadItem, Said

from .sayings import on_wire


class Reader:
    """Answers a client's Read messages, the newest first and only."""

    def __init__(self, tell: Callable[[Reading], None]) -> None:
        self._tell = tell
        self._waiting: tuple[Read, Collection[str], Mapping[str, str]] | None = None
        self._task: asyncio.Task[None] | None = None

    def read(
        self, asked: Read, available: Collection[str], own: Mapping[str, str] = PAPERS_OWN
    ) -> None:
        """Answer in a while.

        available: the names of the algorithms that can run here. own: the model's own choices.
        """
        self._waiting = asked, available, own
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer())

    def close(self) -> None:
        """Answer nothing any more."""
        self._waiting = None
        if self._task is not None:
            self._task.cancel()

    async def _answer(self) -> None:
        while self._waiting is not None:
            (asked, available, own), self._waiting = self._waiting, None
            answer = await asyncio.to_thread(answered, asked, available, own)
            if self._waiting is None:
                self._tell(answer)


def answered(
    asked: Read, available: Collection[str], own: Mapping[str, str] = PAPERS_OWN
) -> Reading:
    """What is understood; what cannot be an instruction is answered by why not."""
    try:
        found = reading.read(asked.instruction, asked.caption, available, own)
    except EditError as error:
        return Reading(asked.number, (), "", "", on_wire(str(error), error.code))
    title, _, why = found.reason.partition(": ")
    items = tuple(
        ReadItem(
            reading.does(item),
            item.text[: limits.MAX_INSTRUCTION],
            item.subject[: limits.MAX_INSTRUCTION],
            item.relation[: limits.MAX_LABEL],
            item.target[: limits.MAX_INSTRUCTION],
            item.keyword[: limits.MAX_LABEL],
            item.outside,
        )
        for item in found.items[: limits.MAX_ITEMS]
    )
    question = found.question
    return Reading(
        asked.number,
        items,
        title[: limits.MAX_LABEL],
        why[: limits.MAX_LABEL],
        Said("") if question is None else on_wire(question.sentence, question.code),
        "" if question is None else question.proposal[: limits.MAX_INSTRUCTION],
        tuple(on_wire(note) for note in found.notes)[: limits.MAX_ITEMS],
        Said("") if question is None else on_wire(question.remedy),
    )
