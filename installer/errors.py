"""The base of what the installer tells.

It imports nothing of Limn's, so it has its own.
"""

from __future__ import annotations


class InstallError(Exception):
    """Something could not be installed.

    `sentence` says what, `remedy` what to do about it.
    """

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy
