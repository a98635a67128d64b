"""`python3 -m installer`: the first file that runs.

It refuses a Python that is too old in a sentence, then hands over to command.py.
"""

import sys

# An older Python must get this sentence, not a SyntaxError from the files behind it.
if sys.version_info < (3, 11):  # noqa: UP036
    import shutil

    newer = [
        name
        for name in ("python3.14", "python3.13", "python3.12", "python3.11")
        if shutil.which(name)
    ]
    if newer:
        advice = "run: {} -m installer".format(newer[0])  # noqa: UP032
    else:
        advice = "install one (on Debian and Ubuntu: apt install python3.11 or newer)"
    sys.exit(
        "Limn needs Python 3.11 or newer; this is {}.{}. Please {}.".format(
            *sys.version_info[:2], advice
        )
    )

from .command import main

if __name__ == "__main__":
    sys.exit(main())
