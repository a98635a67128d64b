"""LoRA files that lie on the server's machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.protocol import limits
from limn.server.models import loras
from limn.server.models.store import Store


def test_no_more_are_listed_than_a_message_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many folders they lie in; Limn's own come first."""
    folders = [tmp_path / "limn/loras", tmp_path / "others/models/loras"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        for file in range(loras.MAX_LISTED - 4 * (1 - number)):
            (folder / f"{number}-{file:02d}.safetensors").write_text("<html>")
    monkeypatch.setattr(loras, "known_folders", lambda: [("others", tmp_path / "others")])
    listed = loras.listed(Store(tmp_path / "limn/models"))
    assert len(listed) == loras.MAX_LISTED <= limits.MAX_ITEMS
    assert sum(one.place.parent == folders[0] for one in listed) == loras.MAX_LISTED - 4

    for file in range(60, 64):
        (folders[0] / f"0-{file}.safetensors").write_text("<html>")
    listed = loras.listed(Store(tmp_path / "limn/models"))
    assert [one.place.parent for one in listed] == [folders[0]] * loras.MAX_LISTED
