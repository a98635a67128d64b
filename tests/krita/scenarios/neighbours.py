"""Another plugin in the same Krita.

It has a `websockets` and a `protocol` of its own.
"""

import sys

from help import app, edit, note, quick
from painting import Scene, names, new_document, paint


def check_both_work(result):
    import neighbour

    result["neighbour"] = neighbour.report()
    document, layer = yield from new_document(256, 192)
    yield from paint(document, layer, Scene("recolour"), 37, 21)
    yield from quick()
    yield from edit("make the star blue")
    result["note"], result["layers"] = note(), names(document)
    result["neighbour afterwards"] = neighbour.report()
    result["ours"] = [
        sys.modules["limn.vendor.websockets"].__name__,
        sys.modules["limn.protocol"].__name__,
    ]
    result["extensions"] = len(app().extensions())
