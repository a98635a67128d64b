"""mypy on everything that is installed: `python -m tests.types`.

Under the names that it is installed by. The folders of the checkout become `limn.editing` and so on
when they are installed, by a finder that mypy does not know. So mypy sees them through links in a
folder of that shape.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("editing", "installer", "krita_plugin", "protocol", "server")
TREE = ROOT / ".mypy_cache" / "tree"
STUBS = ROOT / "tests" / "stubs"
"""Types of Krita, which has none of its own."""


def link() -> None:
    """Make the folder `limn` of links to the rooms."""
    (TREE / "limn").mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        place = TREE / "limn" / room
        if not place.is_symlink():
            place.symlink_to(Path(os.pardir, os.pardir, os.pardir, room), target_is_directory=True)
    vendor = TREE / "limn" / "vendor" / "websockets"  # where the plugin's package has it
    installed = importlib.util.find_spec("websockets")
    if installed is not None and installed.origin is not None and not vendor.is_symlink():
        vendor.parent.mkdir(exist_ok=True)
        vendor.symlink_to(Path(installed.origin).parent, target_is_directory=True)


def main() -> int:
    """Run mypy; its messages name the files of the checkout."""
    link()
    env = os.environ | {"MYPYPATH": os.pathsep.join(map(str, (TREE, STUBS)))}
    command = [sys.executable, "-m", "mypy", *sys.argv[1:]]
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout.replace(f"{TREE.relative_to(ROOT)}/limn/", ""), end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
