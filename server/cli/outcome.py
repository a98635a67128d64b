"""What an edit over the websocket gives, as files.

Previews as they come, then result, layer, masks and report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limn.protocol.messages import Done, JobMessage, Mask, Preview, Result, Submit

from . import pictures
from .delivery import Delivery
from .pictures import Picture


@dataclass
class Outcome:
    """The messages of one job that end up in files.

    Previews are written at once, the rest by `write`, which `take` calls as soon as the job is
    done.
    """

    delivery: Delivery
    picture: Picture
    submit: Submit
    model: str
    mask: Mask | None = None
    result: Result | None = None
    done: Done | None = None
    previews: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)

    def take(self, message: JobMessage) -> None:
        """Keep what this message brings; after Done the files are in the user's folder.

        Raises OSError or UsageError where they can't be.
        """
        if isinstance(message, Preview):
            name = f"previews/{message.step:03}.jpg"
            assert message.picture.data is not None
            self.delivery.place(name).write_bytes(message.picture.data)
            if name not in self.previews:
                self.previews.append(name)
        elif isinstance(message, Mask):
            self.mask = message
        elif isinstance(message, Result):
            self.result = message
        elif isinstance(message, Done):
            self.done = message
            self.report = write(self)


def write(outcome: Outcome) -> dict[str, Any]:
    """Writes result.png, layer.png, mask.png, masks/K.png and report.json.

    K counts from 1, in the order of the instructions. Returns the report.
    """
    picture, place = outcome.picture, outcome.delivery.place
    layer = outcome.result.area if outcome.result else None
    mask = outcome.mask.area if outcome.mask else None
    composed = pictures.composed(picture, layer, mask)
    pictures.write(composed, place("result.png"))
    pictures.write_layer(layer, picture, place("layer.png"))
    pictures.write_mask(mask, picture, place("mask.png"))
    parts = []
    for number, part in enumerate(outcome.mask.parts if outcome.mask else (), 1):
        name = f"masks/{number}.png"
        pictures.write_mask(part.area, picture, place(name))
        parts.append({"instruction": part.instruction, "keyword": part.keyword, "mask": name})
    report = make_report(outcome, parts, composed.warnings)
    outcome.delivery.commit(report)
    return report


def make_report(
    outcome: Outcome,
    parts: list[dict[str, str]],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    """The report: what was asked and what was used.

    With it the edit can be understood and repeated.
    """
    done, submit = outcome.done, outcome.submit
    assert done is not None
    return {
        "algorithm": done.algorithm,
        "reason": done.reason,
        "instruction": submit.instruction,
        "caption": submit.caption,
        "seed": done.seed,
        "parameters": dict(submit.parameters),
        "hint_mode": submit.hint_mode,
        "keep_transparency": submit.keep_transparency,
        "model": outcome.model,
        "keywords": list(done.keywords),
        "thresholds": dict(done.thresholds),
        "passes": done.passes,
        "forwards": done.forwards,
        "rows": done.rows,
        "seconds": dict(done.seconds),
        "parts": parts,
        "understood": dict(done.understood),
        "reused": list(done.reused),
        "previews": outcome.previews,
        "warnings": [*done.warnings, *warnings],
    }
