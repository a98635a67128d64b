"""How long Krita's main thread is held.

Printed, not asserted: what another process does to a busy machine is not Limn's.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness import Outcome

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]


@pytest.mark.parametrize("side", ["2048", "8192"])
def test_pauses(play: Callable[[str], Outcome], side: str) -> None:
    told = play("pauses.py").of(side)
    print(
        f"\n{side} x {side}: without an edit {told['without an edit']}, during one "
        f"{told['during the edit']}"
    )
    ratio = told["during the edit"]["worst ms"] / max(
        told["by hand"]["worst ms"], 10
    )  # shorter ones are not noted
    print(
        f"Krita alone, the same layer duplicated and selected by its own actions: {told['by hand']}"
    )
    print(f"the worst during the edit to the worst of Krita alone: {ratio:.2f}")
    print(f"longest turns of Limn's own, ms, and of the processor: {told['longest turns']}")
    print(f"changed rectangle {told['changed rectangle']}; {told['note']}")
    assert told["note"].startswith("done in") and len(told["layers"]) == 3
    assert told["views"] == 1
