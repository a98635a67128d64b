"""What a file of weights is, from its first bytes and its header.

Nothing of it is loaded. The safetensors library opens a file or fails with one error. Here each
kind of failure has a remedy of its own: a login page saved as a model wants another one than a
download that stopped. The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

MAX_HEADER = 16 * 1024 * 1024
"""Bytes of a header.

Stable Diffusion's have 0.3 MB at most; the library itself stops at 100 MB.
"""

MAX_TENSORS = 100_000
"""Tensors that a header may name. A checkpoint with its EMA copy has about 1,900."""

MAX_AXES = 8
"""Axes of a tensor's shape. A convolution has four."""

BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""The format's number types, and the bits of one number."""


@dataclass(frozen=True)
class Trouble:
    """Why something cannot be used.

    `code` is for programs, `sentence` and `remedy` for people.
    """

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class Tensor:
    """One tensor of a header: its type as the format names it, its shape, its bytes."""

    dtype: str
    shape: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Header:
    """What a .safetensors file says of itself."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


AGAIN = "Fetch the file again, and compare its size with the one on the page where it comes from."
OTHER = "Choose a Stable Diffusion 1.x checkpoint in the safetensors format."
READABLE = "See that it is there and readable."
ABSENT = (
    "See whether it was moved or deleted, and whether its disk is connected. `limn models` lists "
    "what is there and what can be fetched."
)


def read(file: Path) -> Header | Trouble:
    """The header of a .safetensors file, or why the file is none.

    Reads at most MAX_HEADER bytes.
    """
    try:
        with open(file, "rb", opener=_at_once) as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return Trouble(
                    "unreadable-model", f"{file} is no file, but a pipe or device.", OTHER
                )
            size = facts.st_size
            start = stream.read(512)
            if trouble := _no_safetensors(file, start, size):
                return trouble
            (length,) = struct.unpack("<Q", start[:8])
            stream.seek(8)
            text = stream.read(length)
    except IsADirectoryError:
        return Trouble("unreadable-model", f"{file} is a folder, not a file.", OTHER)
    except (FileNotFoundError, NotADirectoryError):
        return absent(file)
    except OSError as error:
        why = error.strerror or error
        return Trouble("unreadable-model", f"{file} can't be read: {why}.", READABLE)
    damaged = Trouble("damaged-model", f"{file} is damaged: its header can't be read.", AGAIN)
    try:
        header = _parsed(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return damaged
    whole = 8 + length + sum(tensor.size for tensor in header.tensors.values())
    if whole > size:
        return _truncated(file, size, whole)
    if whole < size:
        sentence = f"{file} is damaged: it has {size:,} bytes, and {whole:,} by its own header."
        return Trouble("damaged-model", sentence, AGAIN)
    if file.with_name(f"{file.name}.aria2").is_file():
        sentence = f"{file} is not fetched to its end: {file.name}.aria2 beside it says so."
        return Trouble("truncated", sentence, "Let aria2 finish, and try again.")
    return header


def absent(place: Path) -> Trouble:
    """Nothing has this name; or it is a link that leads nowhere."""
    sentence = f"There is no file or folder {place}."
    if place.is_symlink():
        sentence = f"{place} is a link to what is not there any more."
    return Trouble("absent", sentence, ABSENT)


def _at_once(file: str, flags: int) -> int:
    """Opens a file without waiting: a pipe would be waited for without end."""
    return os.open(file, flags | getattr(os, "O_NONBLOCK", 0))


def _no_safetensors(file: Path, start: bytes, size: int) -> Trouble | None:
    """What a file is by its first bytes, if it can't be a .safetensors file."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return Trouble("empty-file", f"{file} is empty.", AGAIN)
    if not start.strip(b"\0"):
        return Trouble(
            "damaged-model", f"{file} begins with zeros: a download that never filled it.", AGAIN
        )
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return Trouble(
            "web-page",
            f"{file} is a web page, not a model: the site sent a page instead of the file.",
            "Open the model's page in a browser, log in or accept its licence there, and fetch it "
            "again.",
        )
    if text.startswith(b"version https://git-lfs"):
        return Trouble(
            "lfs-pointer",
            f"{file} is a pointer of Git LFS, not the weights themselves.",
            "Run `git lfs pull` in that folder, or fetch the file from the model's page.",
        )
    zipped = start.startswith(b"PK\x03\x04")
    if zipped and b"data.pkl" not in start and file.suffix.lower() not in PICKLES:
        return _archive(file)
    if zipped or start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return _pickle(file)
    if start.startswith(b"GGUF"):
        return Trouble(
            "gguf",
            f"{file} is a GGUF file: weights compressed to a few bits, for other programs.",
            "Get the same model as .safetensors in fp16 or fp32.",
        )
    if start.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")) or start[257:262] == b"ustar":
        return _archive(file)
    if text.startswith((b"{", b"[")):
        return Trouble(
            "no-weights",
            f"{file} is text, not weights: a site's answer, or a configuration.",
            "Fetch the model's .safetensors file; some sites want a login or a key for it.",
        )
    if size < 10:
        return _truncated(file, size, None)
    (length,) = struct.unpack("<Q", start[:8])
    if start[8:9] != b"{":
        return Trouble("no-weights", f"{file} is no model in the safetensors format.", OTHER)
    if length > MAX_HEADER:
        return Trouble("damaged-model", f"{file} is damaged: its header is too long.", AGAIN)
    if 8 + length > size:
        return _truncated(file, size, None)
    return None


PICKLES = (".ckpt", ".pt", ".pth", ".bin")
"""How pickles are named; torch's are zip files that begin with data.pkl."""


def _pickle(file: Path) -> Trouble:
    return Trouble(
        "pickle",
        f"{file} is a pickle (.ckpt, .pt or .bin): loading one may run any program that is in "
        "it. Limn never does.",
        "Get the same model as .safetensors; most pages offer both. Or have a copy made: "
        "`limn models add --convert`.",
    )


def _archive(file: Path) -> Trouble:
    return Trouble(
        "archive", f"{file} is an archive.", "Unpack it, and name the model that is in it."
    )


def _truncated(file: Path, size: int, whole: int | None) -> Trouble:
    of = f" of {whole:,}" if whole else ""
    return Trouble(
        "truncated",
        f"{file} is incomplete: it has {size:,}{of} bytes. Its download was cut off.",
        "Fetch it again, to the end.",
    )


def _parsed(value: Any) -> Header:
    """A header from its JSON.

    Raises ValueError, TypeError or KeyError where it is none.
    """
    if not isinstance(value, dict) or len(value) > MAX_TENSORS:
        raise ValueError
    metadata = value.pop("__metadata__", None) or {}
    tensors, places = {}, []
    for name, entry in value.items():
        dtype, shape = entry["dtype"], tuple(entry["shape"])
        begin, end = entry["data_offsets"]
        numbers = (*shape, begin, end)
        if len(shape) > MAX_AXES or begin > end:
            raise ValueError
        if not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
            raise ValueError
        if dtype in BITS and math.prod(shape) * BITS[dtype] != 8 * (end - begin):
            raise ValueError
        tensors[name] = Tensor(str(dtype), shape, end - begin)
        places.append((begin, end))
    places.sort()
    if any(before != begin for (_, before), (begin, _) in pairwise(((0, 0), *places))):
        raise ValueError("tensors that overlap, or a gap")
    return Header(tensors, {str(k): str(v) for k, v in dict(metadata).items()})
