"""Pickles become .safetensors on request, and what they would run is not run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from limn.editing import load_models
from limn.server.models.store import Store, StoreError


def test_a_folder_of_pickles(tmp_path: Path, tiny_model: Path) -> None:
    """Only the weights change their form.

    The model loads, and can be verified and removed.
    """
    source = Path(shutil.copytree(tiny_model / "instruction", tmp_path / "pickled"))
    expected = {}
    for part in ("unet", "vae", "text_encoder"):
        (file,) = (source / part).glob("*.safetensors")
        expected[part] = load_file(file)
        stem = "pytorch_model" if part == "text_encoder" else file.stem
        torch.save(expected[part], file.with_name(f"{stem}.bin"))
        file.unlink()
    store = Store(tmp_path / "models")
    model = store.convert(source, "mine")
    for part, tensors in expected.items():
        (file,) = (model.place / part).glob("*.safetensors")
        made = load_file(file)
        assert made.keys() == tensors.keys()
        assert all(torch.equal(made[name], value) for name, value in tensors.items())
    assert load_models(model.place).get("instruction").unet.config["in_channels"] == 8
    assert not any(trouble for _, trouble in store.verify("mine"))
    assert not list(model.place.rglob("*.bin"))
    assert store.remove("mine") > 0
    assert not any(store.folder.iterdir())


class Program:
    """A pickle of this runs a program when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.trace}",)


def test_a_program_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    trace, file = tmp_path / "was run", tmp_path / "evil.ckpt"
    torch.save({"state_dict": {"w": torch.zeros(2)}, "callbacks": Program(trace)}, file)
    store = Store(tmp_path / "models")
    with pytest.raises(StoreError, match="more than weights"):
        store.convert(file)
    assert not trace.exists()
    assert not list(store.folder.iterdir())
