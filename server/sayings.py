"""Sentences of the editing room as they travel: cut to what a message takes."""

from __future__ import annotations

from limn.editing.said import said
from limn.protocol import limits
from limn.protocol.messages import Said


def on_wire(text: str, code: str = "") -> Said:
    """A sentence with its template and values. code: for one that has none of its own."""
    whole = said(text)
    data = {
        name: value[: limits.MAX_TEXT] if isinstance(value, str) else value
        for name, value in whole.data.items()
    }
    return Said(whole.template[: limits.MAX_TEXT], data, (whole.code or code)[: limits.MAX_LABEL])
