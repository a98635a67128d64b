"""One target, fed by atheris until its time is over.

`python -m tests.fuzz TARGET SECONDS`. Found inputs are kept in a folder of their own (the third
argument, if given); those in tests/fuzz/corpus are where it begins. It ends with 0 if nothing was
found, and else with the input and its traceback.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:  # there is none for this Python or system
    atheris = None

OURS = ["limn.protocol", "limn.server.cli.pictures"]
with atheris.instrument_imports(include=OURS) if atheris else contextlib.nullcontext():
    from limn.protocol import PROTOCOL_VERSION, Connection, ProtocolError, announcement
    from limn.protocol.messages import Hello, Submit, Welcome

CORPUS = Path(__file__).parent / "corpus"
MAX_BYTES = 4096
"""Of an input: a large one finds little that a small one doesn't."""


CUT = b"\xff\xfe"
"""Stands in no text."""


def wire(data: bytes) -> None:
    """Frames to a server, and to a client that waits for an edit.

    The input is cut at each CUT: a piece is a text frame, or after a 1 a binary one.
    """
    client, server = Connection("client"), Connection("server")
    client.send(Hello(PROTOCOL_VERSION, "fuzz"))
    greeting = client.next_frame()
    assert isinstance(greeting, str)
    server.receive(greeting)
    server.send(Welcome(PROTOCOL_VERSION, "", "", "", ()))
    answer = server.next_frame()
    assert isinstance(answer, str)
    client.receive(answer)
    client.send(Submit("a", "foi", "", _pixels()))
    for connection in (server, client):
        try:
            for piece in data.split(CUT):
                binary = piece[:1] == b"\1"
                frame = piece[1:] if binary else piece.decode("utf-8", "surrogateescape")
                for message in connection.receive(frame):
                    repr(message)
        except ProtocolError as error:
            assert error.sentence and error.remedy


def _pixels() -> Any:
    from limn.protocol import Pixels

    return Pixels(1, 1, "rgba8", b"abcd")


def ready_line(data: bytes) -> None:
    """A file in the runtime folder."""
    try:
        announcement.read(data)
    except (ValueError, OSError):
        return


def pictures(data: bytes) -> None:
    """A picture file, as `limn edit` reads it."""
    from limn.server.cli import pictures

    file = SCRATCH / "picture"
    file.write_bytes(data)
    try:
        picture = pictures.read(file)
    except pictures.PictureError as error:
        assert error.sentence
        return
    assert picture.size[0] * picture.size[1] * 4 <= len(picture.pixels().data or b"")


def configuration(data: bytes) -> None:
    """A model's JSON files."""
    from limn.editing import UnreadableModel
    from limn.editing.diffusion import configuration as kinds
    from limn.editing.diffusion.checked_json import parse
    from limn.editing.diffusion.notes import Notes

    for kind in (kinds.UNet, kinds.Scheduler, kinds.TokenizerConfig, Notes):
        try:
            parse(kind, data, "file")
        except UnreadableModel as error:
            assert error.sentence


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (wire, ready_line, pictures, configuration)
}
SCRATCH = Path(tempfile.gettempdir())


def main() -> None:
    global SCRATCH
    target, seconds, *found = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        SCRATCH = Path(folder)
        TARGETS[target](b"")  # its imports take longer than an input may
        if atheris is None:
            blind(TARGETS[target], CORPUS / target, float(seconds))
            return
        places = [*found, folder]
        if (CORPUS / target).is_dir():
            places.append(str(CORPUS / target))
        limits = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}"]
        limits += ["-rss_limit_mb=4096", "-timeout=20", "-print_final_stats=1"]
        limits.append(f"-artifact_prefix={places[0]}/")
        atheris.Setup([sys.argv[0], *limits, *places], TARGETS[target])
        atheris.Fuzz()


def blind(target: Callable[[bytes], None], corpus: Path, seconds: float) -> None:
    """Changed and joined pieces of the corpus, without a look at coverage."""
    chance = random.Random(0)
    known = [file.read_bytes() for file in sorted(corpus.glob("*"))] or [b"{}"]
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = bytearray(chance.choice(known))
        for _ in range(chance.randint(1, 8)):
            at = chance.randint(0, len(data))
            data[at : at + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 4))
        if chance.random() < 0.2:
            data += chance.choice(known)[chance.randint(0, 64) :]
        try:
            target(bytes(data[:MAX_BYTES]))
        except BaseException:
            print(f"found: {bytes(data[:MAX_BYTES])!r}")
            raise
        count += 1
    print(f"stat::number_of_executed_units: {count}")


if __name__ == "__main__":
    main()
