"""The log: one line an event."""

from __future__ import annotations

import logging
import subprocess
import sys

from limn.server.log import OneLine

from .conftest import ROOT

BROKEN = """
import logging
from limn.server.log import begin
begin("info")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("limn.test").exception("broken job=%s", "a")
"""


def test_an_event_with_a_traceback_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert "ERROR limn.test broken job=a | Traceback" in line and line.endswith(
        "ZeroDivisionError: division by zero"
    )


def test_what_others_log_in_several_lines_is_one_line() -> None:
    record = logging.LogRecord("other", logging.WARNING, "", 0, "one\n  two\r\n\nthree", (), None)
    assert OneLine().format(record).endswith("WARNING other one | two | three")
