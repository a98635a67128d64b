"""`limn read`.

In processes of its own, in which torch and much else can't be loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

HEAVY = ("torch", "transformers", "diffusers", "numpy", "pydantic", "aiohttp", "typer", "rich")
RUN = f"""
import sys
sys.modules.update(dict.fromkeys({HEAVY!r}))
from limn.server.cli.__main__ import main
sys.argv = ["limn", "read", *sys.argv[1:]]
main()
"""


def read(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, *arguments]
    given = os.environ | variables
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        env=given,
    )


def test_a_sentence_in_a_painters_words() -> None:
    done = read("the box should be red")
    assert done.stdout.splitlines()[0] == "recolour · the [box] → red · FoI"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_the_arrow() -> None:
    done = read("the box should be red", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0 and "\\u2192 red" in done.stdout, done.stderr


def test_as_json() -> None:
    done = read("make the star striped", "--caption", "a red star", "--json")
    assert json.loads(done.stdout) == {
        "items": [
            {
                "text": "make the star striped",
                "operation": "modify",
                "subject": "the star",
                "target": "striped",
                "keyword": "star",
            }
        ],
        "algorithm": "foi",
        "reason": "FoI: changes an adjective",
        "question": None,
        "notes": [],
    }


def test_a_question_with_its_proposal() -> None:
    told = json.loads(read("chnage the car to a bike", "--json").stdout)
    assert told["question"] == {
        "code": "did-you-mean",
        "sentence": "Did you mean: change the car to a bike?",
        "remedy": "A word in square brackets is taken as it is: “make the [Stern] blue”.",
    }
    asked = json.loads(read("make the lamp lit", "--json").stdout)["question"]
    assert asked["code"] == "needs-caption"


def test_what_is_no_instruction_is_refused() -> None:
    done = read("  ,;")
    assert done.returncode == 2 and "no instruction" in done.stderr and not done.stdout
