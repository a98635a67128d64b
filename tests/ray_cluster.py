"""A Ray cluster on this machine whose nodes can be killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

NODE = {"RAY_worker_niceness": "0"}
"""For a node of the cluster.

Ray's workers are nice to all else by 15, but here the killer and the clients compete with them.
"""


class Cluster:
    """A cluster on this machine, one CPU a node; the first node is never killed.

    Each has an address of loopback, but for the first: there Ray takes the machine's own.
    """

    PORT = 6399

    def __init__(self, folder: Path, nodes: int) -> None:
        self.address = f"127.0.0.2:{self.PORT}"
        self._folder = folder
        self._nodes: list[subprocess.Popen[bytes] | None] = [None] * nodes
        for place in range(nodes):
            self.start_node(place)

    def start_node(self, place: int) -> None:
        """Start a node and wait until it says that it runs."""
        where = (
            ("--head", "--port", str(self.PORT), "--include-dashboard", "false")
            if place == 0
            else ("--address", self.address)
        )
        command = [
            *(str(Path(sys.executable).parent / "ray"), "start", *where, "--block"),
            *("--node-ip-address", f"127.0.0.{place + 2}", "--num-cpus", "1", "--num-gpus", "0"),
            *("--object-store-memory", str(200 * 2**20), "--disable-usage-stats"),
        ]
        if place == 0:
            command += ["--temp-dir", str(self._folder / "ray")]
        log = self._folder / f"node{place}.log"
        with log.open("wb") as out:
            self._nodes[place] = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | NODE
            )
        for _ in range(600):
            if b"runtime started" in log.read_bytes():
                return
            time.sleep(0.2)
        raise TimeoutError(log.read_text(encoding="utf-8"))

    def kill_a_node(self, luck: random.Random) -> int:
        """Kill all processes of one node but the first; its place."""
        place = luck.randrange(1, len(self._nodes))
        self._kill(place)
        return place

    def stop(self) -> None:
        """Kill what is left."""
        for place in reversed(range(len(self._nodes))):
            self._kill(place)

    def _kill(self, place: int) -> None:
        node, self._nodes[place] = self._nodes[place], None
        if node is not None:
            for pid in descendants(node.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.wait()


def descendants(root: int) -> list[int]:
    """A process and all that it has started, as /proc tells."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdigit():
                facts = Path(f"/proc/{name}/stat").read_text(encoding="utf-8")
                children.setdefault(int(facts.rpartition(")")[2].split()[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found
