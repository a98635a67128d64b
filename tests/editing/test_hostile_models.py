"""A model folder from a stranger.

Nothing that it names is imported, run, unpickled or fetched, and what can't be used is trouble with
a sentence, never a traceback.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from limn.editing import EditError, UnreadableModel, load_models

from . import single_file

EVIL = "from pathlib import Path\nPath({!r}).touch()\n"
INPUT = "model.diffusion_model.input_blocks.0.0.weight"


@pytest.fixture
def trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Catches whoever asks on standard input, or for the network.

    Gives the place that evil code would touch.
    """

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("asked on standard input, or for the network")

    monkeypatch.setattr("builtins.input", refused)
    monkeypatch.setattr("socket.socket.connect", refused)
    monkeypatch.setattr("socket.getaddrinfo", refused)
    monkeypatch.syspath_prepend(str(tmp_path / "importable"))
    (tmp_path / "importable").mkdir()
    (tmp_path / "importable" / "limn_evil.py").write_text(EVIL.format(str(tmp_path / "ran")))
    return tmp_path / "ran"


def poison(folder: Path, ran: Path) -> None:
    """All ways in which the libraries let a folder name code, at once.

    Kernels and quantizers among them.
    """
    parts = ("unet", "vae", "text_encoder", "scheduler", "tokenizer")
    index: dict[str, object] = {name: ["limn_evil", "Evil"] for name in parts}
    index |= {"_class_name": ["limn_evil", "Evil"], "safety_checker": ["antigravity", "fly"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    for part in (".", "unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        for name in ("pipeline.py", "limn_evil.py", "custom_generate/generate.py"):
            (folder / part / name).parent.mkdir(exist_ok=True)
            (folder / part / name).write_text(EVIL.format(str(ran)))
    for name in (
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "tokenizer/tokenizer_config.json",
    ):
        said = json.loads((folder / name).read_text())
        said |= {
            "auto_map": {"AutoModel": "limn_evil.Evil", "AutoTokenizer": ["limn_evil.Evil", None]},
            "architectures": ["limn_evil.Evil"],
            "tokenizer_class": "Evil",
            "attn_implementation": "kernels-community/evil",
            "_attn_implementation": "kernels-community/evil",
            "_name_or_path": "evil/evil",
            "transformers_weights": "../../evil.safetensors",
        }
        (folder / name).write_text(json.dumps(said))
    (folder / "tokenizer" / "added_tokens.json").write_text("[" * 10_000)


@pytest.mark.parametrize("single", [False, True])
def test_nothing_that_a_folder_names_is_imported_run_or_fetched(
    tiny_model: Path, tmp_path: Path, trapped: Path, single: bool
) -> None:
    folder = Path(shutil.copytree(tiny_model / "text-to-image", tmp_path / "mine"))
    place = folder
    if single:
        place = single_file.write(tiny_model / "text-to-image", tmp_path / "mine.safetensors")
    poison(folder, trapped)
    fresh = not {"limn_evil", "antigravity"} & sys.modules.keys()
    model = load_models(place).get("text-to-image")
    honest = load_models(tiny_model).get("text-to-image")
    assert torch.equal(model.embed("a red star"), honest.embed("a red star"))
    assert not trapped.exists()
    assert fresh and not {"limn_evil", "antigravity"} & sys.modules.keys()


@pytest.mark.parametrize("part", ["vae_tiny", "unet", "text_encoder"])
def test_a_pickle_is_never_read(tiny_model: Path, tmp_path: Path, trapped: Path, part: str) -> None:
    folder = Path(shutil.copytree(tiny_model / "text-to-image", tmp_path / "mine"))

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {trapped}",)

    (folder / part).mkdir(exist_ok=True)
    for file in (folder / part).glob("*.safetensors"):
        file.unlink()
    if part == "vae_tiny":
        (folder / part / "config.json").write_text('{"_class_name": "AutoencoderTiny"}')
    for name in ("diffusion_pytorch_model.bin", "pytorch_model.bin", "model.ckpt"):
        torch.save({"weight": Evil()}, folder / part / name)
    with pytest.raises(UnreadableModel) as caught:
        load_models(folder).get("text-to-image")
    assert caught.value.remedy
    assert not trapped.exists()


def rewritten(name: str, **changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / name
        said = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(said | changes))

    return change


def replaced(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def piped(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name")
@pytest.mark.parametrize(
    "change",
    [
        rewritten("limn.json", semantic_level="abc"),
        rewritten("limn.json", native_size=1e400),
        rewritten("limn.json", native_size=2**61),
        rewritten("limn.json", defaults=[1]),
        rewritten("unet/config.json", in_channels=[4]),
        rewritten("unet/config.json", in_channels=None),
        rewritten("unet/config.json", in_channels=2**40),
        rewritten("unet/config.json", block_out_channels=[8192] * 8),
        rewritten("unet/config.json", quantization_config={"quant_method": "bitsandbytes"}),
        rewritten("unet/config.json", attention_head_dim=0),
        rewritten("unet/config.json", norm_num_groups=7),
        rewritten("unet/config.json", _class_name="limn_evil"),
        rewritten("vae/config.json", latent_channels=-1),
        rewritten("vae/config.json", scaling_factor="NaN"),
        rewritten("text_encoder/config.json", num_hidden_layers=2**40),
        rewritten("text_encoder/config.json", hidden_size=33),
        rewritten("text_encoder/config.json", model_type="limn_evil"),
        rewritten("scheduler/scheduler_config.json", num_train_timesteps=2**40),
        rewritten("scheduler/scheduler_config.json", trained_betas=["a"]),
        rewritten("scheduler/scheduler_config.json", _class_name="limn_evil"),
        replaced("unet/config.json", "[" * 100_000),
        replaced("scheduler/scheduler_config.json", '{"a":' * 50_000),
        replaced("limn.json", "[" * 100_000),
        replaced("vae/config.json", "\0"),
        piped("scheduler/scheduler_config.json"),
        piped("unet/config.json"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_told_in_a_sentence(
    tiny_model: Path, tmp_path: Path, trapped: Path, change: Callable[[Path], None]
) -> None:
    folder = Path(shutil.copytree(tiny_model / "text-to-image", tmp_path / "mine"))
    change(folder)
    with pytest.raises(EditError) as caught:
        load_models(folder).get("text-to-image")
    assert str(folder) in caught.value.sentence
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("shape", [(), (4,), (0,), (1, 0), (4, 4, 4, 4, 4), (2**20, 4)])
def test_tensors_of_odd_ranks_are_told_in_a_sentence(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    file = tmp_path / "odd.safetensors"
    save_file({INPUT: torch.zeros(shape, dtype=torch.int8)}, file)
    with pytest.raises(EditError) as caught:
        load_models(file).get("text-to-image")
    assert str(file) in caught.value.sentence
