"""The language that Krita is set to."""

from __future__ import annotations

import os

from . import catalogue
from .qt import QLocale


def follow_krita() -> None:
    """Speak Krita's language from now on."""
    system = [str(one) for one in QLocale().uiLanguages()]
    catalogue.speak(catalogue.chosen(catalogue.wanted(os.environ, system)))
