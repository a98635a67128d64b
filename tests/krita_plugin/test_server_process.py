"""The server is started by the command that the installer noted.

Whatever Krita's locale is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

STARTS = """
import json, sys
from pathlib import Path
from limn.krita_plugin.wire import server_process
command = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
server, found = server_process.start(command, Path(sys.argv[2]), lambda: True)
print(json.dumps([sys.getfilesystemencoding(), found.url, found.token]))
server.stop()
"""

SERVES = """
import json, sys
assert sys.flags.utf8_mode, "its own file names would be unreadable"
print(json.dumps({"url": "ws://127.0.0.1:9", "token_file": sys.argv[1], "pid": 1}), flush=True)
sys.stdin.read()
"""


def test_a_folder_with_accents_is_found_in_a_locale_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "Téléchargements"
    folder.mkdir()
    script, token, noted = folder / "serve.py", folder / "a.token", tmp_path / "command.json"
    script.write_text(SERVES, encoding="utf-8")
    token.write_text("sesame", encoding="ascii")
    token.chmod(0o600)
    command = [sys.executable, str(script), str(token)]
    noted.write_text(json.dumps(command), encoding="utf-8")
    krita = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    told = subprocess.run(
        [sys.executable, "-c", STARTS, str(noted), str(tmp_path / "log")],
        env=os.environ | krita,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == ["ascii", "ws://127.0.0.1:9", "sesame"]
