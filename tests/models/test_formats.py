"""Every format that people have: it edits, or is refused with the right remedy.

At each door alike: `limn doctor`, a server's worker, `limn models add` and `use`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from limn.editing import EditRequest, Models, UnreadableModel, edit, load_models
from limn.editing.diffusion.model_locations import locate
from limn.editing.events import Done
from limn.server.cli.examine import check_model
from limn.server.engine import EngineError, Start
from limn.server.models.store import Store
from limn.server.worker import load

from ..editing.recognising import HTML, POINTER
from ..editing.test_recognition_folders import cached, halve, split
from . import formats as f
from .formats import Kit

FEW: dict[str, dict[str, int | float | bool | str]] = {
    "adapedit": {"steps": 2},
    "foi": {"steps": 2},
    "instdiffedit": {"steps": 2, "inpainting_steps": 2},
}
USUAL = {("text-to-image",): "adapedit", ("instruction",): "foi"}


def edited(models: Models, side: int = 64) -> Done:
    """An edit in a few steps, by an algorithm for which the model has the variants."""
    algorithm = USUAL.get(models.variants, "instdiffedit")
    words = "make the star blue" if algorithm == "foi" else "a star => a cup"
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    for event in edit(models, EditRequest(algorithm, words, picture, parameters=FEW[algorithm])):
        if isinstance(event, Done):
            assert bool(event.image.isfinite().all())
            return event
    raise AssertionError("no result")


def halved(folder: Path, *parts: str, mark: str = "") -> Path:
    """Weights of 16 bits in place of the others; mark: and the UNet's in two pieces."""
    halve(folder, parts or ("unet", "vae", "text_encoder"))
    if mark:
        split(folder, mark, f"diffusion_pytorch_model.safetensors.index{mark}.json")
    return folder


def both(folder: Path) -> Path:
    """Weights of 32 bits, and of 16 beside them."""
    kept = {part: f.weights(folder, part).read_bytes() for part in f.WEIGHTS}
    halve(folder)
    for part, content in kept.items():
        f.weights(folder, part).write_bytes(content)
    return folder


def pieces(folder: Path) -> Path:
    split(folder, "", "diffusion_pytorch_model.safetensors.index.json")
    return folder


def trained(folder: Path) -> Path:
    f.weights(folder, "unet").with_name("diffusion_pytorch_model.non_ema.safetensors").touch()
    return folder


def hub(kit: Kit) -> Path:
    """A model in the Hugging Face cache; its repository there."""
    return cached(kit.folder(), kit.root / "hub", "someone/some-model")


def three(kit: Kit) -> Path:
    """As krita-ai-diffusion leaves them: two checkpoints, and one of SDXL."""
    below = kit.root / "ComfyUI" / "models" / "checkpoints"
    below.mkdir(parents=True)
    inner = Kit(below, kit.tiny)
    inner.file(name="dreamshaper_8")
    inner.file(9, name="sd-v1-5-inpainting")
    inner.small("sdxl")
    return kit.root / "ComfyUI"


def inpainting(kit: Kit) -> Path:
    kit.file(name="text-to-image")
    kit.file(9, name="inpainting")
    return kit.root


def lacking(kit: Kit, *prefixes: str) -> Path:
    """A file without these networks, in a folder with one that has them."""
    kit.file(8, name="whole")
    return kit.file(change=f.without(*prefixes))


def anime(kit: Kit) -> Path:
    """With clip-skip, and another's autoencoder."""
    kit.file(8, name="better")
    f.write(kit.root / "mine.limn.json", {"clip_skip": 1, "vae": "better.safetensors"})
    return kit.file(change=f.without(f.VAE))


def old_words(name: str) -> str:
    return name.replace(f"{f.TEXT}text_model.", f.TEXT)


def velocity(folder: Path) -> Path:
    """v-prediction, and noise that ends in nothing else: every sigma must be finite."""
    return f.configure(
        folder, "scheduler", prediction_type="v_prediction", rescale_betas_zero_snr=True
    )


def two_velocities(kit: Kit) -> Path:
    for variant in ("text-to-image", "inpainting"):
        velocity(kit.folder(variant, variant))
    return kit.root


LOADS: dict[str, Callable[[Kit], Path]] = {
    "folder of 32 bits, with its first names": lambda kit: f.first_names(kit.folder()),
    "folder of 16 bits": lambda kit: halved(kit.folder()),
    "folder of 16 and of 32 bits": lambda kit: both(kit.folder()),
    "folder, the UNet alone of 16 bits": lambda kit: halved(kit.folder(), "unet"),
    "folder with a copy for training": lambda kit: trained(kit.folder()),
    "folder in pieces": lambda kit: pieces(kit.folder()),
    "folder of 16 bits in pieces": lambda kit: halved(kit.folder(), mark=".fp16"),
    "snapshot of the hub's cache": lambda kit: next(hub(kit).glob("snapshots/*")),
    "repository of the hub's cache": hub,
    "the hub's cache": lambda kit: hub(kit).parent,
    "ComfyUI's folder with three files": three,
    "file of 32 bits": lambda kit: kit.file(),
    "file of 16 bits": lambda kit: kit.file(dtype=torch.float16),
    "file of bfloat16": lambda kit: kit.file(dtype=torch.bfloat16),
    "inpainting file": inpainting,
    "InstructPix2Pix file with EMA": lambda kit: kit.file(8, change=f.with_ema),
    "file without a VAE, beside another": lambda kit: lacking(kit, f.VAE),
    "file without a text encoder, beside another": lambda kit: lacking(kit, f.TEXT),
    "UNet alone, beside another": lambda kit: lacking(kit, f.VAE, f.TEXT),
    "file with CLIP's first names": lambda kit: kit.file(change=f.renamed(old_words)),
    "folder of Stable Diffusion 2.x": lambda kit: f.second(kit.folder()),
    "v-prediction and zero SNR, FoI": lambda kit: velocity(kit.folder("instruction")),
    "v-prediction and zero SNR, InstDiffEdit": two_velocities,
    "anime checkpoint": anime,
}
"""What loads and edits."""


@pytest.mark.parametrize("what", LOADS)
def test_what_loads_edits(
    what: str, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    place = LOADS[what](Kit(tmp_path, tiny_model))
    assert not [finding for finding in check_model(place) if finding.state == "problem"]
    edited(load_models(place))


def test_one_file_of_full_size_is_enough_for_an_edit(tmp_path: Path, tiny_model: Path) -> None:
    """With nothing beside it but a working size that a test has time for."""
    place = Kit(tmp_path, tiny_model).whole(dtype="F32")
    f.write(tmp_path / "mine.limn.json", {"native_size": 64})
    models = load_models(place, dtype=torch.float32)
    models.check()
    assert edited(models).image.shape == (1, 3, 64, 64)


class Refused(NamedTuple):
    """How a format is built, the code of what is said, and a word of its remedy."""

    build: Callable[[Kit], Path]
    code: str
    remedy: str


def gone(folder: Path, part: str) -> Path:
    shutil.rmtree(folder / part)
    return folder


def cut(folder: Path) -> Path:
    f.cut(f.weights(folder, "unet"), 50_000)
    return folder


def flux(folder: Path) -> Path:
    described = {"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2D"]}
    f.write(folder / "model_index.json", described)
    return folder


def unet_file(kit: Kit) -> Path:
    """A UNet as diffusers writes it, out of its folder."""
    return shutil.copy(f.weights(kit.folder(), "unet"), kit.root / "loose.safetensors")


PICKLE = b"PK\x03\x04\x00\x00\x08\x08archive/data.pklFB"
LCM: dict[str, object] = {"time_cond_proj_dim": 256}
SDXL: dict[str, object] = {"addition_embed_type": "text_time"}
LACKS = "missing-parts"

REFUSED = {
    "folder of pickles": Refused(lambda kit: f.pickled(kit.folder()), "pickle", "safetensors"),
    "git clone without LFS": Refused(
        lambda kit: f.replaced(kit.folder(), POINTER), "lfs-pointer", "git lfs pull"
    ),
    "folder with a UNet that was cut off": Refused(
        lambda kit: cut(kit.folder()), "truncated", "again"
    ),
    "folder without vae/": Refused(lambda kit: gone(kit.folder(), "vae"), LACKS, "vae"),
    "file without a VAE": Refused(
        lambda kit: kit.whole(parts=("unet", "text_encoder")), LACKS, "VAE"
    ),
    "file without a text encoder": Refused(
        lambda kit: kit.whole(parts=("unet", "vae")), LACKS, "checkpoint"
    ),
    "UNet alone": Refused(lambda kit: kit.whole(parts=("unet",)), LACKS, "VAE"),
    "SD 2.1 file": Refused(lambda kit: kit.small("sd2"), "stable-diffusion-2", "folder"),
    "SDXL file": Refused(lambda kit: kit.small("sdxl"), "sdxl", "1.x"),
    "SDXL folder": Refused(lambda kit: f.configure(kit.folder(), "unet", **SDXL), "sdxl", "1.x"),
    "LCM folder": Refused(
        lambda kit: f.configure(kit.folder(), "unet", **LCM), "distilled", "distilled from"
    ),
    "FLUX folder": Refused(lambda kit: flux(kit.folder()), "other-family", "1.x"),
    "FLUX file": Refused(lambda kit: kit.small("flux"), "flux", "1.x"),
    "depth": Refused(
        lambda kit: f.configure(kit.folder(), "unet", in_channels=5), "unknown-variant", "three"
    ),
    "LoRA": Refused(lambda kit: kit.small("lora"), "lora", "made for"),
    "VAE alone": Refused(lambda kit: kit.small("vae"), "vae-only", "checkpoint"),
    "ControlNet": Refused(lambda kit: kit.small("controlnet"), "controlnet", "1.x"),
    "embedding": Refused(lambda kit: kit.small("embedding"), "embedding", "1.x"),
    "UNet out of its folder": Refused(unet_file, "one-network", "1.x"),
    "file that was cut off": Refused(lambda kit: f.cut(kit.file(), 300_000), "truncated", "again"),
    "header that was cut off": Refused(lambda kit: f.cut(kit.file(), 2_000), "truncated", "again"),
    "empty file": Refused(lambda kit: kit.bytes("a.safetensors", b""), "empty-file", "again"),
    "login page": Refused(lambda kit: kit.bytes("a.safetensors", HTML), "web-page", "log in"),
    "LFS pointer": Refused(
        lambda kit: kit.bytes("a.safetensors", POINTER), "lfs-pointer", "git lfs pull"
    ),
    "pickle": Refused(lambda kit: kit.bytes("a.ckpt", PICKLE), "pickle", "--convert"),
    "pickle under another name": Refused(
        lambda kit: kit.bytes("a.safetensors", PICKLE), "pickle", "--convert"
    ),
    "nothing": Refused(lambda kit: kit.root / "gone.safetensors", "absent", "moved or deleted"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_refused_at_every_door(
    what: str, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    build, code, remedy = REFUSED[what]
    place = build(Kit(tmp_path, tiny_model))
    with pytest.raises(UnreadableModel) as told:
        locate(place)
    assert (told.value.code, remedy in told.value.remedy) == (code, True)
    words = (told.value.sentence, told.value.remedy)
    (found,) = (finding for finding in check_model(place) if finding.state == "problem")
    assert (found.sentence, found.remedy) == words
    with pytest.raises(EngineError) as refused:
        load(Start(place, "cpu", "warning"))
    assert (refused.value.sentence, refused.value.remedy) == words
    store = Store()
    with pytest.raises(UnreadableModel) as told:
        store.use([store.add(place).name])
    assert told.value.sentence == words[0] and store.selection is None


def test_notes_are_of_the_file_whose_name_they_have(tmp_path: Path, tiny_model: Path) -> None:
    """Of several files in a folder, a limn.json is none's."""
    kit = Kit(tmp_path, tiny_model)
    places = [kit.file(name=name) for name in ("one", "two")]
    f.write(tmp_path / "limn.json", {"name": "nobody's"})
    f.write(tmp_path / "one.limn.json", {"name": "The First"})
    assert [load_models(place).name for place in places] == ["The First", "two"]
