"""A model is fetched and used by clicks in the docker, from a hub on loopback."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from limn.editing import load_models

from ..models.hub import Hub
from . import harness
from .harness import Stage
from .photograph import photograph

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1200)]


ONLY_HERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9") | {
    "NO_PROXY": "127.0.0.1"
}
"""Whatever is asked of another machine fails at once."""


def ink(model: Path, file: Path) -> None:
    """A LoRA for one layer of the tiny UNet, as kohya's trainers write it."""
    networks = load_models(model).get("instruction")
    layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    out, into = networks.unet.get_submodule(layer).weight.shape
    name = f"lora_unet_{layer.replace('.', '_')}"
    down, up = torch.ones(2, into), torch.ones(out, 2)
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, file)


def test_get_a_model(stage: Stage, tiny_model: Path, tmp_path: Path) -> None:
    """In a fresh home, with nothing but the hub to be reached.

    The bundled model is told to be foreign to a picture that is like a photograph.

    A tiny one, in the layout and under the name of InstructPix2Pix, is listed, agreed to, fetched,
    stopped, and fetched again. The server takes it without a restart, an edit is made with it and
    another with a LoRA besides, and the menu goes back.
    """
    shutil.copytree(tiny_model / "instruction", tmp_path / "hub")
    photograph(512, 384).tofile(tmp_path / "photograph.bgra")
    ink(tiny_model, tmp_path / "ink.safetensors")
    hub = Hub(tmp_path / "hub", "timbrooks/instruct-pix2pix", slow=0.01)
    with hub.running():
        own = replace(
            stage,
            server=[sys.executable, "-P", "-m", "limn.server.cli", "serve"],
            variables={
                **stage.variables,
                **ONLY_HERE,
                "HF_ENDPOINT": hub.url,
                "HF_HUB_DISABLE_XET": "1",
                "LIMN_PHOTOGRAPH": str(tmp_path / "photograph.bgra"),
                "LIMN_LORA": str(tmp_path / "ink.safetensors"),
            },
        )
        outcome = harness.run("models.py", own, seconds=900)
        asked = [path for _, path, *_ in hub.asked]
    told = outcome.of("get_and_use")
    assert told["model before"] == "Model: sketchbook"
    assert told["foreign"] and told["button"]
    assert "press Get a model" in told["remedy"] and "`limn models`" not in told["remedy"]
    assert all(width >= words for width, _, words in told["room"]), told["room"]
    assert any("InstructPix2Pix" in one and "GB" in one and "MIT" in one for one in told["listed"])
    assert not told["may get without agreeing"] and told["licence"]
    assert told["stopped"] and "Stopped" in told["told after stop"]
    assert told["told"].startswith("Done")
    assert told["model after"] not in ("", told["model before"])
    assert [name.split(" · ")[0] for name, is_used in told["menu"] if is_used] == [
        "instruct-pix2pix"
    ]
    assert any("fits" in name for name, _ in told["menu"])
    assert told["new layers"], told["edit"]
    assert told["loras"] == ["ink · 80 %"] and told["weight"] == ["80 %"]
    assert told["edit with it"] == 1
    words, tip = told["short"]
    assert words.removeprefix("Model: ") == "instruct-pix2pix"
    assert tip.startswith("Model: instruct-pix2pix\n")
    assert "…" in told["long"] and told["long"].endswith("kind") and told["cut"] <= 0
    assert told["model at the end"] == told["model before"]
    assert asked, "nothing was asked of the hub"
