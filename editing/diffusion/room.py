"""How much memory is free, on a card and on the host, and how its end is told."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

SPARE = 96 * 2**20
"""Bytes of a card that are left to other programs, such as Krita's canvas."""


def free(device: torch.device) -> int | None:
    """Bytes of a device that Limn may use, what it holds there among them.

    None where the device tells nothing.
    """
    if device.type == "cpu":
        return host_free()
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - SPARE
    module = torch.get_device_module(device)
    if not hasattr(module, "mem_get_info"):
        return None
    unused, _ = module.mem_get_info(device)
    return int(unused + module.memory_reserved(device) - SPARE)


def host_free() -> int:
    """Bytes of the host's memory without swapping, within a container's limit."""
    unused = int(psutil.virtual_memory().available)
    limit = _cgroup("memory.max")
    if limit is not None:
        unused = min(unused, limit - (_cgroup("memory.current") or 0) + _cgroup_files())
    return max(0, unused)


CGROUP = Path("/sys/fs/cgroup")


def _cgroup(name: str) -> int | None:
    """A number of this container's, on Linux; None where there is no limit."""
    try:
        return int((CGROUP / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _cgroup_files() -> int:
    """Bytes of files in memory, which are given up when room is wanted."""
    try:
        lines = (CGROUP / "memory.stat").read_text(encoding="ascii").split("\n")
        return int(next(line.split()[1] for line in lines if line.startswith("inactive_file ")))
    except (OSError, ValueError, StopIteration):
        return 0


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out.

    Some devices, and torch on the CPU, tell it only in words.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words
    )
