"""Opens a picture's file, and tells what is none from what is damaged."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from limn.protocol.errors import LimnError


class PictureError(LimnError):
    """A file is not a picture that can be used."""

    code = "bad-picture"


def opened(file: Path) -> BinaryIO:
    """A file to read from. A pipe is not waited for.

    Raises PictureError for what is no file, and for one that can't be had.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(file, flags)
    except FileNotFoundError as error:
        if os.path.islink(file):
            raise PictureError(
                f"{file} is a link to {os.readlink(file)}, which is not there.",
                "Name the picture itself.",
            ) from error
        raise PictureError(f"There is no file {file}.", "Check its name.") from error
    except OSError as error:
        if os.path.isdir(file):  # Windows opens none
            raise _folder(file) from error
        if isinstance(error, PermissionError):
            raise PictureError(f"{file} may not be read.", "Check its permissions.") from error
        raise PictureError(
            f"{file} can't be opened: {error.strerror}.", "Check its name."
        ) from error
    stream = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if stream is not None:
        return stream
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    raise (
        _folder(file)
        if is_folder
        else PictureError(f"{file} is no file.", "Save the picture as a file.")
    )


def _folder(file: Path) -> PictureError:
    return PictureError(f"{file} is a folder.", "Name a picture in it.")
