"""Pickles become .safetensors on request, and what they would run is not run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from limn.editing import UnreadableModel, load_models
from limn.server.models import convert
from limn.server.models.store import Store, StoreError

from ..editing import single_file


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


def test_one_file_as_training_programs_write_it(tmp_path: Path, tiny_model: Path) -> None:
    """A .ckpt: tensors in a box, halves, one that is part of another."""
    source = single_file.write(tiny_model / "text-to-image", tmp_path / "tiny.safetensors")
    tensors = {name: value.half() for name, value in load_file(source).items()}
    whole = torch.arange(12.0).reshape(3, 4)
    boxed = {**tensors, "alphas_cumprod": whole[1]}
    torch.save({"epoch": 5, "global_step": 7, "state_dict": boxed}, tmp_path / "old.ckpt")
    store = Store(tmp_path / "models")
    with pytest.raises(UnreadableModel, match="--convert"):
        store.add(tmp_path / "old.ckpt")
    place = convert.convert(tmp_path / "old.ckpt", tmp_path / "made")
    (file,) = place.glob("*.safetensors")
    made = load_file(file)
    assert made.keys() == boxed.keys()
    assert all(torch.equal(made[name], value) for name, value in boxed.items())
    assert not list(tmp_path.rglob("*.partial"))


def test_it_is_read_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is unpickled in this one, and what takes too long or too much ends."""
    torch.save({"w": torch.zeros(2)}, tmp_path / "a.ckpt")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled here"))
    (file,) = convert.convert(tmp_path / "a.ckpt", tmp_path / "a").glob("*.safetensors")
    assert load_file(file)["w"].shape == (2,)
    monkeypatch.setattr(convert, "SECONDS", 0.01)
    with pytest.raises(StoreError, match="took longer"):
        convert.convert(tmp_path / "a.ckpt", tmp_path / "b")
    assert not list(tmp_path.glob("*b"))


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
