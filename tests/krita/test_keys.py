"""Limn's default keys.

None that types a letter somewhere, and none that Krita uses itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from limn.installer.machine import TEST_PROGRAMS

from .harness import ROOT

KRITA = Path("/usr/share/krita")


def ours() -> set[str]:
    tree = ElementTree.parse(ROOT / "krita_plugin/limn.action")
    return {(shortcut.text or "").lower() for shortcut in tree.iter("shortcut")}


def test_no_key_is_a_combination_that_types_letters() -> None:
    """Ctrl+Alt is AltGr on Windows, and Alt alone the same on macOS."""
    assert len(ours()) == 17
    assert not [key for key in ours() if "alt" in key or "+" not in key]


def test_no_key_is_one_of_krita_s_in_any_of_its_schemes() -> None:
    assert "krita" in TEST_PROGRAMS
    used = set()
    for file in [*KRITA.glob("actions/*.action"), *KRITA.glob("shortcuts/*.shortcuts")]:
        text = file.read_text(encoding="utf-8", errors="replace")
        found = re.findall(r'<shortcut>([^<]+)<|shortcut="([^"]+)"|^\S+=(.+)$', text, re.MULTILINE)
        keys = ";".join(key for groups in found for key in groups if key)
        used |= {key.strip().lower() for key in keys.split(";")}
    assert len(used) > 150
    assert not ours() & used
