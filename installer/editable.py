"""An editable install that is found whatever the locale.

setuptools writes the checkout's place into the environment as a string. Where file names are not
encoded as UTF-8 (in fr_FR.ISO-8859-1, say), Python takes another name for it, and Limn can't be
imported from below ~/Téléchargements. No option of setuptools changes that.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

NAME = "limn-paths.pth"
"""The file that makes an editable Limn importable.

Python runs such files in the order of their names: this one after setuptools' own.
"""

LINE = (
    "import os, sys; [m.MAPPING.update({k: os.fsdecode(v.encode()) for k, v in m.MAPPING.items()"
    " if not os.path.exists(v)}) for n, m in list(sys.modules.items())"
    ' if n.startswith("__editable___limn_")]\n'
)
"""Each place is the file name that its UTF-8 bytes are here. Python runs it twice."""


def keep_readable(site_packages: Iterable[Path]) -> None:
    """Write that line into an environment. Raises OSError."""
    for folder in site_packages:
        (folder / NAME).write_text(LINE, encoding="ascii")
