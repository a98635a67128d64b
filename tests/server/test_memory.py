"""What a large picture takes; `python -m tests.memory` measures larger ones."""

from __future__ import annotations

import sys

import pytest

from .. import memory
from .conftest import Running

SIDE = 2048
"""32 MiB at 16 bits: more than all that an edit takes whatever its picture is."""

SERVER = 3
"""Times the picture's bytes: as it came, its result, and what is on its way."""

WORKER = 12
"""Times the picture's bytes.

As it came, and in float32 before and after, it takes four already. It was 9.1, and 10.7 with
transparency, when this was written.
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize("opaque", [True, False])
async def test_an_edit_takes_a_few_times_its_picture(server: Running, opaque: bool) -> None:
    cost = await memory.cost(server, SIDE, opaque, whole=True)
    assert cost.server <= SERVER
    assert cost.worker <= WORKER
