"""The sentences that are made up of values.

The painter reads progress, a good end, a layer's name. No Krita, no Qt.
"""

from __future__ import annotations

from ..protocol.messages import Report
from .counting import Counted
from .panel_values import Work
from .translations import tr

QUESTIONS = {
    "needs-caption": "What does the picture show now? Write it here, then press Enter.",
    "not-in-caption": "What should change is not in this description. Name it here, then press "
    "Enter.",
}
"""What to ask the painter where an edit fails with one of these codes."""

TAKE_IT = "Press Enter to take it; the Up key brings back what you wrote."
"""What to do where another instruction could be meant.

The edit was not begun for that.
"""

ALL_THE_SAME = "Press Enter to edit all the same; Find mask shows what would be taken for it."
"""What can be done where the thing to change was not found in the picture."""

SAME_AGAIN = (
    "{algorithm} draws no random numbers, so that again gives the same picture. Change the words "
    "or a parameter."
)
"""Why nothing is done where another seed would change nothing."""

SELECT = "Select the part to edit, with Selection at limit."
"""What to do about what is too large for one edit."""

FLATTENED = "The layer is cut out, without a mask to paint on: Krita has none for it."
"""What is said where a result could not have a transparency mask."""

MAX_NAME = 80
"""Characters of an instruction in a layer's name.

Krita's layer list shows some 30, its tooltip all.
"""


def done_words(
    done: Report,
    seconds: float,
    mask_only: bool,
    selected: bool = True,
    counted: Counted | None = None,
) -> str:
    """The line that stands where progress stood, for a good end.

    counted: what was counted on the new layer; None where it could not be.
    """
    if mask_only:
        words = tr("mask found in {seconds} s", seconds=f"{seconds:.0f}")
        return words + (f" · {tr('it is the selection now')}" if selected else "")
    words = tr("done in {seconds} s · seed {seed}", seconds=f"{seconds:.0f}", seed=done.seed)
    if counted is not None:
        changed = tr(
            "{share} of the picture changed, {count} pixels outside the mask",
            share=share_words(counted.share),
            count=f"{counted.outside:,}",
        )
        words += f" · {changed}"
    return words


def share_words(share: float) -> str:
    """A share, 0..1, as a percentage: "7%", "less than 1%"."""
    percent = round(100 * share)
    return tr("less than 1%") if percent < 1 else f"{percent}%"


def progress_words(work: Work) -> str:
    """The line beside the progress bar: "denoising 31 of 80 · 4 s"."""
    words = tr(work.stage)
    if work.count:
        words += " " + tr("{step} of {count}", step=work.step, count=work.count)
    if work.number:
        where = tr("place {number} of {passes}", number=work.number, passes=work.passes)
        words = f"{where} · {words}"
    if work.seconds_left is not None and work.seconds_left >= 1:
        words += f" · {_duration(work.seconds_left)}"
    if work.waiting:
        words += " · " + tr("{count} more waiting", count=work.waiting)
    return words


def waiting_words(what: str) -> str:
    """The same line for a result that waits for the painter: for an open dialog, say."""
    return tr("ready · waits for {what}", what=tr(what))


def layer_name(instruction: str, seed: int) -> str:
    """The new layer's name.

    The instruction on one line, shortened where it is long, and the seed.
    """
    return tr("{words} (seed {seed})", words=one_line(instruction), seed=seed)


def one_line(instruction: str) -> str:
    """An instruction on one line, shortened where it is long."""
    words = " ".join(instruction.split())
    return words if len(words) <= MAX_NAME else words[: MAX_NAME - 1].rstrip() + "…"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f}\N{NO-BREAK SPACE}s"
        if seconds < 90
        else f"{seconds / 60:.0f}\N{NO-BREAK SPACE}min"
    )
