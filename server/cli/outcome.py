"""What an edit over the websocket gives, as files.

Previews as they come, then result, layer, masks and report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limn.protocol.messages import (
    Done,
    JobMessage,
    Mask,
    Preview,
    Report,
    Result,
    Submit,
    Variant,
)

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
    variants: dict[int, dict[str, Any]] = field(default_factory=dict)
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
        elif isinstance(message, (Variant, Done)):
            if message.seed not in self.variants:  # one that a lost worker has made already
                self.variants[message.seed] = write(self, message)
            self.mask = self.result = None
            if isinstance(message, Done):
                self.report = self.variants.pop(self.submit.seed)
                self.report["variants"] = list(self.variants.values())
                self.delivery.commit(self.report)


def write(outcome: Outcome, done: Report) -> dict[str, Any]:
    """Writes the files of one seed; returns its report.

    They are result.png, layer.png, mask.png and masks/K.png, where K counts from 1, in the order of
    the instructions. Those of a further seed S are variants/S-result.png, variants/S-layer.png and
    variants/S-mask.png.
    """
    picture = outcome.picture
    is_first = done.seed == outcome.submit.seed
    names = {
        name: f"{name}.png" if is_first else f"variants/{done.seed}-{name}.png"
        for name in ("result", "layer", "mask")
    }
    files = {name: outcome.delivery.place(path) for name, path in names.items()}
    layer = outcome.result.area if outcome.result else None
    mask = outcome.mask.area if outcome.mask else None
    composed = pictures.composed(picture, layer, mask)
    pictures.write(composed, files["result"])
    pictures.write_layer(layer, picture, files["layer"])
    pictures.write_mask(mask, picture, files["mask"])
    if not is_first:
        return {
            "seed": done.seed,
            **names,
            "forwards": done.forwards,
            "rows": done.rows,
            "warnings": [*done.warnings, *composed.warnings],
        }
    parts = []
    for number, part in enumerate(outcome.mask.parts if outcome.mask else (), 1):
        name = f"masks/{number}.png"
        pictures.write_mask(part.area, picture, outcome.delivery.place(name))
        parts.append({"instruction": part.instruction, "keyword": part.keyword, "mask": name})
    return make_report(outcome, done, parts, composed.warnings)


def make_report(
    outcome: Outcome,
    done: Report,
    parts: list[dict[str, str]],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    """The report: what was asked and what was used.

    With it the edit can be understood and repeated.
    """
    submit = outcome.submit
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
