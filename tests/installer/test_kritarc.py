"""Krita's settings file: one line comes and goes, every other byte stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.installer import kritarc

PLAIN = (
    b"[MainWindow]\nState=AAAA\\xff==\n\n"
    b"[python]\nenable_tenbrushes=true\nenable_comics=false\n\n"
    b"[theme]\nTheme=Krita dark\n"
)


@pytest.mark.parametrize(
    "before",
    [
        b"",
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"[theme]\nTheme=Krita dark",
        b"[python]",
        b"[python]\nenable_limn=false\n",
        b"[python]\nenable_limn=false\nenable_other=true\nenable_limn=false\n",
        b"\xff\xfe\x00 not text at all \x00",
        b"[python][nested]\nenable_limn=false\n",
    ],
)
def test_switched_on_is_on_and_says_so_once(before: bytes) -> None:
    after = kritarc.switched_on(before)
    assert kritarc.is_switched_on(after)
    assert after.count(b"enable_limn=true") == 1
    assert kritarc.switched_on(after) == after
    assert not kritarc.is_switched_on(kritarc.switched_off(after))


def test_only_one_line_is_added() -> None:
    after = kritarc.switched_on(PLAIN)
    assert after == PLAIN.replace(b"[python]\n", b"[python]\nenable_limn=true\n")


def test_line_ends_are_kept() -> None:
    after = kritarc.switched_on(PLAIN.replace(b"\n", b"\r\n"))
    assert b"enable_limn=true\r\n" in after
    assert after.count(b"\n") == after.count(b"\r\n")


def test_a_value_elsewhere_is_not_ours() -> None:
    text = b"[other]\nenable_limn=true\n"
    assert not kritarc.is_switched_on(text)
    assert kritarc.switched_off(text) == text


lines = st.sampled_from(
    [b"[python]", b"[theme]", b"enable_other=true", b"a=b", b"", b"# x", b"\xfe=\xff"]
)


@given(st.lists(lines, max_size=12).filter(lambda them: them.count(b"[python]") <= 1))
def test_on_and_off_again_gives_the_same_file(them: list[bytes]) -> None:
    text = b"".join(line + b"\n" for line in them)
    group = text.partition(b"[python]\n")[2].partition(b"[")[0]
    after = kritarc.switched_off(kritarc.switched_on(text))
    if b"[python]" in them and not group.strip():
        return  # an empty group, which Krita never writes, may go
    assert after == text


def test_rewrite_keeps_mode_and_link_and_does_nothing_twice(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "kritarc"
    real.write_bytes(PLAIN)
    real.chmod(0o640)
    link.symlink_to(real)
    assert kritarc.rewrite(link, kritarc.switched_on(PLAIN))
    assert link.is_symlink()
    assert stat.S_IMODE(os.stat(real).st_mode) == 0o640
    assert kritarc.is_switched_on(real.read_bytes())
    before = os.stat(real).st_mtime_ns
    assert not kritarc.rewrite(link, real.read_bytes())
    assert os.stat(real).st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kritarc", "real"]
