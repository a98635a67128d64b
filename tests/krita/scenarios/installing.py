"""After the import and a restart: the docker installs the server.

An edit is made with it.
"""

import os
import time

from help import (
    QApplication,
    QTimer,
    app,
    docker,
    ended,
    note,
    panel,
    quick,
    screenshot,
    start,
    widget,
)
from painting import names, picture

PACKAGES = os.environ["LIMN_PACKAGES"]
"""A folder of packages, or "" for where pip takes them from."""

INSTALL_SECONDS = float(os.environ.get("LIMN_INSTALL_SECONDS", "120"))

OWN = os.path.join(os.environ["XDG_DATA_HOME"], "limn")


def in_window(name):
    """A control of the window, which stands beside the docker."""
    window = next(
        one
        for one in QApplication.topLevelWidgets()
        if one.objectName() == "limn_install_window" and one.isVisible()
    )
    return next(one for one in window.findChildren(object) if one.objectName() == name)


class Pulse:
    """How long Krita's event loop has stood still at most, in seconds."""

    def __init__(self):
        self.longest, self._last = 0.0, time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(20)

    def _beat(self):
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


def check_docker(result):
    result["dockers"] = [one.objectName() for one in app().dockers() if "limn" in one.objectName()]
    docker().setVisible(True)
    docker().raise_()
    result["title"] = docker().windowTitle()
    result["visible"] = widget("limn_instruction").isVisible()
    yield lambda: panel().link.kind == "trouble", 20
    result["note"] = note()
    result["actions"] = [
        name
        for name in ("limn_edit", "limn_again", "limn_focus", "limn_mask", "limn_cancel")
        if app().action(name)
    ]
    result["offered"] = widget("limn_install").isVisible()
    yield from screenshot("imported")
    widget("limn_install").click()
    yield lambda: "GB" in in_window("limn_install_outlook").text(), 60
    result["outlook"] = in_window("limn_install_outlook").text()
    result["written before the click"] = os.path.exists(OWN)
    yield from screenshot("outlook")
    source, told = in_window("limn_install_source"), in_window("limn_install_told")
    source.setText("/there is no such folder")
    in_window("limn_install_begin").click()
    yield lambda: in_window("limn_install_begin").isEnabled(), 30
    result["wrong place"] = told.text()
    source.setText(PACKAGES)
    pulse = Pulse()
    in_window("limn_install_begin").click()
    yield lambda: told.text().startswith("2/"), 60
    in_window("limn_install_stop").click()
    yield lambda: in_window("limn_install_begin").isEnabled(), 30
    result["stopped"] = told.text()
    in_window("limn_install_begin").click()
    steps, shots = [], set()
    end = time.monotonic() + INSTALL_SECONDS
    while not in_window("limn_install_begin").isEnabled() and time.monotonic() < end:
        words = told.text()
        if words and words not in steps:
            steps.append(words)
        if words[:1] not in shots and words[:1] in "23":
            shots.add(words[:1])
            yield from screenshot(f"installing-{words[:1] or 0}")
        yield 0.05
    result["steps"], result["longest turn"] = steps[:400], pulse.longest
    result["told"], result["details"] = told.text(), widget("limn_link").toolTip()
    document, _ = yield from picture("recolour")
    yield from screenshot("installed")
    yield from quick(4)
    before = names(document)
    yield from start("make the star blue")
    yield from ended()
    result["edit"] = note()
    result["new layers"] = [name for name in names(document) if name not in before]
    result["offered afterwards"] = widget("limn_install").isVisible()
    yield from screenshot("edited")
