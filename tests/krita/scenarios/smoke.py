"""The least that must work in every Krita.

It loads, edits, undoes, and survives a closed picture.
"""

from help import BINDING, app, ended, note, panel, quick, screenshot, start, under_way
from painting import fingerprints, names, picture, selection_bytes, undo

STEPS = 8


def check_edit(result):
    result["krita"], result["binding"] = app().version(), BINDING
    document, _ = yield from picture("recolour")
    before, names_before = fingerprints(document), names(document)
    yield from quick(STEPS)
    yield from start("make the star blue")
    yield from ended()
    yield from screenshot("edited")
    result["note"], result["new"] = note(), len(names(document)) - len(names_before)
    result["selected"] = selection_bytes(document) is not None
    yield from undo()
    result["selected after one undo"] = selection_bytes(document) is not None
    yield from undo()
    result["as before after two"] = fingerprints(document) == before


def check_closed(result):
    document, _ = yield from picture("recolour")
    yield from quick(STEPS)
    yield from start("make the star blue")
    yield from under_way(1)
    document.setModified(False)
    document.close()
    yield from ended()
    result["note"], result["kind"] = note(), panel().note.kind
