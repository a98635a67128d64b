"""Settings files as people write them, on Windows too."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from limn.server.settings import SettingsError, load

TEXT = 'log_level = "debug"\nport = 1234\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode(),
    ],
)
def test_byte_order_marks_and_line_ends(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "limn.toml").write_bytes(content)
    settings = load({}, tmp_path / "limn.toml", {})
    assert (settings.log_level, settings.port) == ("debug", 1234)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (rb'model = "C:\Users\me\models"', (r"single quotes: model = 'C:\Users\me\models'",)),
        (rb'model = "D:\models"', (r"single quotes: model = 'D:\models'",)),
        (rb'model = "C:\new\tiny"', ("single quotes",)),
        (rb"model = 'C:\Users\me'", ("does not exist", "Users")),
        (rb'model = "~nobody-here/models"', ("model", "nobody-here")),
        ("model = 'é'".encode("latin-1"), ("UTF-8",)),
        (b"port = ", ("not valid TOML",)),
        (b"prot = 7", ("prot", "There are: host")),
    ],
)
def test_what_is_wrong_is_said(content: bytes, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "limn.toml").write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load({}, tmp_path / "limn.toml", {})
    for word in words:
        assert word in str(error.value)
    assert (
        "limn.toml" in str(error.value)
        or "setting" in str(error.value)
        or "model" in str(error.value)
    )


def test_a_file_that_is_none_is_not_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "limn.toml"
    load({}, file, {})  # there need not be one
    for make, words in (
        (lambda: file.symlink_to("away.toml"), "a link that leads nowhere"),
        (lambda: file.symlink_to(file.name), "a link that leads nowhere"),
        (file.mkdir, "a folder"),
    ):
        make()
        with pytest.raises(SettingsError, match=words):
            load({}, file, {})
        file.rmdir() if file.is_dir() else file.unlink()
