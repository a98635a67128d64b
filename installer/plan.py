"""Facts -> steps.

Pure: what happens on any machine can be seen, and tested, on any other.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .actions import (
    Action,
    BuildZip,
    CheckTorch,
    InstallLimn,
    InstallPackages,
    InstallSystemPackages,
    InstallTorch,
    LockPackages,
    MakeEnvironment,
    PutPlugin,
    RemoveEnvironment,
    Run,
    TakePlugin,
)
from .machine import TEST_PROGRAMS, KritaHome, Machine, Project
from .torch_builds import choose_torch

CPU_BYTES, CUDA_BYTES = 4_000_000_000, 12_000_000_000
"""Free disk that an environment takes while it is made.

Downloads included: torch for CPU, or with the CUDA libraries.
"""

SMOKE_SECONDS = 300
"""How long the smoke test in newer Kritas may take.

As many are made and tested as can be in this time.
"""

FIRST_EDIT = "first-edit"
"""The folder, in the checkout, into which `try` writes unless told otherwise."""


@dataclass(frozen=True)
class Step:
    """One thing to do.

    `stamp`: what its finished state depends on; a step with the same stamp is not done again ("":
    always done).
    """

    name: str
    title: str
    action: Action
    stamp: str = ""


@dataclass(frozen=True)
class Plan:
    """Steps in order.

    `problems`: what must be put right first (then nothing is done); `notes`: what the user should
    know.
    """

    steps: tuple[Step, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_environment(machine: Machine, project: Project, tests: bool = False) -> Plan:
    """The steps that make `.venv`: for use, or with what the tests need."""
    problems = []
    if machine.system == "Darwin" and machine.architecture == "x86_64":
        problems.append(
            "torch is no longer made for Macs with Intel processors, so Limn's server can't run "
            "here."
        )
    pinned = next(line for line in project.requirements if re.match(r"torch\b", line))
    others = (
        tuple(line for line in project.requirements if line != pinned)
        + project.plugin
        + project.build
    )
    sources, cuda, why = choose_torch(machine, pinned.partition("==")[2])
    actions: list[tuple[str, str, Action]] = [
        (
            "environment",
            "Make the environment .venv",
            MakeEnvironment(machine.python_path, machine.python),
        ),
        (
            "torch",
            f"Install torch {sources[0].version} ({why})",
            InstallTorch(sources, CUDA_BYTES if cuda or brings_cuda(machine) else CPU_BYTES),
        ),
        (
            "packages",
            f"Install {len(others)} packages that Limn stands on",
            InstallPackages(others, project.constraints),
        ),
        (
            "torch-check",
            "See that torch computes" + (" on the card" if cuda else ""),
            CheckTorch(cuda),
        ),
    ]
    if tests:
        more = project.bench + project.dev
        actions.append(
            (
                "test-packages",
                f"Install {len(more)} packages for tests",
                InstallPackages(more, project.constraints),
            )
        )
    actions.append(("limn", "Install the command limn", InstallLimn(project.version)))
    # The environment is made afresh for another Python and for another build of torch, which pip
    # would take for the one that is
    # there. Where a build comes from does not matter: that may change from one run to the next,
    # with the network.
    build = f"torch {sources[0].version} {sources[0].index if cuda else 'cpu'}"
    basis = f"{machine.python_path} {machine.python} {build}"
    steps = []
    for name, title, action in actions:
        content = build if isinstance(action, InstallTorch) else repr(action)
        steps.append(
            Step(
                name,
                title,
                action,
                hashlib.sha256(f"{basis} {name} {content}".encode()).hexdigest(),
            )
        )
    return Plan(tuple(steps), tuple(problems))


def brings_cuda(machine: Machine) -> bool:
    """Whether torch comes with CUDA's libraries though there is no card for them.

    So it does for Linux where pip takes it from an index, and not from PyTorch's own. Measured:
    5.2 GB in the end, and 2.6 GB of downloads meanwhile.
    """
    of_an_index = machine.package_source in ("", "index-url", "extra-index-url")
    return (
        machine.system == "Linux"
        and machine.architecture == "x86_64"
        and of_an_index
        and not machine.cpu_wheels_reachable
    )


def plan_try(machine: Machine, project: Project, out: Path) -> Plan:
    """A first edit.

    The environment, then a scene of the sketchbook over the websocket.
    """
    system = plan_system_packages(machine, tests=False)
    environment = plan_environment(machine, project)
    edit = Step(
        "first-edit",
        f"Edit a scene; pictures go to {out}",
        Run(("-m", "limn.server.cli.first_edit", "--out", str(out))),
    )
    notes: tuple[str, ...] = ()
    if krita_is_here(machine):
        notes = ("Krita is here: `python3 -m installer plugin` puts Limn into it.",)
    return Plan(
        (*system.steps, *environment.steps, edit), system.problems + environment.problems, notes
    )


def plan_test(machine: Machine, project: Project) -> Plan:
    """All that the tests need, then ruff, mypy and pytest.

    A failure of the others does not keep the tests from running.
    """
    system = plan_system_packages(machine, tests=True)
    environment = plan_environment(machine, project, tests=True)
    checks = (
        Step("ruff", "Check the style (ruff)", Run(("-m", "ruff", "check", "."), lasting=True)),
        Step(
            "format",
            "Check the layout (ruff)",
            Run(("-m", "ruff", "format", "--check", "."), lasting=True),
        ),
        Step("mypy", "Check the types (mypy)", Run(("-m", "tests.types"), lasting=True)),
        Step(
            "kritas",
            f"Smoke test in newer Kritas, within {SMOKE_SECONDS} s",
            Run(("-m", "installer", "kritas", "--smoke", str(SMOKE_SECONDS)), lasting=True),
        ),
        Step(
            "pytest",
            "Run the tests (pytest, in parts beside each other)",
            Run(("-m", "tests.run", "-p", "tests.no_skips")),
        ),
    )
    return Plan(
        (*system.steps, *environment.steps, *checks), system.problems + environment.problems
    )


def plan_plugin(
    machine: Machine, project: Project, resources: Path | None, remove: bool, archive: Path | None
) -> Plan:
    """The plugin into Krita's resource folders, out of them, or into a zip.

    `resources`: another folder than Krita's own.
    """
    homes = chosen_homes(machine, resources)
    if remove:
        return Plan(
            tuple(
                Step("unplug", f"Take the plugin out of {home.resources}", TakePlugin(home))
                for home in homes
            )
        )
    system = environment = Plan(())
    if not project.installed:
        system = plan_system_packages(machine, tests=False)
        environment = plan_environment(machine, project)
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    if archive is not None:
        steps, notes = (
            (Step("zip", f"Pack the plugin into {archive}", BuildZip(archive)),),
            (
                "In Krita: Tools > Scripts > Import Python Plugin from File, choose the zip, "
                "restart Krita.",
            ),
        )
    else:
        steps = tuple(
            Step("plug", f"Put the plugin into {home.resources} and switch it on", PutPlugin(home))
            for home in homes
        )
        notes = plugin_notes(machine, homes)
    return Plan(
        (*system.steps, *environment.steps, *steps), system.problems + environment.problems, notes
    )


def plan_lock(machine: Machine, project: Project) -> Plan:
    """The lists of hashes, for whoever changes a version in pyproject.toml."""
    system = plan_system_packages(machine, tests=False)
    environment = plan_environment(machine, project)
    lock = Step("lock", "Note the hashes of all packages", LockPackages())
    return Plan((*system.steps, environment.steps[0], lock), system.problems + environment.problems)


def plan_uninstall(machine: Machine, root: Path) -> Plan:
    """Takes away everything that the installer made.

    The plugin in every Krita, and the environment. Pictures that `try` made stay.
    """
    steps = [
        Step("unplug", f"Take the plugin out of {home.resources}", TakePlugin(home))
        for home in machine.krita_homes
    ]
    steps.append(Step("remove", f"Remove {root / '.venv'}", RemoveEnvironment()))
    return Plan(
        tuple(steps),
        notes=("System packages stay, as do pictures, models and settings of your own.",),
    )


def plan_system_packages(machine: Machine, tests: bool) -> Plan:
    """What only the system's package manager can bring."""
    missing = []
    if not machine.can_make_environments:
        missing.append(f"python{machine.python[0]}.{machine.python[1]}-venv")
    if tests:
        missing += dict.fromkeys(
            package for program, package in TEST_PROGRAMS.items() if program not in machine.programs
        )
        if machine.krita_qt and not machine.system_pyqt:
            # Krita merely recommends it, and runs no plugin without it
            missing.append(f"python3-pyqt{machine.krita_qt}")
    if not missing:
        return Plan(())
    if machine.system != "Linux":
        return Plan(
            (),
            (
                "The tests drive a real Krita under Xvfb, which needs Linux. Missing here: "
                f"{', '.join(missing)}.",
            ),
        )
    if "apt-get" in machine.programs and (machine.root or "sudo" in machine.programs):
        action = InstallSystemPackages(tuple(missing), sudo=not machine.root)
        return Plan((Step("system", f"Install with apt: {' '.join(missing)}", action),))
    how = "as root, run: apt-get install " + " ".join(missing)
    if "apt-get" not in machine.programs:
        how = f"install with your system's package manager what Debian calls {', '.join(missing)}"
    return Plan(
        (),
        (
            "Some system packages are missing, and installing them is not this user's right. "
            f"Please {how}",
        ),
    )


def chosen_homes(machine: Machine, resources: Path | None) -> tuple[KritaHome, ...]:
    """Every Krita that has run here, else where a native one will look.

    Or `resources`, with the kritarc that goes with it.
    """
    if resources is not None:
        known = next((home for home in machine.krita_homes if home.resources == resources), None)
        return (known or KritaHome("chosen", resources, machine.krita_homes[0].kritarc, True),)
    return tuple(home for home in machine.krita_homes if home.exists) or machine.krita_homes[:1]


def plugin_notes(machine: Machine, homes: tuple[KritaHome, ...]) -> tuple[str, ...]:
    """What to do next, and what may not work with this kind of Krita."""
    notes = ["Start Krita (again). The docker: Settings > Dockers > Limn."]
    if not krita_is_here(machine):
        notes.append("No Krita was found; the plugin lies where Krita will look for it.")
    if any(home.kind in ("Flatpak", "Snap") for home in homes):
        notes.append(
            "A Krita from Flatpak or Snap may not be allowed to start programs: then run "
            "`.venv/bin/limn serve` beside it."
        )
    return tuple(notes)


def krita_is_here(machine: Machine) -> bool:
    return "krita" in machine.programs or any(home.exists for home in machine.krita_homes)
