"""The captioner on a tiny BLIP.

A caption for any picture, from this machine only, and a sentence for each trouble.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from limn.editing import Captioner, EditError
from limn.editing.captioner import TOKENS
from tests import tiny

from .conftest import picture


@pytest.mark.parametrize("size", [(64, 64), (300, 50), (1, 1)])
def test_it_says_what_a_picture_of_any_size_shows(
    tiny_captioner: Path, size: tuple[int, int]
) -> None:
    said = Captioner(str(tiny_captioner)).describe(picture(300, 300)[..., : size[0], : size[1]])
    assert said.split() and set(said.split()) == {"star"} and len(said.split()) <= TOKENS


def test_a_settings_file_may_name_it_from_home(
    tiny_captioner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tiny_captioner.parent))
    assert Captioner(f"~/{tiny_captioner.name}").describe(picture())


def test_it_looks_at_the_picture(tiny_captioner: Path) -> None:
    """At its own size, in its own colours.

    What reaches the network depends on the picture, not on how many pixels it has.
    """
    captioner, seen = Captioner(str(tiny_captioner)), []
    captioner.describe(picture())
    assert captioner._loaded is not None
    eye = captioner._loaded[0].vision_model
    eye.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["pixel_values"]), with_kwargs=True
    )
    image = torch.full((1, 3, 40, 90), 0.5)
    image[..., :45] = torch.tensor((1.0, 0.0, 0.0)).view(1, 3, 1, 1)
    captioner.describe(image)
    captioner.describe(torch.nn.functional.interpolate(image, scale_factor=3, mode="nearest"))
    assert [tuple(pixels.shape) for pixels in seen] == [(1, 3, 32, 32)] * 2
    torch.testing.assert_close(seen[0][..., :14], seen[1][..., :14])
    assert seen[0][0, :, 5, 5].tolist() == pytest.approx(
        [1.930, -1.752, -1.480], abs=0.01
    )  # (red - mean) / deviation
    assert seen[0][0, :, 5, 28].tolist() == pytest.approx([0.069, 0.161, 0.333], abs=0.01)


def test_one_that_says_nothing_is_trouble_in_a_sentence(tmp_path: Path) -> None:
    folder = tiny.make_captioner(tmp_path / "mute", "star")
    mute = Captioner(str(folder))
    mute.describe(picture())
    assert mute._loaded is not None
    mute._loaded[0].text_decoder.cls.predictions.bias.data[3] = 1000  # the end, at once
    with pytest.raises(EditError) as caught:
        mute.describe(picture())
    assert caught.value.code == "no-caption" and caught.value.remedy


@pytest.mark.parametrize("broken", ["nowhere", "nobody/nothing", "empty", "pickled"])
def test_nothing_is_fetched_and_nothing_unpickled(
    tiny_captioner: Path, tmp_path: Path, broken: str
) -> None:
    name = broken if "/" in broken else str(tmp_path / broken)
    if broken == "empty":
        (tmp_path / broken).mkdir()
    elif broken == "pickled":
        shutil.copytree(tiny_captioner, name)
        (tmp_path / broken / "model.safetensors").rename(tmp_path / broken / "pytorch_model.bin")
    with pytest.raises(EditError) as caught:
        Captioner(name).describe(picture())
    assert (
        caught.value.code == "no-captioner"
        and name in caught.value.sentence
        and caught.value.remedy
    )


def test_a_folder_can_not_have_its_own_code_run_or_the_network_asked(
    tiny_captioner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ways in which transformers lets a folder name code, at once.

    Kernels and quantizers among them.
    """
    folder = Path(shutil.copytree(tiny_captioner, tmp_path / "hostile"))
    evil = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    for name in ("evil.py", "custom_generate/generate.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(evil)
    code = {"AutoTokenizer": ["evil.Evil", None], "AutoModel": "evil.Evil"}
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        said = json.loads((folder / name).read_text())
        said |= {
            "auto_map": code,
            "tokenizer_class": "Evil",
            "architectures": ["Evil"],
            "attn_implementation": "kernels-community/evil",
            "_attn_implementation": "kernels-community/evil",
            "custom_generate": "evil/evil",
        }
        (folder / name).write_text(json.dumps(said))

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("asked on standard input, or on the network")

    monkeypatch.setattr("builtins.input", refused)
    monkeypatch.setattr("socket.socket.connect", refused)
    said_now = Captioner(str(folder)).describe(picture())
    assert said_now == Captioner(str(tiny_captioner)).describe(picture())
    assert not (tmp_path / "ran").exists()
    with pytest.raises(EditError) as caught:
        Captioner("nobody/no-such-captioner").describe(picture())
    assert caught.value.code == "no-captioner"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config"),
        ({"text_config": {"num_hidden_layers": 10**9}}, "num_hidden_layers"),
        ({"text_config": {"hidden_size": 64}}, "size mismatch"),
        ({"vision_config": {"num_hidden_layers": 2}}, "do not fit"),
        ({"model_type": "git"}, "model_type"),
    ],
)
def test_a_captioner_that_is_another_is_told_in_a_sentence(
    tiny_captioner: Path, tmp_path: Path, changes: dict[str, dict[str, object]], said: str
) -> None:
    folder = Path(shutil.copytree(tiny_captioner, tmp_path / "other"))
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        config[key] = config[key] | value if isinstance(config.get(key), dict) else value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EditError) as caught:
        Captioner(str(folder)).describe(picture())
    assert caught.value.code == "no-captioner" and said in caught.value.sentence
