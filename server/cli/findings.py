"""What `limn doctor` finds, and how it asks other programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ANSWER_SECONDS = 30.0
"""How long another program may take to answer.

Krita's first start on a cold disk takes ten.
"""


@dataclass(frozen=True)
class Finding:
    """Something found: "ok", or "note" and "problem" with what to do about them."""

    topic: str
    state: Literal["ok", "note", "problem"]
    sentence: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def ask(command: list[str], environment: Mapping[str, str] | None = None) -> str | None:
    """What a program prints.

    None if it is not there, fails, or does not answer in time.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
