"""The server's installation as the docker in Krita asks for it.

    PYTHON -I -c START WHEEL --folder DIR --resources DIR --pip ZIP [--plan]

The docker runs this file out of Limn's wheel, with a Python of the system's: nothing else of Limn
is there yet. The steps are those of `python3 -m installer try`. What is done is told in lines that
begin with "limn: " and go on in JSON; pip's own words stand between them. It ends when its standard
input does, and whatever it has started with it: so it does not outlive Krita.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .actions import CheckTorch, InstallTorch, InstallWheel, NoteServer
from .environment import Environment
from .errors import InstallError
from .machine import Machine, Project, read_machine, read_project
from .only_one import only_one
from .plan import Plan, Step, plan_environment
from .steps import StepFailed, clean_environ, do, require_space

OK, FAILED = 0, 1

RETRIES = "8"
"""How often pip goes on with one file whose download broke off."""

NETWORK_SECONDS = "30"
"""How long pip waits for an answer, or for the next bytes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the server, or say what that would take; return the exit status."""
    options = parser().parse_args(arguments)
    folder, wheel = options.folder.absolute(), options.wheel.absolute()
    threading.Thread(target=end_with_input, daemon=True).start()
    project = read_project(Path(__file__).resolve().parent.parent)
    there = next(place for place in folder.parents if place.is_dir())
    machine = read_machine(there, options.pip)
    environment = Environment(project.root, folder, options.pip)
    plan = plan_server(machine, project, wheel, options.resources.absolute())
    tell(plan=outlook(plan, environment, machine))
    if plan.problems:
        tell(failed="no-build", sentence=plan.problems[0])
        return FAILED
    if options.plan:
        return OK
    try:
        settle(folder.parent)
        with only_one(folder.parent):
            carry_out(plan, environment, project, machine)
    except InstallError as error:
        space = isinstance(error, StepFailed) and "The disk has" in error.sentence
        tell(failed="disk-full" if space else "", sentence=str(error))
        return FAILED
    except OSError as error:
        tell(failed="", sentence=str(error))
        return FAILED
    for place in scratch(folder.parent):
        shutil.rmtree(place, ignore_errors=True)
    tell(done=True)
    return OK


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="limn-server-installation")
    top.add_argument("--folder", type=Path, required=True, help="the environment to make")
    top.add_argument("--resources", type=Path, required=True, help="Krita's resource folder")
    top.add_argument("--pip", type=Path, required=True, help="pip as a zip")
    top.add_argument("--wheel", type=Path, required=True, help="Limn's wheel")
    top.add_argument("--plan", action="store_true", help="only tell what would be done")
    return top


def plan_server(machine: Machine, project: Project, wheel: Path, resources: Path) -> Plan:
    """The environment's steps, Limn from its wheel, and the plugin's notes at last."""
    made = plan_environment(machine, project)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    steps = [step for step in made.steps if step.name != "limn"]
    basis = steps[0].stamp
    steps.append(
        Step("limn", "Install Limn", InstallWheel(wheel), f"{basis} {digest}"),
    )
    steps.append(Step("note", "Tell the plugin", NoteServer(resources, digest)))
    return Plan(tuple(steps), made.problems)


def carry_out(plan: Plan, environment: Environment, project: Project, machine: Machine) -> None:
    """Do what is not done yet. Raises InstallError."""
    for number, step in enumerate(plan.steps, 1):
        if environment.is_done(step):
            continue
        tell(step=step.name, number=number, of=len(plan.steps))
        if isinstance(step.action, InstallTorch):
            require_space(shutil.disk_usage(environment.folder.parent).free, step.action.needs)
        do(step, environment, project, machine)


def outlook(plan: Plan, environment: Environment, machine: Machine) -> dict[str, Any]:
    """What the painter is told before it begins.

    needs: bytes of free disk while it is made, 0 where torch is there already.
    """
    torch = next(step for step in plan.steps if isinstance(step.action, InstallTorch))
    assert isinstance(torch.action, InstallTorch)
    cuda = any(isinstance(step.action, CheckTorch) and step.action.cuda for step in plan.steps)
    left = sum(not environment.is_done(step) for step in plan.steps)
    return {
        "python": "{}.{}".format(*machine.python),
        "card": machine.gpu.name if machine.gpu is not None and cuda else "",
        "needs": 0 if environment.is_done(torch) else torch.action.needs,
        "free": machine.free_bytes,
        "left": left,
        "of": len(plan.steps),
    }


def settle(folder: Path) -> None:
    """Let pip keep and unpack everything below Limn's own folder.

    A system's /tmp may be too small, and what has come is there after a stop.
    """
    unpacked, downloads = scratch(folder)
    unpacked.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        TMPDIR=str(unpacked), TEMP=str(unpacked), TMP=str(unpacked), PIP_CACHE_DIR=str(downloads)
    )
    os.environ.setdefault("PIP_DEFAULT_TIMEOUT", NETWORK_SECONDS)
    os.environ["PIP_RESUME_RETRIES"] = RETRIES


def scratch(folder: Path) -> tuple[Path, Path]:
    """Where pip unpacks, and where it keeps what it has fetched."""
    return folder / "unpacked", folder / "downloads"


def tell(**said: object) -> None:
    """One line for the docker."""
    print("limn: " + json.dumps(said), flush=True)


def end_with_input() -> None:
    """End with all that was started, once our standard input has ended."""
    while os.read(0, 1024):  # sys.stdin's lock would be in the way as Python ends
        pass
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(os.getpid())], env=clean_environ(), check=False
        )
    else:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
