"""A server on another machine: chosen, trusted, used; and what can go wrong."""

import json
import os
import stat
import time

from help import (
    QApplication,
    Qt,
    app,
    docker,
    ended,
    note,
    panel,
    quick,
    screenshot,
    start,
    under_way,
    widget,
)
from painting import names, picture

with open(os.environ["LIMN_ELSEWHERE"], encoding="utf-8") as told:
    ELSEWHERE = json.load(told)
STEPS, MANY, MOST = 8, 60, 400
"""Of a quick edit, of one to be cut off in its middle, of one without end."""
CUT_SECONDS = 20


def happen(what):
    """Have something happen to the other machine, and wait until it has."""
    with open(ELSEWHERE["wanted"], "w", encoding="utf-8") as file:
        file.write(what)
    came = yield lambda: not os.path.exists(ELSEWHERE["wanted"]), 150
    assert came, f"{what} did not happen"


def more():
    """Open what stands behind "more", and bring the choice of a server into view."""
    docker().setVisible(True)
    docker().raise_()
    if not panel().more:
        widget("limn_more_button").click()
    yield 0.5
    docker().widget()._scrolled.ensureWidgetVisible(widget("limn_servers"))
    yield 0.3


def add(address):
    """Write another server's address and token, and connect."""
    box = widget("limn_server")
    row = box.findData("another")
    box.setCurrentIndex(row)
    box.activated.emit(row)
    yield 0.3
    widget("limn_server_address").setText(address)
    widget("limn_server_token").setText(ELSEWHERE["token"])
    widget("limn_server_connect").click()
    yield 0.2


def trusted():
    """Trust what the server shows; returns the fingerprint that was asked about."""
    yield from trouble("is new here")
    yield from more()
    asked = widget("limn_server_fingerprint").text()
    yield from screenshot(f"question-{len(asked)}")
    widget("limn_server_trust").click()
    came = yield lambda: panel().link.kind == "ready", 240  # a worker that starts on a busy machine
    assert came, panel().link
    return asked


def trouble(part):
    """Wait for a sentence in the connection's line."""
    came = yield lambda: panel().link.kind == "trouble" and part in panel().link.words, 150
    assert came, panel().link


def check_first(result):
    yield from more()
    yield from add("http://desk:1")
    result["plain"] = widget("limn_server_wrong").text()
    yield from add(ELSEWHERE["url"])
    result["fingerprint"] = yield from trusted()
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(STEPS)
    result["link"] = panel().link.words
    yield from start("make the star blue")
    yield from ended()
    yield from more()
    yield from screenshot("edited")
    result["note"], result["new"] = note(), len(names(document)) - len(before)
    widget("limn_model").menu().aboutToShow.emit()
    yield lambda: len(widget("limn_model").menu().actions()) > 2, 60
    result["models"] = [
        (one.text(), one.isEnabled(), one.toolTip())
        for one in widget("limn_model").menu().actions()
        if one.isCheckable()
    ]
    widget("limn_model").menu().actions()[-1].trigger()
    window = next(
        one for one in QApplication.topLevelWidgets() if one.objectName() == "limn_get_model_window"
    )
    parts = {one.objectName(): one for one in window.findChildren(object)}
    yield lambda: parts["limn_models_to_get"].count() > 0, 60
    parts["limn_models_to_get"].item(0).setCheckState(Qt.CheckState.Checked)
    parts["limn_agree"].click()
    yield 0.3
    result["may get"], result["why"] = parts["limn_get"].isEnabled(), parts["limn_get_told"].text()
    yield from screenshot("no-right")
    window.hide()
    file = os.path.join(app().getAppDataLocation(), "limn", "servers.json")
    result["mode"] = stat.S_IMODE(os.stat(file).st_mode)
    result["settings"] = app().readSetting("limn", "panel", "")


def check_cut(result):
    """The network is gone for 20 seconds in the middle of an edit."""
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(MANY)
    yield from start("make the star blue")
    yield from under_way(1)
    yield from happen("cut")
    begun = last = time.monotonic()
    gap = 0.0
    while last - begun < CUT_SECONDS:
        yield 0.05
        now = time.monotonic()
        gap, last = max(gap, now - last), now
    result["gap"] = gap
    result["meanwhile"] = panel().link.words
    yield from screenshot("cut")
    yield from happen("mend")
    yield from ended(300)
    result["note"], result["new"] = note(), len(names(document)) - len(before)
    result["afterwards"] = panel().link.kind


def check_changed(result):
    """The server comes back with another certificate than the one that was trusted."""
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from happen("replace")
    yield from trouble("has changed")
    yield from more()
    yield from screenshot("changed")
    result["words"] = panel().link.words
    widget("limn_server_forget").click()
    yield 0.5
    yield from add(ELSEWHERE["url"])
    result["fingerprint"] = yield from trusted()
    yield from quick(STEPS)
    yield from start("make the star blue")
    yield from ended()
    result["note"], result["new"] = note(), len(names(document)) - len(before)


def check_revoked(result):
    """In the middle of an edit the user is one no more."""
    document, _ = yield from picture("recolour")
    before = names(document)
    yield from quick(MOST)
    yield from start("make the star blue")
    yield from under_way(1)
    yield from happen("revoke")
    begun = time.monotonic()
    yield from ended(300)
    result["seconds"] = time.monotonic() - begun
    yield from screenshot("revoked")
    result["note"], result["new"] = note(), len(names(document)) - len(before)
    yield from more()
    widget("limn_server_forget").click()
    came = yield lambda: not panel().servers.known, 10
    assert came, panel().servers
    result["forgotten"] = widget("limn_server").count()
