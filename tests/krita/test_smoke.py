"""The least that must work in every Krita."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1200)]


def test_smoke(play: Callable[[str], Outcome]) -> None:
    outcome = play("smoke.py")
    told = outcome.of("edit")
    print(f"Krita {told['krita']} with {told['binding']}: {told['note']}")
    assert told["note"].startswith("done in") and told["new"] == 1 and told["selected"]
    assert not told["selected after one undo"] and told["as before after two"]
    told = outcome.of("closed")
    assert "closed" in told["note"] and "kept" in told["note"] and told["kind"] == "error"
