"""mypy on everything that is installed: `python -m tests.types`.

Under the names that it is installed by. The folders of the checkout become `limn.editing` and so on
when they are installed, by a finder that mypy does not know. So mypy sees them through links in a
folder of that shape.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("editing", "installer", "krita_plugin", "protocol", "server")
TREE = ROOT / ".mypy_cache" / "tree"


def link() -> None:
    """Make the folder `limn` of links to the rooms."""
    (TREE / "limn").mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        place = TREE / "limn" / room
        if not place.is_symlink():
            place.symlink_to(Path(os.pardir, os.pardir, os.pardir, room), target_is_directory=True)


def main() -> int:
    """Run mypy; its messages name the files of the checkout."""
    link()
    env = os.environ | {"MYPYPATH": str(TREE)}
    command = [sys.executable, "-m", "mypy", *sys.argv[1:]]
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout.replace(f"{TREE.relative_to(ROOT)}/limn/", ""), end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
