"""Edits that were submitted and have not ended.

And which pixels the server holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...protocol import limits
from ...protocol.messages import Failed, NamedMask, Pixels, Region, Submit
from ...protocol.values import Format


class Place(Protocol):
    """A rectangle, in pixels of what is sent."""

    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Named(Protocol):
    """A mask by name, in strips from top to bottom, one byte a pixel."""

    @property
    def name(self) -> str: ...
    @property
    def area(self) -> Place: ...
    @property
    def strips(self) -> Sequence[bytes]: ...


@dataclass(frozen=True)
class Draft:
    """An edit to submit.

    Its pixels are still in the pieces in which they were read: they are joined and hashed outside
    the main thread.
    """

    submit: Callable[[Pixels, Pixels | None, tuple[NamedMask, ...]], Submit]
    job: str
    width: int
    height: int
    format: Format
    pixels: Sequence[bytes]
    hint: Sequence[bytes] | None
    named: Sequence[Named] = ()


@dataclass
class SubmittedJob:
    """An edit that has not ended.

    It is what a reconnect needs, or a server that has dropped its pixels.
    """

    message: Submit
    last_seen: int = 0


class SubmittedJobs(dict[str, SubmittedJob]):
    """Those that have not ended, by their job's id.

    holds: hashes of pixels that the server has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.holds: set[str] = set()

    def take(self, draft: Draft) -> SubmittedJob:
        """Joins and hashes a draft's pixels, and keeps it until its end.

        Raises MemoryError.
        """
        pixels = Pixels(draft.width, draft.height, draft.format, b"".join(draft.pixels))
        hint = (
            None
            if draft.hint is None
            else Pixels(draft.width, draft.height, "gray8", b"".join(draft.hint))
        )
        masks = tuple(
            NamedMask(
                one.name[: limits.MAX_LABEL],
                Region(
                    one.area.x,
                    one.area.y,
                    Pixels(one.area.width, one.area.height, "gray8", b"".join(one.strips)),
                ),
            )
            for one in draft.named
        )
        self[draft.job] = SubmittedJob(draft.submit(pixels, hint, masks))
        return self[draft.job]

    def without_held(self, message: Submit) -> Submit:
        """The message with the pixels that the server holds already given by their hash."""
        pixels = message.pixels.held() if message.pixels.sha256 in self.holds else message.pixels
        hint = message.hint
        if hint is not None and hint.sha256 in self.holds:
            hint = hint.held()
        return replace(message, pixels=pixels, hint=hint)

    def given_up(self, sentence: str, remedy: str, details: str, only: str) -> Iterator[Failed]:
        """All of them (or only one) end here, for this reason."""
        for name, job in tuple(self.items()):
            if not only or name == only:
                del self[name]
                yield Failed(
                    name,
                    job.last_seen + 1,
                    "server-lost",
                    sentence,
                    f"{remedy}\n{details}".strip(),
                )
