"""Starts a real Krita under Xvfb, and runs one scenario file in it.

With a throwaway home; what its checks found is brought back. A scenario runs inside Krita (see
driver/__init__.py). What it needs from outside (scenes, the environment's Python) lies in files and
environment variables; what it finds comes back as JSON, and pictures and pixels in the output
folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from limn.installer import plugin_package
from limn.installer.machine import TEST_PROGRAMS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

DISPLAY_TRIES = 5
"""Numbers of a display that are drawn before the tests give up."""

KRITA_SYSTEM = os.environ.get("LIMN_TEST_KRITA", "")
"""The folder of another Debian system.

Its Krita is to be tested instead of this machine's.
"""

SHARED = (Path("/proc"), Path("/sys"), Path("/dev"), Path(tempfile.gettempdir()), Path("/tmp"))
"""What such a system has in common with this machine.

Displays have their sockets in /tmp.
"""

OUTSIDE = ("/usr/sbin/chroot", "/host") if KRITA_SYSTEM else ()
"""The beginning of a command by which that Krita runs a program of this machine."""

KRITA_PATH = "/usr/bin:/bin"
"""Krita's embedded Python finds its home through PATH.

A virtual environment there would hide PyQt from it.
"""

DATABASE = ".local/share/krita/resourcecache.sqlite"
"""What Krita knows of its brushes and patterns, below its home.

The first start makes it: three quarters of what that start takes (5.1.5: 14.5 s of a processor, and
3.5 with it).
"""

DESKTOP = """[Desktop Entry]
Type=Service
ServiceTypes=Krita/PythonPlugin
X-KDE-Library={name}
X-Python-2-Compatible=false
Name={name}
Comment=For Limn's tests
"""


class KritaFailed(Exception):
    """Krita died, hung, or gave no result; the end of its log is in the message."""


@dataclass(frozen=True)
class Outcome:
    """What one scenario brought back.

    By check {"ok", "result", "error", "seconds"}; Krita's log; the folder with its pictures.
    """

    checks: Mapping[str, Mapping[str, Any]]
    log: str
    folder: Path

    def of(self, name: str) -> Mapping[str, Any]:
        """The result of one check.

        Raises AssertionError with the check's own traceback if it failed, or did not run.
        """
        check = self.checks.get(name)
        assert check is not None, (
            f"{name} did not run; there are {list(self.checks)}\n{self.log[-3000:]}"
        )
        assert check["ok"], (
            f"{name} failed inside Krita:\n{check['error']}\nso far: {check['result']}"
        )
        assert not check.get("tracebacks"), f"{name}: a traceback in Krita:\n" + "\n".join(
            check["tracebacks"]
        )
        result: Mapping[str, Any] = check["result"]
        return result


@dataclass(frozen=True)
class Stage:
    """How Krita is set up for a scenario.

    server: the command that starts Limn's server, as the installer would note it; None: nothing was
    noted.
    plugin: put Limn in and switch it on. enable: further plugins to switch on, laid out below
    `resources`.
    home: a home that an earlier run has left, or None for a throwaway one.
    """

    output: Path
    server: Sequence[str] | None = None
    plugin: bool = True
    resources: Path | None = None
    enable: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    screen: str = "1440x900x24"
    home: Path | None = None


def missing() -> list[str]:
    """Debian packages that the tests need and that are not here."""
    return sorted(
        {package for program, package in TEST_PROGRAMS.items() if not shutil.which(program)}
    )


def package_files() -> dict[str, bytes]:
    """The plugin's package, as the installer builds it from this environment."""
    return plugin_package.gather(
        ROOT, [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    )


def run(scenario: str, stage: Stage, checks: Sequence[str] = (), seconds: float = 300) -> Outcome:
    """Run the file scenarios/`scenario` (all its checks, or those named).

    Raises KritaFailed if nothing came back.
    """
    absent = missing()
    if absent:
        raise KritaFailed(
            f"These are not installed: {' '.join(absent)}. Run python3 -m installer test, or "
            "install them with apt."
        )
    stage.output.mkdir(parents=True, exist_ok=True)
    home = stage.home or Path(tempfile.mkdtemp(prefix="limn-krita-"))
    try:
        env = _furnish(home, stage)
        result = stage.output / "result.json"
        result.unlink(missing_ok=True)
        env |= {
            "LIMN_SCENARIO": str(HERE / "scenarios" / scenario),
            "LIMN_RESULT": str(result),
            "LIMN_OUTPUT": str(stage.output),
            "LIMN_CHECKS": " ".join(checks),
            **stage.variables,
        }
        log = stage.output / "krita.log"
        named = [Path(value).parent for value in stage.variables.values() if value[:1] == "/"]
        inside = _inside(KRITA_SYSTEM, (ROOT, stage.output, home, *named))
        command = [*inside, "krita", "--nosplash"]
        with log.open("wb") as out, _display(stage.screen, out) as display:
            process = subprocess.Popen(
                command,
                env={**env, "DISPLAY": display},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                ending = f"Krita ended with status {process.wait(seconds)}."
            except subprocess.TimeoutExpired:
                ending = f"Krita did not end within {seconds:.0f} s."
            finally:
                _end(process)
        server_log = home / ".local/share/krita/limn/server.log"
        if server_log.is_file():
            shutil.copy(server_log, stage.output / "server.log")
        text = f"{log.read_text(errors='replace')}\n{ending}"
        if not result.is_file():
            raise KritaFailed(f"Krita gave no result. The end of its log:\n{text[-4000:]}")
        _keep_database(home, stage)
        return Outcome(json.loads(result.read_text()), text, stage.output)
    finally:
        if stage.home is None:
            shutil.rmtree(home, ignore_errors=True)


def _kept_database(stage: Stage) -> Path:
    """Where the starts of one session find the first one's database."""
    return stage.output.parent / Path(DATABASE).name


def _keep_database(home: Path, stage: Stage) -> None:
    """Keep what the first start has made.

    Unless a change was under way as Krita ended.
    """
    made, kept = home / DATABASE, _kept_database(stage)
    under_way = [made.with_name(made.name + end) for end in ("-journal", "-wal")]
    if made.is_file() and not kept.is_file() and not any(one.is_file() for one in under_way):
        shutil.copy(made, kept.with_suffix(".part"))
        kept.with_suffix(".part").replace(kept)


@contextlib.contextmanager
def _display(screen: str, log: IO[bytes]) -> Iterator[str]:
    """An X display of its own, ":N", ready for use; it ends with the block.

    The number is drawn, and taken only if Xvfb can lock it. Left to choose, Xvfb tries the numbers
    from 0, and where two do so at once one may take away the other's socket. Krita looks for OpenGL
    first, and goes; without -noreset Xvfb would then begin anew, and not answer for a moment.
    """
    for _ in range(DISPLAY_TRIES):
        number = random.randrange(1000, 50000)
        told, tells = os.pipe()
        command = ["Xvfb", f":{number}", "-displayfd", str(tells), "-screen", "0", screen]
        process = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-noreset"],
            pass_fds=[tells],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            os.close(tells)
            with open(told, encoding="ascii") as answer:
                ready = answer.readline().strip() == str(number)
            if ready:
                yield f":{number}"
                return
        finally:
            _end(process)
    raise KritaFailed("Xvfb did not start; see the log.")


def _inside(system: str, folders: Sequence[Path]) -> list[str]:
    """The beginning of a command that runs in another system's folder; nothing for "".

    These folders lie at the same places in there, and the machine itself at /host. Only the command
    sees these mounts, and they end with it.
    """
    if not system:
        return []
    shared = {"/": "/host"} | {str(one): str(one) for one in (*SHARED, *folders)}
    lines = ["set -e"]
    for here, there in shared.items():
        here, there = shlex.quote(here), shlex.quote(f"{system}{there}")
        lines.append(f"mkdir -p {there}; mount --rbind {here} {there}")
    lines.append(f'exec /usr/sbin/chroot {shlex.quote(system)} "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh"]


def _furnish(home: Path, stage: Stage) -> dict[str, str]:
    """Lay out the throwaway home; return the environment in which Krita starts."""
    config, data, runtime = home / ".config", home / ".local/share", home / "run"
    resources = data / "krita"
    for folder in (config, resources / "pykrita", resources / "actions", home / ".cache", runtime):
        folder.mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    if _kept_database(stage).is_file() and not (home / DATABASE).exists():
        shutil.copy(_kept_database(stage), home / DATABASE)
    if stage.resources:
        shutil.copytree(stage.resources, resources, dirs_exist_ok=True)
    (resources / "pykrita/limn_driver.desktop").write_text(DESKTOP.format(name="limn_driver"))
    shutil.copytree(
        HERE / "driver",
        resources / "pykrita/limn_driver",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    enabled = ["limn_driver", *stage.enable]
    if stage.plugin:
        plugin_package.write_tree(package_files(), resources)
        enabled.append("limn")
    if stage.server:
        plugin_package.write_environment(resources, sys.executable, [*OUTSIDE, *stage.server])
    switches = "".join(f"enable_{name}=true\n" for name in enabled)
    (config / "kritarc").write_text(f"[python]\n{switches}")
    (config / "kritadisplayrc").write_text("OpenGLRenderer=none\nrootSurfaceFormat=bt709-g22\n")
    return {
        "PATH": KRITA_PATH,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(config),
        "XDG_DATA_HOME": str(data),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_RUNTIME_DIR": str(runtime),
        "LANG": "C.UTF-8",
    } | {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Krita, its display and whatever it started: they are one session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
