"""What an edit over the websocket gives, as files: previews as they come, then result, layer, masks
and report.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limn.protocol.messages import Done, JobMessage, Mask, Preview, Result, Submit

from . import pictures
from .pictures import Picture


@dataclass
class Outcome:
    """The messages of one job that end up in files. Previews are written at once."""

    folder: Path
    mask: Mask | None = None
    result: Result | None = None
    done: Done | None = None
    previews: list[str] = field(default_factory=list)

    def take(self, message: JobMessage) -> None:
        """Keep what this message brings."""
        if isinstance(message, Preview):
            name = f"previews/{message.step:03}.jpg"
            (self.folder / "previews").mkdir(parents=True, exist_ok=True)
            assert message.picture.data is not None
            (self.folder / name).write_bytes(message.picture.data)
            self.previews.append(name)
        elif isinstance(message, Mask):
            self.mask = message
        elif isinstance(message, Result):
            self.result = message
        elif isinstance(message, Done):
            self.done = message


def clear(folder: Path) -> None:
    """Take away what an earlier edit has left in the folder, so that two edits never mix.

    Other files stay.
    """
    names = ("result.png", "layer.png", "mask.png", "report.json")
    for file in [
        *(folder / name for name in names),
        *folder.glob("previews/*.jpg"),
        *folder.glob("masks/*.png"),
    ]:
        file.unlink(missing_ok=True)


def write(outcome: Outcome, picture: Picture, submit: Submit, model: str) -> dict[str, Any]:
    """Write result.png, layer.png, mask.png, masks/K.png (from 1, in the order of the instructions)
    and report.json; return the report.
    """
    assert outcome.done is not None
    folder, size = outcome.folder, picture.size
    layer = outcome.result.area if outcome.result else None
    composed = pictures.composed(picture, layer)
    pictures.write(composed, folder / "result.png")
    pictures.write_layer(layer, size, picture.deep, folder / "layer.png")
    pictures.write_mask(outcome.mask.area if outcome.mask else None, size, folder / "mask.png")
    parts = []
    for number, part in enumerate(outcome.mask.parts if outcome.mask else (), 1):
        (folder / "masks").mkdir(exist_ok=True)
        pictures.write_mask(part.area, size, folder / "masks" / f"{number}.png")
        parts.append(
            {
                "instruction": part.instruction,
                "keyword": part.keyword,
                "mask": f"masks/{number}.png",
            }
        )
    report = make_report(outcome, submit, model, parts, composed.warnings)
    (folder / "report.json").write_text(
        json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return report


def make_report(
    outcome: Outcome,
    submit: Submit,
    model: str,
    parts: list[dict[str, str]],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    """What was asked and what was used, so that the edit can be understood and repeated."""
    done = outcome.done
    assert done is not None
    return {
        "algorithm": done.algorithm,
        "reason": done.reason,
        "instruction": submit.instruction,
        "caption": submit.caption,
        "seed": done.seed,
        "parameters": dict(submit.parameters),
        "hint_mode": submit.hint_mode,
        "model": model,
        "keywords": list(done.keywords),
        "thresholds": dict(done.thresholds),
        "forwards": done.forwards,
        "rows": done.rows,
        "seconds": dict(done.seconds),
        "parts": parts,
        "understood": dict(done.understood),
        "reused": list(done.reused),
        "previews": outcome.previews,
        "warnings": [*done.warnings, *warnings],
    }
