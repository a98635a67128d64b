"""The language that Krita is set to."""

from __future__ import annotations

import os

from . import translations
from .qt import QLocale


def follow_krita() -> None:
    """Speak Krita's language from now on."""
    system = [str(one) for one in QLocale().uiLanguages()]
    translations.speak(translations.chosen(translations.wanted(os.environ, system)))
