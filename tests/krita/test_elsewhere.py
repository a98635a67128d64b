"""A Krita on one machine, and a server with TLS and users on another."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from limn.server import tls
from limn.server.users import Users

from ..server.conftest import Running, start
from . import harness
from .conftest import MODEL
from .harness import Outcome, Stage
from .other_machine import Namespace, Relay, other_machine

pytestmark = [pytest.mark.krita, pytest.mark.timeout(900)]

LOOK_SECONDS = 0.05
"""Between two looks at what Krita's side wants to happen."""


@dataclass
class Studio:
    """The server, its machine, and what happens to them on demand.

    folder: in which the scenario writes what it wants into `wanted`, which is gone when it is done.
    """

    machine: Namespace | Relay
    folder: Path
    port: int = 0
    token: str = ""
    fingerprints: list[str] = field(default_factory=list)
    running: Running | None = None
    logs: list[Path] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    trouble: list[str] = field(default_factory=list)

    @property
    def users(self) -> Path:
        return self.folder / "users.json"

    def serve(self) -> None:
        """Start the server with a new certificate, at the port that it had."""
        number, names = len(self.logs), [self.machine.address, self.machine.host]
        place = self.folder / str(number)
        place.mkdir()
        certificate, key = place / "certificate.pem", place / "key.pem"
        tls.make(certificate, key, names)
        model = ["--model", MODEL] if MODEL else []
        self.running = start(
            [
                *("--host", self.machine.host, "--host-names", self.machine.address),
                *("--port", str(self.port)),
                *("--tls-cert", str(certificate), "--tls-key", str(key)),
                *("--users-file", str(self.users), *model),
            ],
            self.environment,
            place,
            self.machine.inside,
        )
        self.port = self.running.port
        self.machine.reach(self.port)
        self.fingerprints.append(str(self.running.ready["fingerprint"]))
        self.logs.append(self.running.log_file)

    @property
    def environment(self) -> dict[str, str]:
        names = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            **{name: str(self.folder / name) for name in names},
        }

    def stop(self) -> None:
        assert self.running is not None and self.running.stop() == 0

    def do(self, what: str) -> None:
        """What Krita's side wants to happen: cut, mend, replace or revoke."""
        if what == "cut":
            self.machine.cut()
        elif what == "mend":
            self.machine.mend()
        elif what == "replace":
            self.stop()
            self.serve()
        elif what == "revoke":
            command = [sys.executable, "-m", "limn.server.cli", "users", "revoke", "anna"]
            command += ["--users-file", str(self.users)]
            subprocess.run(command, check=True, env=self.environment, stdout=subprocess.PIPE)

    def attend(self) -> None:
        """Do what is wanted until Krita has ended."""
        wanted = self.folder / "wanted"
        while not self.ended.wait(LOOK_SECONDS):
            if wanted.is_file() and (what := wanted.read_text()):
                try:
                    self.do(what)
                except Exception as error:  # told by the test; Krita's side waits no longer
                    self.trouble.append(repr(error))
                wanted.unlink()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = Studio(other_machine(), tmp_path_factory.mktemp("studio"))
    try:
        for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            (made.folder / name).mkdir(mode=0o700)
        made.token = Users(made.users).add("anna")
        made.serve()
        yield made
        made.stop()
    finally:
        if made.running is not None and made.running.process.poll() is None:
            made.running.process.kill()
        made.machine.close()


@pytest.fixture(scope="module")
def played(studio: Studio, stage: Stage) -> Outcome:
    url = f"https://{studio.machine.address}:{studio.port}"
    told = {"url": url, "token": studio.token, "wanted": str(studio.folder / "wanted")}
    file = studio.folder / "elsewhere.json"
    file.write_text(json.dumps(told))
    variables = {**stage.variables, "LIMN_ELSEWHERE": str(file)}
    there = replace(stage, output=stage.output / "elsewhere", server=None, variables=variables)
    helper = threading.Thread(target=studio.attend, daemon=True)
    helper.start()
    try:
        return harness.run("elsewhere.py", there, seconds=840)
    finally:
        studio.ended.set()
        helper.join(60)


def digits(fingerprint: str) -> str:
    return re.sub(r"[\n:]", "", fingerprint)


def test_a_server_is_chosen_trusted_and_used(played: Outcome, studio: Studio) -> None:
    first = played.of("first")
    assert not studio.trouble, studio.trouble
    assert "encrypted" in first["plain"]
    assert digits(first["fingerprint"]) == digits(studio.fingerprints[0])
    assert studio.machine.address in first["link"]
    assert first["note"].startswith("done in") and first["new"] == 1
    assert first["mode"] == 0o600 and studio.token not in first["settings"]
    assert first["models"] and not any(enabled for _, enabled, _ in first["models"])
    assert all("may not fetch or choose" in why for _, _, why in first["models"])
    assert not first["may get"] and "may not fetch or choose" in first["why"]
    log = Path(played.folder, "krita.log").read_text(errors="replace")
    assert studio.token not in log


def test_an_edit_goes_on_after_the_network_was_cut(played: Outcome, studio: Studio) -> None:
    cut = played.of("cut")
    assert cut["note"].startswith("done in") and cut["new"] == 1, cut
    assert cut["gap"] < 1, "Krita stood still"
    assert "no answer from" in cut["meanwhile"], "the line went on as if nothing had happened"
    assert studio.machine.address in cut["meanwhile"] and cut["afterwards"] == "ready"


def test_a_changed_certificate_is_told_and_trusted_anew(played: Outcome, studio: Studio) -> None:
    changed = played.of("changed")
    assert "has changed. Nothing was sent." in changed["words"]
    assert digits(changed["fingerprint"]) == digits(studio.fingerprints[1])
    assert studio.fingerprints[0] != studio.fingerprints[1]
    assert changed["note"].startswith("done in") and changed["new"] == 1


def test_a_revoked_user_is_told_and_can_forget_the_server(played: Outcome, studio: Studio) -> None:
    revoked = played.of("revoked")
    assert "does not know this token" in revoked["note"]
    assert revoked["seconds"] < 30 and revoked["new"] == 0
    assert revoked["forgotten"] == 2  # this computer, and another
    assert not any("Traceback" in log.read_text() for log in studio.logs)
