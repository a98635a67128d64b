"""`limn doctor --try`: a model's trial, as findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limn.editing import EditError, load_models
from limn.editing.bench.trial.costs import Cost
from limn.editing.bench.trial.nouns import Localised
from limn.editing.bench.trial.run import Lost, Result, trial
from limn.editing.bench.trial.stock import Compared
from limn.editing.diffusion.budget import ALL, gigabytes
from limn.editing.sketchbook import folder as sketchbook

from ..models.store import donors
from ..settings import SettingsError
from .examine import place_of
from .findings import Finding

BETTER = 0.05
"""Of IoU, by which another level must be better before it is named."""


def findings_of(model: Path | None) -> list[Finding]:
    """What the trial of a model finds. A model that can't be loaded is one finding."""
    try:
        models = load_models(place_of(model) or sketchbook(), device(), others=donors())
        return [finding for result in trial(models) for finding in _told(result)]
    except SettingsError:
        return []  # told already
    except EditError as error:
        return [Finding("trial", "problem", error.sentence, error.remedy)]


def device() -> str:
    """The device that edits use here."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _told(result: Result) -> Iterator[Finding]:
    if isinstance(result, Localised):
        yield _nouns(result)
    elif isinstance(result, Compared):
        yield _loop(result)
    elif isinstance(result, Cost):
        yield _cost(result)
    elif isinstance(result, Lost):
        yield Finding("trial", "note", f"{result.part}: {result.why}.", "The rest was tried.")


def _nouns(result: Localised) -> Finding:
    listed = ", ".join(f"level {level}: {iou:.2f}" for level, iou in result.by_level.items())
    facts = dataclasses.asdict(result) | {"best": result.best}
    sentence = (
        f"IoU of six nouns in three drawn pictures by the UNet's level: {listed}; "
        f"{result.chance:.2f} would be blind. Level {result.used} is used."
    )
    if result.says_nothing:
        remedy = (
            "Nouns localise nowhere in this model: masks will not be where they should. Select "
            "the place, or use another model."
        )
        return Finding("nouns", "note", sentence, remedy, facts)
    if result.by_level[result.best] > result.by_level.get(result.used, 0.0) + BETTER:
        remedy = f'"semantic_level": {result.best} in its limn.json would find places better.'
        return Finding("nouns", "note", sentence, remedy, facts)
    return Finding("nouns", "ok", sentence, facts=facts)


def _loop(result: Compared) -> Finding:
    sentence = (
        f"{result.variant}: after {result.steps} steps the latents differ from those of "
        f"{result.pipeline} by {result.difference:.1e} standard deviations at most."
    )
    facts = dataclasses.asdict(result)
    if result.equal:
        return Finding("loop", "ok", sentence, facts=facts)
    remedy = (
        f"At most {result.bound:g} would be rounding. The model is of a kind that Limn does not "
        "know; please report it."
    )
    return Finding("loop", "problem", sentence, remedy, facts)


def _cost(result: Cost) -> Finding:
    facts: dict[str, Any] = dataclasses.asdict(result)
    forecast = result.forecast
    if forecast is not None:
        facts["forecast"] = {
            "plan": forecast.plan.code,
            "needed": forecast.needed,
            "free": forecast.free,
            "fits": forecast.fits,
        }
    if result.trouble:
        return Finding(
            result.title, "note", result.trouble, "See what is free, and try again.", facts
        )
    sentence = (
        f"{result.rows} rows at {result.side} x {result.side} pixels took {result.seconds:.1f} s "
        f"and at most {gigabytes(result.peak)} of memory; a whole edit would take about "
        f"{result.whole:.0f} s."
    )
    if forecast is not None and not forecast.fits:
        remedy = (
            f"It needs about {gigabytes(forecast.needed)}, and {gigabytes(forecast.free)} are "
            "free: close other programs."
        )
        return Finding(result.title, "note", f"{sentence} A whole one will not fit.", remedy, facts)
    if forecast is not None and forecast.plan != ALL:
        sentence = f"{sentence} To fit, {forecast.plan.words}."
    return Finding(result.title, "ok", sentence, facts=facts)
