"""Limn's own folder of models: added, used, verified, removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from limn.editing import UnreadableModel, load_models
from limn.editing.diffusion.model_locations import locate
from limn.server.models import found
from limn.server.models.store import RECEIPT, Store, StoreError, digest
from tests.editing.single_file import shapes, sparse


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def fetched(store: Store, name: str, kind: str, files: dict[str, bytes]) -> Path:
    """A model as a download leaves it."""
    place = store.folder / name
    place.mkdir(parents=True)
    for path, data in files.items():
        (place / path).write_bytes(data)
    told = {p: {"size": len(d), "sha256": digest(place / p)} for p, d in files.items()}
    (place / RECEIPT).write_text(json.dumps({"name": name, "kind": kind, "files": told}))
    return place


def test_a_model_is_added_used_and_forgotten_where_it_lies(store: Store, tmp_path: Path) -> None:
    file = sparse(tmp_path / "mine v2.safetensors", shapes())
    assert (store.installed(), store.selection) == ([], None)
    added = store.add(file)
    assert (added.name, added.place) == ("mine-v2", file)
    assert store.add(file).name == "mine-v2"  # again
    store.use(["mine-v2"])
    assert store.selection is not None
    assert locate(store.selection)["text-to-image"].place == file
    assert store.remove("mine-v2") == 0
    assert file.is_file()
    assert (store.installed(), store.selection) == ([], None)


def test_one_for_each_variant(store: Store, tmp_path: Path, tiny_model: Path) -> None:
    for channels, name in ((4, "one"), (4, "two"), (9, "painter")):
        store.add(sparse(tmp_path / f"{name}.safetensors", shapes(channels)))
    store.add(tiny_model / "instruction", "tiny")
    store.use(["one", "painter"])
    used = store.use(["two", "tiny"])
    assert {v: p.stem for v, p in used.items()} == {
        "text-to-image": "two",
        "inpainting": "painter",
        "instruction": "instruction",
    }
    assert store.selection is not None
    assert load_models(store.selection).get("instruction").unet.config["in_channels"] == 8
    with pytest.raises(StoreError, match="both text-to-image"):
        store.use(["one", "two"])
    with pytest.raises(StoreError, match="no model 'three'"):
        store.use(["three"])
    store.use_bundled()
    assert store.selection is None


def test_names(store: Store, tmp_path: Path) -> None:
    first = sparse(tmp_path / "a" / "mine.safetensors", shapes())
    second = sparse(tmp_path / "b" / "mine.safetensors", shapes())
    store.add(first)
    with pytest.raises(StoreError, match="already"):
        store.add(second)
    assert store.add(second, "other").name == "other"
    for bad in ("../up", "a/b", ""):
        if bad:
            with pytest.raises(StoreError, match="can't be a name"):
                store.add(first, bad)


def test_what_is_no_model_is_not_added(store: Store, tmp_path: Path) -> None:
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html>")
    with pytest.raises(UnreadableModel, match="web page"):
        store.add(tmp_path / "page.safetensors")
    assert not store.folder.exists()


def test_a_fetched_model_is_verified_byte_by_byte_and_deleted(store: Store, tmp_path: Path) -> None:
    whole = sparse(tmp_path / "x", shapes(parts=("unet",))).read_bytes()[:2_000_000]
    place = fetched(store, "mine", "text-to-image", {"model.safetensors": whole, "a.json": b"{}"})
    results = dict(store.verify("mine"))
    assert results["model.safetensors"] == results["a.json"] == ""
    assert "incomplete" in results[str(place / "model.safetensors")]  # cut off by this test
    (place / "a.json").write_bytes(b"[]")
    assert "other bytes" in dict(store.verify("mine"))["a.json"]
    (place / "a.json").write_bytes(b"longer")
    assert "6 bytes instead of 2" in dict(store.verify("mine"))["a.json"]
    (place / "a.json").unlink()
    assert dict(store.verify("mine"))["a.json"] == "is missing"
    assert store.remove("mine") > len(whole)
    assert not place.exists()


def test_previews_are_used_beside_a_model(store: Store, tiny_model: Path) -> None:
    from diffusers import AutoencoderTiny

    place = fetched(store, "taesd", "previews", {})
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1), num_decoder_blocks=(1, 1, 1),
    ).save_pretrained(place)  # fmt: skip
    store.add(tiny_model / "instruction", "tiny")
    store.use(["tiny", "taesd"])
    assert store.selection is not None
    models = load_models(store.selection)
    assert models.variants == ("instruction",)
    assert models.get("instruction").tiny is not None
    assert all(wrong == "" for _, wrong in store.verify("taesd"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_leaves_all_as_it_was(store: Store, tiny_model: Path) -> None:
    """Truly full: what is written goes to a device without room."""
    store.add(tiny_model / "instruction", "mine")
    for file in ("added", "used"):
        (store.folder / f".{file}.json.new").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"disk is full.*Make room"):
        store.add(tiny_model / "text-to-image", "second")
    with pytest.raises(StoreError, match="disk is full"):
        store.use(["mine"])
    assert [model.name for model in store.installed()] == ["mine"]
    assert store.selection is None
    store.use(["mine"])  # there is room again
    assert store.selection is not None


def test_what_is_gone_stands_in_nobodys_way(store: Store, tmp_path: Path, tiny_model: Path) -> None:
    """A model that was deleted leaves the selection when another is chosen."""
    gone = Path(shutil.copytree(tiny_model / "instruction", tmp_path / "gone"))
    store.add(gone)
    store.add(tiny_model / "text-to-image")
    store.use(["gone"])
    shutil.rmtree(gone)
    assert set(store.use(["text-to-image"])) == {"text-to-image"}


def test_a_model_that_is_half_removed_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put aside before it is deleted, so that no half of it is listed."""
    place = fetched(store, "mine", "instruction", {"a.safetensors": b"x" * 100})
    real = shutil.rmtree

    def interrupted(folder: Path, ignore_errors: bool = False) -> None:
        if folder.exists():
            raise KeyboardInterrupt
        real(folder, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.remove("mine")
    assert not place.exists() and not store.installed()


def test_a_damaged_list_is_made_anew(store: Store, tmp_path: Path) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "added.json").write_text("not JSON")
    assert store.installed() == []
    assert store.add(sparse(tmp_path / "a.safetensors", shapes())).name == "a"


def test_models_of_other_programs_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_DATA_HOME", "INVOKEAI_ROOT"):
        monkeypatch.delenv(name, raising=False)
    assert list(found.found()) == []
    kept = {
        "ComfyUI": tmp_path / "ComfyUI/models/checkpoints/a.safetensors",
        "stable-diffusion-webui": tmp_path
        / "stable-diffusion-webui/models/Stable-diffusion/b.safetensors",
        "InvokeAI": tmp_path / "invokeai/models/sd-1/main/c.safetensors",
        "krita-ai-diffusion": tmp_path
        / ".local/share/krita/ai_diffusion/server/models/checkpoints/d.safetensors",
    }
    for file in kept.values():
        sparse(file, shapes())
    assert {program: c.place for program, c in found.found()} == kept
