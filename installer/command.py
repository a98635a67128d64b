"""The commands try, test, plugin and uninstall.

Each shows the plan, runs it, and says how it went.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import debian, kritas, plugin
from .actions import Run
from .environment import Environment, OwnEnvironment
from .errors import InstallError
from .machine import Machine, Project, read_machine, read_project
from .only_one import only_one
from .plan import (
    FIRST_EDIT,
    Plan,
    Step,
    plan_lock,
    plan_plugin,
    plan_test,
    plan_try,
    plan_uninstall,
)
from .steps import StepFailed, do

OK, FAILED, NEEDS_YOU, INTERRUPTED = 0, 1, 3, 130
"""Exit statuses: 2 is argparse's own, for a command line that can't be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit status."""
    root = Path(__file__).resolve().parent.parent
    project = read_project(root)
    options = parser(project.installed).parse_args(arguments)
    machine = read_machine(root)
    if options.command == "facts":
        print(json.dumps(facts(machine, project), indent=1))
        return OK
    if options.command == "kritas":
        return run_kritas(options, root)
    plan = make_plan(options, machine, project)
    environment = OwnEnvironment(root) if project.installed else Environment(root)
    show(plan, environment)
    if plan.problems:
        return NEEDS_YOU
    if options.dry_run:
        print("A dry run: nothing was done.")
        return OK
    try:
        return carry_out(plan, environment, project, machine)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED


def parser(installed: bool) -> argparse.ArgumentParser:
    """The command line of a checkout, or of an installed Limn.

    The latter has but its plugin to put.
    """
    top = argparse.ArgumentParser(
        prog="python -m limn.installer" if installed else "python3 -m installer",
        description="Install Limn, try it, test it, put it into Krita.",
    )
    commands = top.add_subparsers(
        dest="command",
        required=True,
        metavar="plugin|facts" if installed else "try|test|kritas|plugin|uninstall|lock|facts",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dry-run", action="store_true", help="show what would be done, and do nothing"
    )
    if not installed:
        _add_checkout_commands(commands, common)
    plug = commands.add_parser(
        "plugin", parents=[common], help="put the plugin into Krita, or take it out"
    )
    plug.add_argument(
        "--resources", type=Path, metavar="DIR", help="another resource folder than Krita's own"
    )
    what = plug.add_mutually_exclusive_group()
    what.add_argument("--remove", action="store_true", help="take the plugin out again")
    what.add_argument(
        "--zip", type=Path, metavar="FILE", help="only build the package for Krita's importer"
    )
    commands.add_parser("facts", help="print what the installer sees of this machine, as JSON")
    return top


def _add_checkout_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """What makes an environment, tests it, and removes it."""
    first = commands.add_parser(
        "try",
        parents=[common],
        help="make the environment, and a first edit with pictures to look at",
    )
    first.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"where the pictures go (default: {FIRST_EDIT}/ in the checkout)",
    )
    commands.add_parser(
        "test", parents=[common], help="install what the tests need, and run them all"
    )
    others = commands.add_parser(
        "kritas", help="run the tests in Krita in the Kritas of newer Debian systems, too"
    )
    others.add_argument(
        "--folder", type=Path, metavar="DIR", help="where these systems lie, 2 GB each"
    )
    others.add_argument("--out", type=Path, metavar="DIR", help="where table and screenshots go")
    others.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="one of them: trixie, sid, ..."
    )
    others.add_argument(
        "--tests",
        action="append",
        default=[],
        metavar="NAME",
        help="these of tests/krita, in this order: busy, edit, ...",
    )
    others.add_argument(
        "--keep",
        action="store_true",
        help="repeat nothing that passed, even if the sources have changed since",
    )
    others.add_argument(
        "--smoke", type=float, metavar="SECONDS", help="the smoke test alone, as far as time allows"
    )
    commands.add_parser(
        "uninstall",
        parents=[common],
        help="take the plugin out of Krita, and remove the environment",
    )
    commands.add_parser(
        "lock",
        parents=[common],
        help="after a change of versions in pyproject.toml: note the hashes of all packages",
    )


def run_kritas(options: argparse.Namespace, root: Path) -> int:
    """The tests in other Kritas.

    Where this machine can't have them, a smoke test says so loudly.
    """
    python = Environment(root).python
    missing = debian.problems()
    if not python.is_file():
        missing.append("There is no environment yet: python3 -m installer test")
    for problem in missing:
        print(f"NOT RUN in other Kritas: {problem}", file=sys.stderr)
    if missing:
        return OK if options.smoke else NEEDS_YOU
    folder = (options.folder or debian.default_folder()).absolute()
    out = (options.out or folder / "results").absolute()
    if options.smoke:
        return kritas.run_smoke(str(python), root, folder, out, options.smoke)
    try:
        return kritas.run_all(
            str(python), root, folder, out, options.only, options.tests, options.keep
        )
    except InstallError as error:
        print(error, file=sys.stderr)
        return NEEDS_YOU
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED


def facts(machine: Machine, project: Project) -> dict[str, Any]:
    """The machine as `limn doctor` wants to know it."""
    site_packages = [Path(place) for place in sys.path if place.endswith("site-packages")]
    return {
        "programs": sorted(machine.programs),
        "gpu": machine.gpu and asdict(machine.gpu),
        "free_bytes": machine.free_bytes,
        "krita": [
            plugin.describe(home, project.root, site_packages) for home in machine.krita_homes
        ],
    }


def make_plan(options: argparse.Namespace, machine: Machine, project: Project) -> Plan:
    """The plan for one command line."""
    match options.command:
        case "try":
            return plan_try(
                machine,
                project,
                options.out.absolute() if options.out else project.root / FIRST_EDIT,
            )
        case "test":
            return plan_test(machine, project)
        case "plugin":
            resources = options.resources.absolute() if options.resources else None
            return plan_plugin(
                machine,
                project,
                resources,
                options.remove,
                options.zip.absolute() if options.zip else None,
            )
        case "lock":
            return plan_lock(machine, project)
        case _:
            return plan_uninstall(machine, project.root)


def show(plan: Plan, environment: Environment) -> None:
    """The plan as text, with what was done before."""
    for number, step in enumerate(plan.steps, 1):
        print(f"  {number}. {step.title}{'  (done before)' if environment.is_done(step) else ''}")
    for problem in plan.problems:
        print(problem, file=sys.stderr)
    sys.stdout.flush()


def carry_out(plan: Plan, environment: Environment, project: Project, machine: Machine) -> int:
    """Does the plan's steps in order; returns the exit status.

    What runs last has the last word if all went well.
    """
    status = OK
    for number, step in enumerate(plan.steps, 1):
        if environment.is_done(step):
            continue
        print(f"[{number}/{len(plan.steps)}] {step.title}", flush=True)
        begun = time.monotonic()
        try:
            alone = is_ours(step) and not project.installed
            with only_one(project.root) if alone else contextlib.nullcontext():
                if not environment.is_done(
                    step
                ):  # another installer may have done it while we waited
                    do(step, environment, project, machine)
        except StepFailed as failure:
            status = FAILED
            print(f"{failure.sentence} {failure.remedy}", file=sys.stderr, flush=True)
            if not is_lasting(step):
                return status
            print("Going on, but this run will count as failed.", file=sys.stderr, flush=True)
        if step.stamp:
            print(f"      done in {time.monotonic() - begun:.0f} s", flush=True)
    for note in plan.notes:
        print(note)
    return status


def is_ours(step: Step) -> bool:
    """Whether the step writes into the environment or Krita.

    Then it is done alone. A program such as the tests may call us again.
    """
    return not isinstance(step.action, Run)


def is_lasting(step: Step) -> bool:
    return isinstance(step.action, Run) and step.action.lasting
