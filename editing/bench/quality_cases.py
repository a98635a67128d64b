"""Cases of the quality benchmark: one held-out edit, one method, its figures."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import ALGORITHMS
from ..diffusion import masks
from ..diffusion.loading import Models, load_models
from ..resizing import resize
from ..sketchbook import edit_sentences, edits
from ..sketchbook.edits import Edit, RenderedEdit
from ..sketchbook.judge import Judge, load_judge
from ..sketchbook.scenes import text
from ..sketchbook.verdict import changes_made, rest_kept, to_tensor
from . import metrics, sheet
from .methods import Answer, Changes, Words, ask, has_mask
from .records import Record

DIGITS = 5  # of a figure in the records

Key = tuple[str, int, str]


@dataclass(frozen=True)
class Case:
    """One exact edit, and how it is put into words."""

    edit: Edit
    shown: RenderedEdit
    words: Words

    @classmethod
    def of(cls, type: str, seed: int) -> Case:
        """The held-out edit that `limn scenes --edits TYPE --first SEED` writes, too."""
        made = edits.edit(seed, type)
        told = Words(
            text(edit_sentences.join(edit_sentences.instruction(made))),
            edit_sentences.source_caption(made),
            edit_sentences.target_caption(made),
        )
        return cls(made, edits.render_edit(made), told)

    @property
    def before(self) -> Tensor:
        return to_tensor(self.shown.before.image)

    @property
    def after(self) -> Tensor:
        return to_tensor(self.shown.after.image)

    @property
    def exact(self) -> Tensor:
        """The soft mask of what may change."""
        return to_tensor(self.shown.mask)


@dataclass(frozen=True)
class Work:
    """What a worker needs for one record.

    selected: whether a rectangle around the exact mask limits the edit, as a painter would draw it.
    """

    type: str
    seed: int
    method: str
    preset: str
    out: Path
    changed: Changes = field(default_factory=dict)
    selected: bool = False

    @property
    def key(self) -> Key:
        return self.type, self.seed, self.method

    @property
    def stem(self) -> str:
        return f"{self.type}-{self.seed}-{self.method}"


def key_of(record: Record) -> Key:
    """What a record is about."""
    return record["type"], record["seed"], record["method"]


MARGIN = 4  # pixels of a selection around what it is drawn around


def around(exact: Tensor) -> Tensor:
    """A rectangular selection around a mask (1, 1, H, W).

    It is some pixels wider on each side.
    """
    rows, columns = (exact[0, 0].amax(axis).nonzero()[:, 0] for axis in (1, 0))
    selection = torch.zeros_like(exact)
    top, left = (max(0, int(where[0]) - MARGIN) for where in (rows, columns))
    selection[..., top : int(rows[-1]) + MARGIN + 1, left : int(columns[-1]) + MARGIN + 1] = 1
    return selection


def decoded(models: Models, method: str, raw: Tensor | None, image: Tensor) -> Tensor | None:
    """What the autoencoder alone makes of a picture, at the size of a raw edit.

    image: (1, 3, H, W). A method that leaves a place as it was gives this there, and not the
    picture.
    """
    if raw is None:
        return None
    model = models.get(ALGORITHMS[method].needs[-1])
    return model.round_trip(resize(image, (raw.shape[2], raw.shape[3])).clamp(0, 1))


def figures(judge: Judge, case: Case, answer: Answer, original: Tensor | None) -> dict[str, Any]:
    """All that is measured of one answer.

    original: the picture as the autoencoder shows it, where there is a raw edit.
    """
    assert answer.done is not None
    before, exact, image = case.before, case.exact, answer.done.image
    change = metrics.change(before, image, exact)
    asked = changes_made(judge, case.edit, case.shown, image)
    outside = [judge.features(metrics.zeroed(x, exact)) for x in (before, image)]
    towers = judge.towers
    with torch.no_grad():
        source, target = towers.text(case.words.source), towers.text(case.words.target)
        direction = metrics.direction(towers.image(before), towers.image(image), source, target)
    return {
        "iou": metrics.iou(answer.done.mask.binary, exact)
        if has_mask(answer.done.report.algorithm)
        else None,
        "c_m": change.inside,
        "c_non": change.outside,
        "psnr": metrics.psnr_outside(before, image, exact),
        "psnr_raw": psnr_raw(before, answer.raw, exact),
        "psnr_decoded": None if original is None else psnr_raw(original, answer.raw, exact),
        "ssim": metrics.ssim_outside(before, image, exact),
        "towers_distance": metrics.feature_distance(*outside)
        if metrics.has_outside(exact)
        else None,
        "asked": asked,
        "success": all(asked),
        "kept": rest_kept(judge, case.edit, case.shown, image),
        "direction": direction,
        "error": metrics.error_inside(before, image, case.after, exact),
    } | before_composite(judge, case, answer.raw)


def before_composite(judge: Judge, case: Case, raw: Tensor | None) -> dict[str, bool]:
    """What the judge sees in the method's own picture, where there is one."""
    if raw is None:
        return {}
    image = resize(raw, (case.before.shape[2], case.before.shape[3])).clamp(0, 1)
    return {
        "success_raw": all(changes_made(judge, case.edit, case.shown, image)),
        "kept_raw": rest_kept(judge, case.edit, case.shown, image),
    }


def psnr_raw(before: Tensor, raw: Tensor | None, exact: Tensor) -> float | None:
    """PSNR of what must stay, before the composite put the original back.

    At the size that the method worked at. before: the picture, or that as the autoencoder shows it.
    """
    if raw is None:
        return None
    size = (raw.shape[2], raw.shape[3])
    return metrics.psnr_outside(resize(before, size), raw, masks.area(exact, size))


def written(changed: Changes) -> list[str]:
    """Changed parameters as one gives them, in order."""
    return sorted(
        f"{m}.{name}={value}" for m, own in changed.items() for name, value in own.items()
    )


def record_of(models: Models, judge: Judge, work: Work) -> Record:
    """Run one method on one case, keep its pictures, and measure."""
    case = Case.of(work.type, work.seed)
    answer = ask(
        models,
        work.method,
        case.words,
        case.before,
        work.seed,
        work.preset,
        work.changed,
        around(case.exact) if work.selected else None,
    )
    about: dict[str, Any] = {
        "type": work.type,
        "seed": work.seed,
        "method": work.method,
        "preset": work.preset,
        "changed": written(work.changed),
        "selected": work.selected,
        "model": models.name,
        "instruction": case.words.told(work.method),
    }
    if answer.done is None:
        return about | {
            "refusal": answer.refusal,
            "success": False,
            "seconds": round(answer.seconds, 3),
        }
    sheet.to_image(answer.done.image).save(work.out / "edits" / f"{work.stem}.png")
    sheet.mask_image(answer.done.mask.binary).save(work.out / "masks" / f"{work.stem}.png")
    original = decoded(models, work.method, answer.raw, case.before)
    found = {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in figures(judge, case, answer, original).items()
    }
    used = answer.done.report
    return (
        about
        | found
        | {"forwards": used.forwards, "rows": used.rows, "seconds": round(answer.seconds, 3)}
        | {"processor": round(answer.processor, 3)}
    )


_worker: tuple[Models, Judge] | None = None


def _begin(model: Path, device: str) -> None:
    """Starts a worker process.

    Each has one thread, so that as many as there are cores fill them.
    """
    global _worker
    torch.set_num_threads(1)
    _worker = (load_models(model, device), load_judge())


def _carry_out(work: Work) -> Record:
    assert _worker is not None
    return record_of(*_worker, work)


def measured(todo: Sequence[Work], model: Path, device: str, jobs: int) -> Iterator[Record]:
    """A record for each piece of work, as they come."""
    if jobs == 1:
        models, judge = load_models(model, device), load_judge()
        yield from (record_of(models, judge, work) for work in todo)
        return
    with ExitStack() as stack:
        pool = stack.enter_context(
            multiprocessing.get_context("spawn").Pool(jobs, _begin, (model, device))
        )
        yield from pool.imap_unordered(_carry_out, todo)
