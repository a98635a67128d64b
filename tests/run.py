"""All tests, in parts beside each other: `python -m tests.run [options]`.

The options are pytest's. Most tests compute in one thread, and those in Krita wait for it half of
the time. So there may be one part more than the machine has processors. What measures Krita's
pauses runs alone, at the end; so does, once more, what has failed beside other parts, where a busy
machine may be at fault: that is said, and what fails alone as well is a failure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FAILED = 1
"""What pytest ends with where tests have failed."""

ALONE = ("tests/krita/test_pauses.py",)
"""What measures times of Krita's, so that nothing may run beside it."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "krita 1": ("edit", "loop", "trouble", "algorithms", "kinds", "depths", "models", "storm"),
    "krita 2": ("layers", "busy", "bad", "docker", "auto", "package", "results", "keys", "smoke"),
    "server": ("tests/server", "tests/cli"),
}
"""Those that take longest come first; what is named nowhere is the last part."""


@dataclass
class Part:
    """Some tests in a process of their own; `name` stands before each of its lines."""

    name: str
    arguments: Sequence[str]
    cache: Path
    process: subprocess.Popen[str] | None = None
    thread: threading.Thread | None = None
    begun: float = field(default_factory=time.monotonic)

    def start(self, *more: str) -> None:
        """Begin; what it says is printed line by line."""
        command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={self.cache}", *more]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *self.arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.thread = threading.Thread(target=self._print, daemon=True)
        self.thread.start()

    def _print(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        for line in self.process.stdout:
            print(f"[{self.name}] {line}", end="", flush=True)

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.process is not None and self.process.poll() is not None

    def code(self) -> int:
        """What pytest has ended with, once all that it has said is printed."""
        assert self.process is not None and self.thread is not None
        code = self.process.wait()
        self.thread.join()
        print(f"[{self.name}] {time.monotonic() - self.begun:.0f} s", flush=True)
        return code

    def stop(self) -> None:
        """End it as Ctrl+C does: its Krita and its display end with it."""
        if self.process is not None and not self.ended():
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def parts(folder: Path, options: Sequence[str]) -> Iterator[Part]:
    """All parts, in the order in which they begin; each test file is in one of them."""
    named = []
    for number, (name, places) in enumerate(PARTS.items()):
        files = [place if "/" in place else f"tests/krita/test_{place}.py" for place in places]
        named += files
        yield Part(name, [*options, *files], folder / str(number))
    krita = {file.relative_to(ROOT).as_posix() for file in ROOT.glob("tests/krita/test_*.py")}
    others = sorted(krita - {*named, *ALONE})
    if others:
        yield Part("krita 3", [*options, *others], folder / "others")
    ignored = [f"--ignore={place}" for place in (*named, *ALONE, "tests/krita")]
    yield Part("others", [*options, *ignored, "tests"], folder / "rest")


def run(all_parts: Sequence[Part], at_once: int) -> dict[str, int]:
    """Run them, so many at a time. Returns what each has ended with, by its name."""
    waiting, running, codes = list(all_parts), list[Part](), dict[str, int]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(waiting.pop(0))
                running[-1].start()
            for part in [one for one in running if one.ended()]:
                running.remove(part)
                codes[part.name] = part.code()
            time.sleep(0.2)
    finally:
        for part in running:
            part.stop()
    return codes


def main(options: Sequence[str]) -> int:
    """Run everything. Returns 0 where all tests have passed."""
    with tempfile.TemporaryDirectory(prefix="limn-tests-") as name:
        folder = Path(name)
        beside = list(parts(folder, options))
        codes = run(beside, (os.cpu_count() or 1) + 1)
        codes |= run([Part("alone", [*options, *ALONE], folder / "alone")], 1)
        for part in beside:
            if codes[part.name] == FAILED:
                print(f"[{part.name}] what has failed is run again, alone", flush=True)
                part.start("--last-failed")
                codes[part.name] = part.code()
    failed = [name for name, code in codes.items() if code]
    print(f"failed: {', '.join(failed)}" if failed else "all parts passed")
    return FAILED if failed else 0


if __name__ == "__main__":
    # its parts end with it, and with them their Kritas
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
