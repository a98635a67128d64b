"""Sentences for a painter that can be translated.

Such a text knows what it is made of. The English template is the sentence's identity, as in
gettext. Catalogues hold its translations, and the values are put in afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Value = bool | int | float | str

PLACE = re.compile(r"\{(\w+)\}")
"""A value's place in a template: a name in braces, and nothing else.

No format specification and no attribute, for a template may come from elsewhere.
"""


class Said(str):
    """An English sentence that keeps its template and the values in it.

    It is a str in every other way. `code`: what it is about, for programs; "" for none.
    """

    code: str
    template: str
    data: Mapping[str, Value]

    def __new__(
        cls, template: str, data: Mapping[str, Value] | None = None, code: str = ""
    ) -> Said:
        values = dict(data or {})
        made = super().__new__(cls, filled(template, values))
        made.template, made.data, made.code = template, values, code
        return made

    def __reduce__(self) -> tuple[type[Said], tuple[str, Mapping[str, Value], str]]:
        return Said, (self.template, self.data, self.code)


def say(template: str, code: str = "", **data: Value) -> Said:
    """A sentence from a template: say("{thing} was not found.", thing="star")."""
    return Said(template, data, code)


def filled(template: str, data: Mapping[str, Value]) -> str:
    """A template with its values; a place without a value stays as it is."""
    return PLACE.sub(lambda m: str(data.get(m[1], m[0])), template)


def said(text: str) -> Said:
    """A text as a sentence of its own, if it is none yet; its braces are no places."""
    return text if isinstance(text, Said) else Said("{text}", {"text": text})
