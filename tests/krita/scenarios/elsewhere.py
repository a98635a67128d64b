"""A server on another machine: chosen in the docker, trusted, used; and what can be wrong."""

import json
import os
import stat
import subprocess

from help import (
    app,
    docker,
    ended,
    names,
    note,
    panel,
    picture,
    quick,
    screenshot,
    start,
    under_way,
    widget,
)

with open(os.environ["LIMN_ELSEWHERE"], encoding="utf-8") as told:
    ELSEWHERE = json.load(told)
STEPS = 8


def more():
    """Open what stands behind "more", and bring the choice of a server into view."""
    docker().setVisible(True)
    docker().raise_()
    if not panel().more:
        widget("limn_more_button").click()
    yield 0.5
    scrolled = docker().widget()._scrolled
    scrolled.ensureWidgetVisible(widget("limn_servers"))
    yield 0.5


def choose_server(entry):
    """Take an entry of the list, as a click does."""
    box = widget("limn_server")
    row = box.findData(entry)
    assert row >= 0, entry
    box.setCurrentIndex(row)
    box.activated.emit(row)
    yield 0.3


def add(address, token):
    """Write another server's address and token, and connect."""
    yield from choose_server("another")
    widget("limn_server_address").setText(address)
    widget("limn_server_token").setText(token)
    widget("limn_server_connect").click()
    yield 0.2


def trouble(part):
    """Wait for a sentence in the connection's line."""
    came = yield lambda: panel().link.kind == "trouble" and part in panel().link.words, 60
    assert came, panel().link


def check_first(result):
    yield from more()
    yield from add("http://desk:1", ELSEWHERE["token"])
    result["plain"] = widget("limn_server_wrong").text()
    widget("limn_server_address").setText(ELSEWHERE["url"])
    widget("limn_server_token").setText(ELSEWHERE["token"])
    widget("limn_server_connect").click()
    yield from trouble("is new here")
    yield from more()
    yield from screenshot("question")
    result["fingerprint"] = widget("limn_server_fingerprint").text()
    widget("limn_server_trust").click()
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(STEPS)
    result["link"] = panel().link.words
    yield from start("make the star blue")
    yield from ended()
    yield from more()
    yield from screenshot("edited")
    result["note"], result["new"] = note(), len(names(document)) - len(before)
    file = os.path.join(app().getAppDataLocation(), "limn", "servers.json")
    result["mode"] = stat.S_IMODE(os.stat(file).st_mode)
    result["settings"] = app().readSetting("limn", "panel", "")
    result["own server"] = docker().widget()._panel.servers.used


def check_changed(result):
    """Its certificate is not the one that was trusted."""
    from limn.krita_plugin.plugin import application

    client = application().client
    client.stop_server()
    came = yield lambda: panel().link.kind == "off", 30
    assert came, panel().link
    from dataclasses import replace

    right = client._others.used
    client._others.use(replace(right, fingerprint="0" * 64))
    client.connect_to_server()
    yield from trouble("has changed")
    yield from screenshot("changed")
    result["words"] = panel().link.words
    client._others.use(right)
    client.connect_to_server()
    came = yield lambda: panel().link.kind == "ready", 60
    assert came, panel().link


def check_revoked(result):
    """In the middle of an edit the user is one no more."""
    yield from picture("recolour")
    yield from quick(400)
    yield from start("make the star blue")
    yield from under_way(1)
    subprocess.run(ELSEWHERE["revoke"], check=True, env=ELSEWHERE["environment"])
    yield from ended(120)
    yield from screenshot("revoked")
    result["note"] = note()
    yield from more()
    widget("limn_server_forget").click()
    came = yield lambda: not panel().servers.known, 10
    assert came, panel().servers
    result["forgotten"] = widget("limn_server").count()
