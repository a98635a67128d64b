"""Files of a model that are deleted, replaced or cut off after it was found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from limn.editing import UnreadableModel, load_models

VARIANT = "text-to-image"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A tiny checkpoint, free to be broken."""
    return Path(shutil.copytree(tiny_model / VARIANT, tmp_path / "mine"))


def unet(folder: Path) -> Path:
    return folder / "unet" / "diffusion_pytorch_model.safetensors"


def test_deleted_before_it_is_loaded(folder: Path) -> None:
    models = load_models(folder)
    shutil.rmtree(folder)
    with pytest.raises(UnreadableModel, match="no file or folder") as told:
        models.get(VARIANT)
    assert "moved or deleted" in told.value.remedy


def test_deleted_while_it_is_loaded(folder: Path) -> None:
    """What is mapped stays; nobody notices."""
    models = load_models(folder)
    before, size = models.get(VARIANT), models.geometry(VARIANT).native_size
    shutil.rmtree(folder)
    assert models.get(VARIANT) is before
    assert models.geometry(VARIANT).native_size == size == 64


def test_replaced_while_it_is_loaded(folder: Path) -> None:
    """By a new file, as every program writes one: the next edit has its weights."""
    models = load_models(folder)
    models.get(VARIANT)
    tensors = load_file(unet(folder))
    fresh = unet(folder).with_suffix(".new")
    save_file({name: torch.ones_like(value) for name, value in tensors.items()}, fresh)
    os.replace(fresh, unet(folder))
    assert models.get(VARIANT).unet.conv_in.weight.eq(1).all()


def test_cut_off_while_it_is_loaded_and_whole_again(folder: Path) -> None:
    models = load_models(folder)
    models.get(VARIANT)
    content = unet(folder).read_bytes()
    os.truncate(unet(folder), len(content) // 2)
    with pytest.raises(UnreadableModel, match=r"incomplete: it has [\d,]+ of"):
        models.get(VARIANT)
    unet(folder).write_bytes(content)
    assert models.get(VARIANT).unet.conv_in.weight.isfinite().all()


def test_another_variant_in_its_place(folder: Path, tiny_model: Path) -> None:
    models = load_models(folder)
    shutil.rmtree(folder)
    shutil.copytree(tiny_model / "inpainting", folder)
    with pytest.raises(UnreadableModel, match="another model than it was"):
        models.get(VARIANT)
