"""What every Stable Diffusion 1.x checkpoint has in common: see README.md here."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
"""Of unet.json, vae.json, text_encoder.json, scheduler.json and merges.txt."""


def merges() -> list[tuple[str, str]]:
    """CLIP's byte-pair merges, the first to be applied first."""
    lines = (HERE / "merges.txt").read_text(encoding="utf-8").split("\n")[1:-1]
    return [(left, right) for left, right in (line.split(" ") for line in lines)]


def vocabulary() -> dict[str, int]:
    """CLIP's tokens and their ids.

    Bytes, bytes at a word's end, merges, start and end: 49,408.
    """
    letters = _byte_letters()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [left + right for left, right in merges()]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}


def _byte_letters() -> list[str]:
    """A visible letter for each of the 256 bytes, in the order of CLIP's ids.

    Bytes that are visible in Latin-1 stand for themselves and come first; the others get the
    letters from U+0100 on (GPT-2's table).
    """
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = range(256 - len(own))
    return [chr(code) for code in own] + [chr(0x100 + number) for number in others]
