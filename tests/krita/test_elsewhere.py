"""A Krita whose edits are made by a server with TLS and users."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from limn.server import tls
from limn.server.users import Users

from ..server.conftest import start
from . import harness
from .conftest import SECONDS
from .harness import Outcome, Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server on the small model, and what Krita's side has to know of it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    tls.make(certificate, key, ["127.0.0.1"])
    users = Users(folder / "users.json")
    token = users.add("painter")
    environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder))
    arguments = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    running = start([*arguments, "--users-file", str(users.file)], environment, folder)
    revoke = [sys.executable, "-m", "limn.server.cli", "users", "revoke", "painter"]
    yield {
        "url": f"https://127.0.0.1:{running.port}",
        "token": token,
        "fingerprint": running.ready["fingerprint"],
        "revoke": [*revoke, "--users-file", str(users.file)],  # type: ignore[dict-item]
        "environment": {"PATH": os.environ["PATH"], "HOME": str(folder)},  # type: ignore[dict-item]
    }
    assert running.stop() == 0
    assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def played(told: dict[str, str], stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    file = tmp_path_factory.mktemp("told") / "elsewhere.json"
    file.write_text(json.dumps(told))
    output = stage.output / "elsewhere"
    variables = {**stage.variables, "LIMN_ELSEWHERE": str(file)}
    there = replace(stage, output=output, server=None, variables=variables)
    return harness.run("elsewhere.py", there, seconds=SECONDS)


def test_a_server_is_chosen_trusted_and_used(played: Outcome, told: dict[str, str]) -> None:
    first = played.of("first")
    assert "encrypted" in first["plain"]
    digits = first["fingerprint"].replace("\n", "").replace(":", "")
    assert digits == told["fingerprint"].replace(":", "")
    assert told["url"].removeprefix("https://") in first["link"]
    assert first["note"].startswith("done in") and first["new"] == 1
    assert first["mode"] == 0o600 and told["token"] not in first["settings"]
    log = Path(played.folder, "krita.log").read_text(errors="replace")
    assert told["token"] not in log


def test_a_changed_certificate_and_a_revoked_user_are_told(played: Outcome) -> None:
    assert "has changed" in played.of("changed")["words"]
    revoked = played.of("revoked")
    assert "does not know this token" in revoked["note"]
    assert revoked["forgotten"] == 2  # this computer, and another
