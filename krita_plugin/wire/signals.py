"""What the main thread and the wire's threads tell each other.

Orders go in, Qt signals come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..qt import QObject, Signal


@dataclass(frozen=True)
class Order:
    """What the main thread or the reader wants of the writer."""

    kind: str
    value: Any = None


class Signals(QObject):
    """Emitted in the wire's threads; they arrive on the main thread."""

    linked = Signal(object)
    """A Link: the connection's state, for the panel's last line."""
    welcomed = Signal(object)
    """A Welcome."""
    answers = Signal(bool)
    """Whether the server answers, where that has changed since its welcome."""
    received = Signal(object)
    """A JobMessage, or a MaskLook in the place of a Mask."""
    read = Signal(object)
    """A Reading: how a sentence is understood."""
    models = Signal(object)
    """A ModelMessage: what is there, how far it is, its end."""
    servers = Signal(object)
    """A ServerList: the servers that are known, and the one that is used."""
