"""Do a step, or undo it. Each can be killed at any moment and done again.

What is finished leaves a stamp in .venv/.limn, keyed by what it depends on. What was begun leaves a
mark there first, so that a
step after a kill knows that it may find things half done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import editable, hashes, plugin, plugin_package
from .actions import (
    BuildZip,
    CheckTorch,
    InstallLimn,
    InstallPackages,
    InstallSystemPackages,
    InstallTorch,
    InstallWheel,
    LockPackages,
    MakeEnvironment,
    NoteServer,
    PutPlugin,
    RemoveEnvironment,
    Run,
    TakePlugin,
)
from .environment import Environment
from .errors import InstallError
from .machine import Machine, Project
from .plan import Step

TORCH_CHECK = (
    "import torch; x = torch.ones(8, 8{}); assert (x @ x).sum().item() == 512; "
    "print('torch', torch.__version__)"
)


class StepFailed(InstallError):
    """A step could not be done."""


def do(step: Step, environment: Environment, project: Project, machine: Machine) -> None:
    """Does one step.

    Raises StepFailed; whatever happens, the same call may be made again.
    """
    interrupted = environment.begin(step)
    match step.action:
        case InstallSystemPackages(packages, sudo):
            install_system_packages(packages, sudo)
        case MakeEnvironment(python, version):
            make_environment(environment, python, version)
            environment.begin(step)
        case InstallTorch(sources, needs):
            require_space(machine.free_bytes, needs)
            mend(environment, interrupted)
            for number, source in enumerate(sources):
                where = ["--index-url", source.index] if source.index else []
                if pip(environment, [f"torch=={source.version}", *where]):
                    break
                if number + 1 < len(sources):
                    print("That did not work; trying the next source.", flush=True)
            else:
                raise StepFailed(
                    "torch could not be installed.",
                    "See pip's words above; often the network or its proxy is the cause.",
                )
        case CheckTorch(cuda):
            check_torch(environment, cuda)
        case InstallPackages(requirements, constraints):
            mend(environment, interrupted)
            if not pip(environment, how_to_install(environment, requirements, constraints)):
                raise StepFailed(
                    "Some packages could not be installed.",
                    "See pip's words above, then run the same command again.",
                )
        case LockPackages():
            lock_packages(environment, project)
        case InstallLimn():
            if not pip(
                environment, ["--no-deps", "--no-build-isolation", "--editable", str(project.root)]
            ):
                raise StepFailed("Limn itself could not be installed.", "See pip's words above.")
            with errors_told("Limn itself could not be installed."):
                editable.keep_readable(environment.site_packages())
        case InstallWheel(wheel):
            if not pip(environment, ["--no-deps", "--force-reinstall", str(wheel)]):
                raise StepFailed("Limn itself could not be installed.", "See pip's words above.")
        case NoteServer(resources, version):
            server = (str(environment.python), "-m", "limn.server.cli", "serve")
            with errors_told(f"{resources} could not be written."):
                plugin_package.write_environment(
                    resources, str(environment.python), server, version
                )
        case Run(arguments, _):
            code = run([str(environment.python), *arguments], project.root)
            if code:
                raise StepFailed(f"{step.title}: failed (exit status {code}).", "See above.")
        case PutPlugin(home):
            server = (str(environment.python), "-m", "limn.server.cli", "serve")
            with errors_told(f"The plugin could not be put into {home.resources}."):
                plugin.put(
                    home, project.root, environment.site_packages(), str(environment.python), server
                )
        case TakePlugin(home):
            with errors_told(f"The plugin could not be taken out of {home.resources}."):
                print(
                    "      taken out" if plugin.take(home) else "      nothing of Limn was there",
                    flush=True,
                )
        case BuildZip(file):
            with errors_told(f"{file} could not be written."):
                plugin.write_zip(
                    file, project, environment.site_packages(), str(environment.python)
                )
        case RemoveEnvironment():
            remove_environment(environment)
    environment.finish(step)


@contextlib.contextmanager
def errors_told(sentence: str) -> Iterator[None]:
    """Turn what goes wrong with files into a StepFailed."""
    try:
        yield
    except plugin_package.PackageError as error:
        raise StepFailed(error.sentence, error.remedy) from error
    except OSError as error:
        raise StepFailed(sentence, f"{error}.") from error


def install_system_packages(packages: Sequence[str], sudo: bool) -> None:
    """apt, after ending what a killed apt may have left half done."""
    prefix = ["sudo", "env"] if sudo else ["env"]
    apt = [
        *prefix,
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-q",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    run([*prefix, "DEBIAN_FRONTEND=noninteractive", "dpkg", "--configure", "-a"])
    if run([*apt, "update"]) or run([*apt, "install", "-y", *packages]):
        raise StepFailed(
            "apt could not install everything.",
            f"Please install these yourself: {' '.join(packages)}",
        )


def make_environment(environment: Environment, python: str, version: tuple[int, int]) -> None:
    """A fresh `.venv`. One that Limn did not make is left alone."""
    if environment.folder.exists():
        if not environment.notes.is_dir():
            raise StepFailed(
                f"{environment.folder} is there, but Limn did not make it.",
                "Please move it away; nothing was changed.",
            )
        remove_environment(environment)
    environment.notes.mkdir(parents=True)
    (environment.notes / "environment.begun").touch()
    bare = [] if environment.pip is None else ["--without-pip"]
    if run([python, "-m", "venv", *bare, str(environment.folder)]):
        raise StepFailed(
            f"Python {version[0]}.{version[1]} could not make an environment.",
            f"On Debian and Ubuntu: apt install python{version[0]}.{version[1]}-venv. A full "
            "disk is another cause.",
        )


def remove_environment(environment: Environment) -> None:
    """Removes `.venv` and all in it.

    The notes go last, so that a kill half-way leaves it known as ours.
    """
    if not environment.notes.is_dir():
        return
    if Path(sys.prefix).resolve() == environment.folder.resolve():
        raise StepFailed(
            "This Python is the environment's own, which must be removed.",
            "Run the same with another: deactivate first.",
        )
    for entry in environment.folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            if entry != environment.notes:
                shutil.rmtree(entry)
        else:
            entry.unlink()
    for mark in environment.notes.iterdir():
        mark.unlink()
    environment.notes.rmdir()
    environment.folder.rmdir()


def how_to_install(
    environment: Environment, requirements: Sequence[str], constraints: Sequence[str]
) -> list[str]:
    """pip's arguments for packages: by hash.

    By version where the lists of hashes are older than the versions, which is said.
    """
    locked = hashes.locked(requirements)
    if locked is not None:
        file = environment.notes / "hashes.txt"
        file.write_text(locked, encoding="utf-8")
        return ["--require-hashes", "--no-deps", "--requirement", str(file)]
    print(
        "The lists of hashes are older than pyproject.toml (`python3 -m installer lock` makes them "
        "anew): packages are taken by their versions alone.",
        flush=True,
    )
    file = environment.notes / "constraints.txt"
    torch = f"torch=={torch_version(environment)}"
    file.write_text("\n".join((*constraints, torch, "")), encoding="utf-8")
    return ["--constraint", str(file), *requirements]


def lock_packages(environment: Environment, project: Project) -> None:
    """Write the lists of hashes anew. Raises StepFailed."""
    if not pip(environment, [hashes.UV]):
        raise StepFailed("uv could not be installed.", "See pip's words above.")
    known: dict[tuple[str, str], str] = {}
    asked, pins = environment.notes / "asked.txt", environment.notes / "pins.txt"
    torch = next(line for line in project.requirements if line.startswith("torch=="))
    pins.write_text("\n".join((*project.constraints, torch, "")), encoding="utf-8")
    for name, tests in ((hashes.USE, False), (hashes.TESTS, True)):
        asked.write_text("\n".join((*hashes.requirements(project, tests), "")), encoding="utf-8")
        out = environment.notes / name
        out.unlink(missing_ok=True)
        if run(hashes.command(str(environment.python), asked, pins, out)):
            raise StepFailed("The packages could not be locked.", "See uv's words above.")
        found = hashes.without_torch(out.read_text(encoding="utf-8"))
        new = [entry for package, entry in found.items() if package not in known]
        known |= found
        hashes.folder(environment.root).mkdir(exist_ok=True)
        (hashes.folder(environment.root) / name).write_text("\n".join((*new, "")), encoding="utf-8")


def require_space(free: int, needed: int) -> None:
    if free < needed:
        raise StepFailed(
            f"The disk has {free / 1e9:.1f} GB left; {needed / 1e9:.0f} GB are needed.",
            "Make room, then run the same command again.",
        )


def mend(environment: Environment, interrupted: bool) -> None:
    """After a kill: removes the metadata of half-installed packages.

    pip then installs them again. RECORD is the last file that pip writes of a package: one without
    it is not whole.
    """
    if not interrupted:
        return
    for site in environment.site_packages():
        for metadata in site.glob("*.dist-info"):
            if not (metadata / "RECORD").is_file():
                print(f"{metadata.name} is not whole: it is installed again.", flush=True)
                shutil.rmtree(metadata)


def check_torch(environment: Environment, cuda: bool) -> None:
    """Import torch and multiply two matrices, on the card if one is expected."""
    if run([str(environment.python), "-c", TORCH_CHECK.format(", device='cuda'" if cuda else "")]):
        where = "on the card" if cuda else "on this processor"
        advice = (
            "Is its driver the one that nvidia-smi names? A restart after an update of the driver "
            "may be due."
            if cuda
            else ""
        )
        raise StepFailed(
            f"torch was installed, but does not compute {where}.",
            f"See its words above. {advice}".strip(),
        )


def torch_version(environment: Environment) -> str:
    """The version of torch that is installed, local part included ("2.13.0+cpu")."""
    code = "import importlib.metadata as m; print(m.version('torch'))"
    done = subprocess.run(
        [str(environment.python), "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environ(),
    )
    if done.returncode:
        raise StepFailed(
            "torch is not in the environment any more.",
            "Remove .venv and run the same command again.",
        )
    return done.stdout.strip()


def pip(environment: Environment, arguments: Sequence[str]) -> bool:
    """pip install, with a progress bar on a terminal and nothing but errors elsewhere.

    For the plugin it tells bytes in lines ("Progress 12 of 3456"). True if it worked.
    """
    quiet = [] if sys.stdout.isatty() else ["-qq", "--progress-bar", "off"]
    if environment.pip is not None:
        quiet = ["--progress-bar", "raw"]
    command = [
        *environment.pip_command(),
        "--disable-pip-version-check",
        "install",
        "--no-input",
        *quiet,
        *arguments,
    ]
    return run(command) == 0


def run(command: Sequence[str], folder: Path | None = None) -> int:
    """Runs a program to its end; returns its exit status.

    Its output goes where ours goes. 127 if it is not there.
    """
    try:
        return subprocess.run(
            command, cwd=folder, env=clean_environ(), stdin=None, check=False, close_fds=False
        ).returncode
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return 127


def clean_environ() -> dict[str, str]:
    """Our environment variables without those that would lead another Python astray."""
    misleading = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in misleading}
