"""The painter's language: sentences are looked up by their English templates.

So does gettext. A catalogue is a JSON table in `languages/`, from English templates to
translations. What it lacks is said in English. No Krita, no Qt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..protocol.messages import Said, Value, filled

FOLDER = Path(__file__).parent / "languages"

_texts: dict[str, str] = {}


def languages() -> list[str]:
    """The languages that there are catalogues for, English among them: "de", "zh_CN"."""
    return sorted({"en", *(file.stem for file in FOLDER.glob("*.json"))})


def wanted(environment: Mapping[str, str], system: Iterable[str]) -> list[str]:
    """Locales, the one wished most first.

    Krita puts the language that was chosen in it (Settings > Switch Application Language) into
    LANGUAGE before it starts Python. system: the locales of the system, as Qt tells them.
    """
    return [*(one for one in environment.get("LANGUAGE", "").split(":") if one), *system]


def chosen(wanted: Iterable[str]) -> str:
    """The first of these locales that there is a catalogue for, "en" for none.

    A locale is written as in LANGUAGE or by Qt: "de_AT.UTF-8", "pt-BR"; its country counts where
    there is a catalogue for it. Chinese is the simplified one unless it is that of Taiwan or Hong
    Kong, which is another script.
    """
    there = languages()
    for one in wanted:
        name = one.split(".")[0].split("@")[0].replace("-", "_")
        language = name.split("_")[0].lower()
        if language == "zh":
            if not {"tw", "hk", "hant", "mo"} & set(name.lower().split("_")):
                return "zh_CN"
            continue
        if name in there or language in there:
            return name if name in there else language
    return "en"


def speak(language: str) -> None:
    """Use a language's catalogue from now on. One that can't be read counts as empty."""
    _texts.clear()
    try:
        table = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(table, dict):
        _texts.update((k, v) for k, v in table.items() if isinstance(v, str) and v)


def tr(template: str, **data: Value) -> str:
    """A sentence in the painter's language: tr("done in {seconds} s", seconds=3)."""
    return filled(_texts.get(template, template), data) if data else _texts.get(template, template)


def told(said: Said) -> str:
    """What the server says, in the painter's language."""
    data: Mapping[str, Value] = {
        name: _texts.get(value, value) if isinstance(value, str) else value
        for name, value in said.data.items()
    }
    return filled(_texts.get(said.template, said.template), data)
