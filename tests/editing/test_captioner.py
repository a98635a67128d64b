"""The captioner on a tiny BLIP: words for any picture, from this machine only, and trouble in
words.
"""

from __future__ import annotations

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
    """At its own size, in its own colours: what reaches the network depends on the picture, not on
    how many pixels it has.
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


def test_one_that_says_nothing_is_trouble_in_words(tmp_path: Path) -> None:
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
