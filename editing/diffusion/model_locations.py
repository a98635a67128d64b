"""Where models lie.

From a place that a person names to one checkpoint for each variant.

    locate(place) -> {"text-to-image": Checkpoint, ...}

A place is a single file, a folder in the diffusers format, a folder with either under the variants'
names, a selection (a JSON file that names a place for each variant), or a folder of another
program: the Hugging Face cache, ComfyUI's, Automatic1111's, InvokeAI's, krita-ai-diffusion's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UnreadableModel
from .checked_json import read_bytes
from .families import FAMILY as SD1
from .folder_weights import object_in
from .notes import notes_of
from .recognition import MOST_QUOTED, VARIANTS, Checkpoint, check_name, is_folder, recognise

DEPTH = 5
"""How many folders below the named one are looked into.

ComfyUI/models/checkpoints/SD1.5/mine has 4.
"""

MAX_ENTRIES = 20_000
"""Files and folders that are looked at: a home folder named by mistake has more."""

MAX_FOUND = 500
SUFFIXES = (".safetensors", ".sft", ".ckpt", ".gguf")
SKIPPED = frozenset({
    "loras", "lora", "lycoris", "controlnet", "embeddings", "vae", "vae_approx", "clip",
    "clip_vision", "text_encoders", "upscale_models", "esrgan", "hypernetworks", "ipadapter",
    "style_models", "node_modules", "blobs", "refs", ".git", "__pycache__",
})  # fmt: skip
"""Folders of other programs that hold no checkpoints; in small letters."""


def locate(source: Path, others: Iterable[Path] = ()) -> dict[str, Checkpoint]:
    """One checkpoint for each variant that is there, whole. Raises UnreadableModel.

    others: further models, whose autoencoder or text encoder may stand in for a missing one.
    """
    try:
        check_name(source)
        found = {variant: _with_vae(one) for variant, one in _find(source).items()}
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        told = f"{str(source)[:MOST_QUOTED]!r} can't be read: {error}."[: 2 * MOST_QUOTED]
        raise UnreadableModel("unreadable-model", told, "Give another place.") from error
    return {variant: _completed(checkpoint, found, others) for variant, checkpoint in found.items()}


NETWORKS = {"vae": "autoencoder (VAE)", "text_encoder": "text encoder"}


def _completed(
    checkpoint: Checkpoint, found: Mapping[str, Checkpoint], others: Iterable[Path]
) -> Checkpoint:
    """A single file with what it lacks taken from another model.

    Looked for in this order: an autoencoder in the same folder or in the folder `VAE` or `vae`
    next to it, the other variants, files in the same folder, the others.
    """
    donors = dict(checkpoint.donors)
    for part in checkpoint.missing:
        if part in donors:
            continue
        donor = next(_donors(part, checkpoint.place, found, others), None)
        if donor is None:
            raise UnreadableModel(
                "missing-parts",
                f"{checkpoint.place} has no {NETWORKS[part]}.",
                "Put a Stable Diffusion 1.x checkpoint that has one into the same "
                f"folder{', or a VAE file' * (part == 'vae')}.",
            )
        donors[part] = donor
    return replace(checkpoint, donors=donors)


def _with_vae(checkpoint: Checkpoint) -> Checkpoint:
    """With the autoencoder that limn.json names, where it names one."""
    place = checkpoint.place
    wanted = notes_of(place).vae
    if wanted is None:
        return checkpoint
    folder = place if place.is_dir() else place.parent
    vae = recognise(folder / Path(wanted).expanduser())
    if "vae" not in vae.parts:
        raise UnreadableModel(
            "no-vae",
            f"limn.json names {vae.place} as autoencoder (VAE), and there is none of "
            "Stable Diffusion 1.x.",
            "Name a VAE file, or a checkpoint that has one.",
        )
    return replace(checkpoint, donors={"vae": vae})


def _donors(
    part: str, place: Path, found: Mapping[str, Checkpoint], others: Iterable[Path]
) -> Iterator[Checkpoint]:
    folder = place.parent
    if part == "vae":
        for beside in (folder, folder.parent / "VAE", folder.parent / "vae"):
            for file in sorted(beside.glob("*.safetensors"))[:MAX_FOUND]:
                own = recognise(file)
                if own.trouble and own.trouble.code == "vae-only" and "vae" in own.parts:
                    yield own
    for checkpoint in (
        *found.values(),
        *(recognise(file) for file in sorted(folder.glob("*.safetensors"))[:MAX_FOUND]),
        *map(recognise, others),
    ):
        if part in checkpoint.parts and checkpoint.trouble is None and checkpoint.family == SD1:
            yield checkpoint


def _find(source: Path) -> dict[str, Checkpoint]:
    if source.suffix.lower() == ".json" and source.is_file():
        return _selection(source)
    if not source.is_dir():
        checkpoint = recognise(source).checked()
        return {checkpoint.variant: checkpoint}
    own, found = {}, {}
    if is_folder(source):
        checkpoint = recognise(source).checked()
        own = {checkpoint.variant: checkpoint}
    for variant in VARIANTS.values():
        if variant not in own and (place := _named(source, variant)) is not None:
            found[variant] = _of_variant(place, variant)
    return own | found or _choose(source, list(survey(source)))


def _named(source: Path, variant: str) -> Path | None:
    """The checkpoint under a variant's name, a file before a folder.

    Beside a file, the folder holds its configuration.
    """
    file, folder = source / f"{variant}.safetensors", source / variant
    if file.is_file():
        return file
    return folder if is_folder(folder) else None


def _of_variant(place: Path, variant: str) -> Checkpoint:
    checkpoint = recognise(place).checked()
    if checkpoint.variant != variant:
        raise UnreadableModel(
            "wrong-variant",
            f"{place} should hold the {variant} variant but holds {checkpoint.variant}.",
            "Rename it.",
        )
    return checkpoint


def _selection(file: Path) -> dict[str, Checkpoint]:
    """What a selection of places names.

    It is {"text-to-image": "PLACE", ...}, relative to where it lies.
    """
    chosen = {}
    for variant, place in object_in(file).items():
        if variant in VARIANTS.values() and isinstance(place, str):
            chosen[variant] = _of_variant(file.parent / Path(place).expanduser(), variant)
    if not chosen:
        known = ", ".join(VARIANTS.values())
        raise UnreadableModel(
            "no-model",
            f"{file} names no model.",
            f'Write it as {{"text-to-image": "PLACE"}}; the names are {known}.',
        )
    return chosen


def _choose(source: Path, found: list[Checkpoint]) -> dict[str, Checkpoint]:
    """One of each variant from what lies in a folder of another program."""
    usable = [checkpoint for checkpoint in found if checkpoint.trouble is None]
    if not usable and len(found) == 1:
        found[0].checked()
    if not usable:
        listed = "".join(f"\n  {c.trouble.sentence}" for c in found[:8] if c.trouble)
        raise UnreadableModel(
            "no-model",
            f"There is no model {'that Limn can use ' * bool(found)}in {source}.{listed}",
            "Give a folder with a model_index.json, a .safetensors file, or a folder that holds "
            "either under the name text-to-image, inpainting or instruction.",
        )
    chosen = {}
    for variant in VARIANTS.values():
        candidates = [checkpoint for checkpoint in usable if checkpoint.variant == variant]
        if len(candidates) > 1:
            listed = ", ".join(str(checkpoint.place) for checkpoint in candidates[:8])
            raise UnreadableModel(
                "several-models",
                f"There are {len(candidates)} {variant} models in {source}: {listed}.",
                f"Name one of them, for example --model {candidates[0].place}",
            )
        if candidates:
            chosen[variant] = candidates[0]
    return chosen


def survey(folder: Path) -> Iterator[Checkpoint]:
    """Every checkpoint below a folder, in the order of their names.

    Those that cannot be used are among them. Goes DEPTH folders deep, and stops after MAX_ENTRIES
    entries.
    """
    left = [MAX_ENTRIES]
    for count, place in enumerate(_candidates(folder, DEPTH, left, set()), start=1):
        yield recognise(place)
        if count == MAX_FOUND:
            return


def _is_named_so(name: str) -> bool:
    """Whether a file is named like a checkpoint."""
    return name.lower().endswith(SUFFIXES)


def _candidates(folder: Path, depth: int, left: list[int], seen: set[str]) -> Iterator[Path]:
    """Files and folders that may be checkpoints.

    A link that leads back is not followed.
    """
    real = os.path.realpath(folder)
    if real in seen or left[0] <= 0:
        return
    seen.add(real)
    if is_folder(folder):
        yield folder
        return
    if folder.name.startswith("models--"):
        snapshot = _snapshot(folder)
        if snapshot is not None:
            yield from _candidates(snapshot, depth, left, seen)
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    left[0] -= len(entries)
    folders = []
    for entry in entries:
        try:
            if entry.is_dir():
                folders.append(Path(entry.path))
            elif _is_named_so(entry.name):
                yield Path(entry.path)
        except OSError:
            continue
    if depth > 0:
        files = {Path(entry.name).stem for entry in entries if _is_named_so(entry.name)}
        for path in folders:  # one that is named like a file has its configuration
            if path.name.lower() not in SKIPPED and path.name not in files:
                yield from _candidates(path, depth - 1, left, seen)


def _snapshot(repository: Path) -> Path | None:
    """The current snapshot of a model in the Hugging Face cache.

    It is refs/main's, else the newest.
    """
    snapshots = repository / "snapshots"
    try:
        main = read_bytes(repository / "refs" / "main").decode("utf-8")[:64].strip()
        if main.isalnum() and (snapshots / main).is_dir():
            return snapshots / main
    except (UnreadableModel, ValueError):
        pass
    try:
        all_of_them = [place for place in snapshots.iterdir() if place.is_dir()]
        return max(all_of_them, key=lambda place: place.stat().st_mtime, default=None)
    except OSError:
        return None
