"""One line of Krita's settings: `enable_limn=true` under [python].

Everything else in the file stays byte for byte.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

GROUP = b"[python]"
KEY = b"enable_limn"


def switched_on(text: bytes) -> bytes:
    """The file's content with the plugin switched on.

    Applied twice it changes nothing more.
    """
    lines = text.splitlines(keepends=True)
    end = _line_end(text)
    header = _group(lines)
    if header is None:
        gap = b"" if not text or text.endswith((b"\n", b"\r")) else end
        return text + gap + GROUP + end + KEY + b"=true" + end
    own = _own_lines(lines, header)
    if own:
        lines[own[-1]] = (
            KEY + b"=true" + (lines[own[-1]][len(lines[own[-1]].rstrip(b"\r\n")) :] or end)
        )
        for number in reversed(own[:-1]):
            del lines[number]
    else:
        if not lines[header].endswith((b"\n", b"\r")):
            lines[header] += end
        lines.insert(header + 1, KEY + b"=true" + end)
    return b"".join(lines)


def switched_off(text: bytes) -> bytes:
    """The file's content without any trace of the plugin.

    A [python] group that it leaves empty goes too.
    """
    lines = text.splitlines(keepends=True)
    header = _group(lines)
    if header is None:
        return text
    own = _own_lines(lines, header)
    for number in reversed(own):
        del lines[number]
    if own and not any(line.strip() for line in _body(lines, header)):
        del lines[header]
    return b"".join(lines)


def is_switched_on(text: bytes) -> bool:
    """Whether Krita would load the plugin with this file."""
    lines = text.splitlines()
    header = _group(lines)
    own = [] if header is None else _own_lines(lines, header)
    return bool(own) and lines[own[-1]].partition(b"=")[2].strip().lower() == b"true"


def rewrite(file: Path, content: bytes) -> bool:
    """Put `content` in the place of `file` in one move, if it differs.

    The file's mode stays, and a link stays a link.
    """
    target = Path(os.path.realpath(file))
    before = target.read_bytes() if target.is_file() else None
    if before == content or (before is None and not content):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=target.name, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, target.stat().st_mode & 0o777 if before is not None else 0o600)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def _line_end(text: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in text else b"\n"


def _group(lines: list[bytes]) -> int | None:
    """The number of the line [python], or None."""
    return next((number for number, line in enumerate(lines) if line.strip() == GROUP), None)


def _body(lines: list[bytes], header: int) -> list[bytes]:
    """The lines after the header, up to the next group."""
    after = lines[header + 1 :]
    stop = next(
        (number for number, line in enumerate(after) if line.lstrip().startswith(b"[")), len(after)
    )
    return after[:stop]


def _own_lines(lines: list[bytes], header: int) -> list[int]:
    """The numbers of the group's lines that set our key."""
    body = _body(lines, header)
    return [
        header + 1 + number
        for number, line in enumerate(body)
        if line.partition(b"=")[0].strip() == KEY
    ]
