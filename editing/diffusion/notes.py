"""limn.json, a model's notes: what Limn can't read from the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .checked_json import read
from .configuration import Word
from .recognition import VARIANTS

NOTES = "limn.json"

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Notes(BaseModel):
    """limn.json: what Limn can't read from the networks.

    A key that it does not know is refused, for this file is written by hand. native_size: pixels of
    the shorter side that the model was trained on. semantic_level: the UNet's level at which nouns
    localise best, 0 the finest. defaults: of parameters, by algorithm; the algorithms check them.
    auto: the algorithm that Auto takes on this model, by kind of change (auto.KINDS), where its own
    figures say otherwise than the papers.
    clip_skip: how many of the text encoder's last layers are left out; 1 for most anime models (the
    "clip skip 2" of A1111). vae: a file whose autoencoder is used instead of the model's own,
    relative to the model's folder.
    world: of a model that knows but a small part of the world (world.py). context: share of a
    place's side that it is to see beyond it, on each side (in_places.py).
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    name: Name | None = None
    native_size: Annotated[int, Field(ge=8, le=8192)] | None = None
    semantic_level: Annotated[int, Field(ge=0, le=7)] | None = None
    defaults: dict[
        Word, dict[Word, bool | int | float | Annotated[str, Field(max_length=200)]]
    ] = {}
    auto: Annotated[dict[Word, Word], Field(max_length=64)] = {}
    clip_skip: Annotated[int, Field(ge=0, le=8)] = 0
    vae: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    world: World | None = None
    context: Annotated[float, Field(ge=0, le=4)] | None = None


class World(BaseModel):
    """All that a small model knows.

    `about` says what, in a few words. `error`: the median error of its autoencoder above which a
    picture is not of that world. `presence`: the score below which a thing is not in a picture
    (presence.py); None where none is known.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    about: Annotated[str, Field(max_length=80)]
    error: Annotated[float, Field(gt=0, lt=1)]
    presence: Annotated[float, Field(gt=-100, lt=100)] | None = None


def notes_of(place: Path) -> Notes:
    """A model's limn.json.

    It lies in the model's folder; for a file NAME.safetensors it is NAME.limn.json beside it. Where
    the folder's name or the file's is a variant's, the limn.json of the folder that holds it counts
    for all variants; so it does for a file that lies there alone.
    """
    parent = place.parent
    own = place / NOTES if place.is_dir() else place.with_suffix(f".{NOTES}")
    shared = place.stem in VARIANTS.values() or (
        place.is_file() and len(list(parent.glob("*.safetensors"))) == 1
    )
    for candidate in (own, parent / NOTES) if shared else (own,):
        if candidate.is_file():
            return read(Notes, candidate)
    return Notes()
