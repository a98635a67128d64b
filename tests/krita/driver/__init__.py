"""A Krita plugin of the tests.

Runs the checks of one scenario file on Krita's main thread, one after the other. A check is a
generator function `check_NAME(result)`. It gives control back to Krita with `yield`, never with a
nested event loop, under which Krita would leave its layers, active node and selection behind:

    yield 0.5                        let Krita run for half a second
    came = yield condition, 10       ... until condition() is true, at most 10 s; True or False
                                     comes back

A file may name another in `THEN`, whose checks come after its own, in the same Krita.

What it puts into `result` and the exception it ends with are written as JSON after each check, so
that a crash of Krita loses nothing.
"""

import faulthandler
import importlib
import json
import os
import sys
import threading
import time
import traceback

from krita import Extension, Krita

try:
    from PyQt5.QtCore import QTimer
    from PyQt5.QtWidgets import QApplication
except ImportError:
    from PyQt6.QtCore import QTimer
    from PyQt6.QtWidgets import QApplication

TURN_MS = 20
REST_SECONDS = 10
META_CALL = 43


def found(scope):
    """The checks of a file, and of those that follow it, by name."""
    checks = {name[6:]: value for name, value in scope.items() if name.startswith("check_")}
    if "THEN" in scope:
        checks |= found(vars(importlib.import_module(scope["THEN"])))
    return checks


class Driver(Extension):
    """Begins once a main window is there, and ends Krita when all checks are through."""

    begun = False

    def setup(self):
        # where Krita dies, its log says in which line of Python each thread was
        faulthandler.enable()
        self.outcome = {}
        self.tracebacks = []
        # Krita's own hook would open a dialog, and wait
        sys.excepthook = lambda *error: self.tracebacks.append(
            "".join(traceback.format_exception(*error))
        )
        threading.excepthook = lambda args: self.tracebacks.append(
            "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        )

    def createActions(self, window):
        if not Driver.begun:
            Driver.begun = True
            QTimer.singleShot(0, self.begin)

    def begin(self):
        window = Krita.instance().activeWindow()
        if window is None:
            QTimer.singleShot(100, self.begin)
            return
        window.qwindow().resize(1440, 900)
        window.qwindow().move(0, 0)
        # without a window manager nobody else gives it the focus that Krita's active layer depends
        # on
        window.qwindow().activateWindow()
        QTimer.singleShot(1000, self.load)

    def load(self):
        path = os.environ["LIMN_SCENARIO"]
        sys.path.insert(0, os.path.dirname(path))
        scope = {"__name__": "limn_scenario", "__file__": path}
        try:
            with open(path, encoding="utf-8") as file:
                exec(compile(file.read(), path, "exec"), scope)
            wanted = os.environ.get("LIMN_CHECKS", "").split()
            checks = found(scope)
            self.checks = [
                (name, check) for name, check in checks.items() if not wanted or name in wanted
            ]
        except BaseException:
            self.outcome["load"] = {"ok": False, "error": traceback.format_exc(), "result": {}}
            self.checks = []
        self.next()

    def next(self):
        self.write()
        if not self.checks:
            os._exit(0)  # Krita's own quit would ask to save the changed documents
        self.name, check = self.checks.pop(0)
        self.begun_at = time.monotonic()
        self.out = {"ok": True, "result": {}, "seconds": 0.0}
        try:
            self.steps = check(self.out["result"])
        except BaseException:
            self.end(traceback.format_exc())
            return
        self.resume(None)

    def resume(self, answer):
        try:
            wanted = self.steps.send(answer)
        except StopIteration:
            self.end(None)
            return
        except BaseException:
            self.end(traceback.format_exc())
            return
        condition, seconds = wanted if isinstance(wanted, tuple) else (None, wanted)
        self.poll(condition, time.monotonic() + seconds)

    def poll(self, condition, deadline):
        try:
            true = condition is not None and bool(condition())
        except BaseException:
            self.end(traceback.format_exc())
            return
        if true or time.monotonic() > deadline:
            QTimer.singleShot(0, lambda: self.resume(true))
        else:
            QTimer.singleShot(TURN_MS, lambda: self.poll(condition, deadline))

    def end(self, error):
        if error:
            self.out["ok"], self.out["error"] = False, error
        if self.tracebacks:
            self.out["tracebacks"] = list(self.tracebacks)
            self.tracebacks.clear()
        self.out["seconds"] = round(time.monotonic() - self.begun_at, 2)
        self.outcome[self.name] = self.out
        self.close(time.monotonic() + REST_SECONDS)

    def close(self, deadline):
        """Close the pictures one by one, each once Krita has drawn all.

        And has heard of it. Else Krita 5.2 and later may end (see
        krita_plugin/document/closing.py): also where two are closed in one turn, since the second
        is shown, and drawn, as the first goes. Any Krita ends where a picture is closed from
        here while it asks whether to save that picture: the question lies on the stack, and goes
        with the picture's view.
        """
        documents, late = Krita.instance().documents(), time.monotonic() > deadline
        if not documents or time.monotonic() > deadline + REST_SECONDS:
            QTimer.singleShot(500, self.next)
            return
        asked = QApplication.activeModalWidget()
        if asked is not None and not late:
            asked.reject()
        elif late or all_at_rest(documents):
            documents[0].setModified(False)
            documents[0].close()
        QTimer.singleShot(TURN_MS, lambda: self.close(deadline))

    def write(self):
        part = os.environ["LIMN_RESULT"] + ".part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(self.outcome, file, default=str, indent=1)
        os.replace(part, os.environ["LIMN_RESULT"])


def all_at_rest(documents):
    """Whether nothing is drawn, even once Krita has heard of what was."""
    if not all(map(at_rest, documents)):
        return False
    QApplication.sendPostedEvents(None, META_CALL)
    return all(map(at_rest, documents))


def at_rest(document):
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True


Krita.instance().addExtension(Driver(Krita.instance()))
