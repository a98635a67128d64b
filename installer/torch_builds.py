"""Which build of torch fits a machine's graphics card and driver."""

from __future__ import annotations

from .actions import (
    TorchSource,
)
from .machine import CPU_WHEELS, Gpu, Machine

PYTORCH = "https://download.pytorch.org/whl/"


OLDER_TORCH_PYTHON = (3, 13)
"""The newest Python that has builds of torch for older drivers and cards."""


def choose_torch(machine: Machine, version: str) -> tuple[tuple[TorchSource, ...], bool, str]:
    """The builds of torch to try in order, for this machine.

    And whether they compute on the card, and why. `version` is the one that the tests ran with:
    CUDA 13.0, for drivers from 580 on. CUDA 12.8 and 12.6 run on drivers from 525 on, which there
    are for all of these cards. From CUDA 12.8 on the builds leave out Maxwell, Pascal and Volta
    (compute capability below 7.5); 12.6 has them. None is older than 2.10, the first whose reading
    of checkpoints as pickles is mended (CVE-2026-24747).
    """
    gpu = machine.gpu
    if gpu is None or machine.system == "Darwin":
        if machine.system == "Darwin":
            return (TorchSource(version),), False, "macOS: one build for all"
        if (
            machine.system == "Windows"
            or machine.package_source
            or not machine.cpu_wheels_reachable
        ):
            own = f"; pip has its own {machine.package_source}" if machine.package_source else ""
            return (TorchSource(version),), False, "no NVIDIA card" + own
        return (
            (TorchSource(version, CPU_WHEELS), TorchSource(version)),
            False,
            "no NVIDIA card: the small build for CPUs",
        )
    newest = TorchSource(version, None if machine.system == "Linux" else PYTORCH + "cu130")
    old_card = gpu.capability is not None and gpu.capability < (7, 5)
    if gpu.driver >= (580,) and not old_card:
        return (newest,), True, f"{gpu.name}, driver {_dotted(gpu)}: CUDA 13.0"
    to_cpu = (
        (TorchSource(version, CPU_WHEELS), TorchSource(version))
        if machine.system == "Linux"
        else (TorchSource(version),)
    )
    if machine.python > OLDER_TORCH_PYTHON:
        return (
            to_cpu,
            False,
            f"{gpu.name} needs an older torch, which there is for Python 3.11 to 3.13 only; "
            "computing on the CPU",
        )
    if gpu.capability is not None and gpu.capability < (5, 0):
        return to_cpu, False, f"{gpu.name} is too old for torch; computing on the CPU"
    if gpu.driver < (525,):
        return (
            to_cpu,
            False,
            f"{gpu.name}: its driver {_dotted(gpu)} is too old; computing on the CPU until there "
            "is one from 525 on",
        )
    if old_card:
        return (
            (TorchSource("2.10.0", PYTORCH + "cu126"),),
            True,
            f"{gpu.name}, of an older generation: CUDA 12.6",
        )
    return (
        (TorchSource("2.10.0", PYTORCH + "cu128"),),
        True,
        f"{gpu.name}, driver {_dotted(gpu)}: CUDA 12.8",
    )


def _dotted(gpu: Gpu) -> str:
    return ".".join(str(number) for number in gpu.driver)
