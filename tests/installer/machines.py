"""Machines of many kinds, for plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from limn.installer.machine import TEST_PROGRAMS, Gpu, KritaHome, Machine, Project, read_project

ROOT = Path(__file__).resolve().parent.parent.parent

HOME = KritaHome(
    "installed",
    Path("/home/painter/.local/share/krita"),
    Path("/home/painter/.config/kritarc"),
    exists=False,
)

BARE = Machine(
    system="Linux",
    architecture="x86_64",
    python=(3, 11),
    python_path="/usr/bin/python3",
    can_make_environments=True,
    root=True,
    programs=frozenset({"apt-get"}),
    krita_qt=5,
    system_pyqt=False,
    gpu=None,
    free_bytes=100 * 10**9,
    package_source="",
    cpu_wheels_reachable=True,
    krita_homes=(HOME,),
)
"""A fresh Debian, as root."""

READY = replace(BARE, programs=frozenset({"apt-get", *TEST_PROGRAMS}), system_pyqt=True)
"""The same with all that the tests need."""


def with_gpu(
    driver: str,
    capability: tuple[int, int] | None,
    system: str = "Linux",
    python: tuple[int, int] = (3, 11),
) -> Machine:
    numbers = tuple(int(number) for number in driver.split("."))
    return replace(BARE, gpu=Gpu("NVIDIA card", numbers, capability), system=system, python=python)


def project() -> Project:
    return read_project(ROOT)
