"""One figure for each column of the papers' tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from . import metrics
from .methods import Answer, has_mask
from .paper_sets import Sample
from .paper_tables import Evaluation
from .perception import MissingWeights, Perception

Figure = Callable[[Perception, Sample, Tensor, Tensor], float | None]
"""figure(perception, sample, before, after).

None where the sample lacks what it needs. Raises MissingWeights.
"""


def lpips(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float:
    return float(eyes.lpips()((2 * after - 1).to(eyes.device), (2 * before - 1).to(eyes.device)))


def lpips_outside(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float | None:
    """PIE-Bench's: squeeze, both pictures zeroed inside the mask."""
    if sample.mask is None or not metrics.has_outside(sample.mask):
        return None
    a, b = (2 * metrics.zeroed(x, sample.mask) - 1 for x in (after, before))
    return float(eyes.lpips("squeeze")(a.to(eyes.device), b.to(eyes.device)))


def clip_score(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float | None:
    """100 cos(edit, target text), at least 0."""
    if not sample.words.target:
        return None
    return max(
        0.0,
        100
        * float(
            F.cosine_similarity(eyes.clip().image(after), eyes.clip().text(sample.words.target))
        ),
    )


def clip_inside(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float | None:
    """The same of the edited part, the rest black."""
    return None if sample.mask is None else clip_score(eyes, sample, before, after * sample.mask)


def clip_direction(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float | None:
    clip, words = eyes.clip(), sample.words
    if not words.source or not words.target:
        return None
    return metrics.direction(
        clip.image(before), clip.image(after), clip.text(words.source), clip.text(words.target)
    )


def clip_i(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float:
    return float(F.cosine_similarity(eyes.clip().image(before), eyes.clip().image(after)))


def dino_i(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float:
    return float(F.cosine_similarity(eyes.dino().token(before), eyes.dino().token(after)))


def pickscore(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float | None:
    """The logit; the table turns the methods' logits into shares."""
    if not sample.words.target:
        return None
    return eyes.pick().scale * float(
        F.cosine_similarity(eyes.pick().image(after), eyes.pick().text(sample.words.target))
    )


def aesthetic(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float:
    with torch.no_grad():
        return float(eyes.aesthetic()(eyes.clip().image(after)))


def structure(eyes: Perception, sample: Sample, before: Tensor, after: Tensor) -> float:
    return float(
        F.mse_loss(eyes.keys().self_similarity(after), eyes.keys().self_similarity(before))
    )


def masked(figure: Callable[[Tensor, Tensor, Tensor], float | None]) -> Figure:
    """A figure of metrics.py that needs the exact mask."""
    return lambda eyes, sample, before, after: (
        None if sample.mask is None else figure(before, after, sample.mask)
    )


FIGURES: Mapping[str, Figure] = {
    "lpips": lpips,
    "lpips_outside": lpips_outside,
    "clip_score": clip_score,
    "clip_inside": clip_inside,
    "clip_direction": clip_direction,
    "clip_i": clip_i,
    "dino_i": dino_i,
    "pickscore": pickscore,
    "aesthetic": aesthetic,
    "structure": structure,
    "psnr": masked(metrics.psnr_outside),
    "mse": masked(metrics.mse_outside),
    "ssim": masked(metrics.ssim_outside),
    "c_m": masked(lambda before, after, mask: metrics.change(before, after, mask).inside),
    "c_non": masked(lambda before, after, mask: metrics.change(before, after, mask).outside),
}
"""The figures of one edit by itself.

The others, iou, seconds, ratio and fid, come from the answer or from all records together.
"""


def figures(
    evaluation: Evaluation, eyes: Perception, sample: Sample, before: Tensor, answer: Answer
) -> dict[str, float | None]:
    """A record's columns; those whose instrument is missing are left out."""
    assert answer.done is not None
    after, found = answer.done.image, answer.done.mask.binary
    row: dict[str, float | None] = {
        "seconds": answer.seconds,
        "rows": float(answer.done.report.rows),
    }
    for name in evaluation.columns:
        if name == "iou":
            masked_method = has_mask(answer.done.report.algorithm)
            row[name] = (
                metrics.iou(found, sample.mask)
                if masked_method and sample.mask is not None
                else None
            )
        elif name in FIGURES:
            try:
                row[name] = FIGURES[name](eyes, sample, before, after)
            except MissingWeights as error:
                eyes.missing.setdefault(name, str(error))
    return row
