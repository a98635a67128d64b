"""A model whose numbers are not finite makes no picture.

Through the real `limn edit`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from .conftest import FAST, Limn


@pytest.mark.parametrize("part", ["vae", "unet"])
def test_no_black_patch(alone: Limn, scene: Path, tmp_path: Path, part: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(alone.model / "instruction", model)
    file = model / part / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    name = {"vae": "decoder.conv_out.weight", "unet": "conv_out.weight"}[part]
    weights[name][:] = float("nan")
    save_file(weights, file)
    out = tmp_path / "out"
    done = alone("edit", scene, "make the square blue", *FAST, "--model", model, "--out", out)
    assert done.returncode == 1, done.stderr
    assert "not finite" in done.stderr and "Traceback" not in done.stderr
    assert not out.exists()
    assert json.loads((model / "model_index.json").read_text())
