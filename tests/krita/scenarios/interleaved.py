"""A painter who goes on while an edit runs.

Random actions, seeded, in a real Krita.
"""

import random

import scripted
from help import QByteArray, QImage, app
from painting import activate, layers, names, new_document, pixels

RUNS = 40
WIDE, HIGH = 160, 120
AREA = (40, 30, 60, 50)


def noise(seed, width, height):
    """Opaque pixels that say where they lie: smooth in large, each block its own."""
    chance = random.Random(seed)
    across, down = width // 10 + 1, height // 10 + 1
    blocks = [
        [bytes(chance.randrange(256) for _ in range(3)) for _ in range(across)] for _ in range(down)
    ]
    out = bytearray()
    for y in range(height):
        for x in range(width):
            out += blocks[y // 10][x // 10] + b"\xff"
    return bytes(out)


def painted(seed, name):
    """A picture with a painting above a background, and a layer above both."""
    document, layer = yield from new_document(WIDE, HIGH, name=name)
    layer.setPixelData(QByteArray(noise(seed, AREA[2], AREA[3])), *AREA)
    above = document.createNode("above", "paintlayer")
    above.setPixelData(QByteArray(noise(seed + 1, 30, 30)), 5, 5, 30, 30)
    document.rootNode().addChildNode(above, layer)
    yield 0.3
    document.refreshProjection()
    yield from activate(document, layer)
    return document, layer


def by_name(document, name="painting"):
    return next((node for node in layers(document) if node.name() == name), None)


def act(document, action, chance):
    """One of the painter's actions; the same for the same chance."""
    layer = by_name(document)
    if action == "paint" and layer is not None:
        x, y = chance.randrange(AREA[2]), chance.randrange(AREA[3])
        layer.setPixelData(
            QByteArray(bytes((1, 2, 3, 255)) * 144), AREA[0] + x, AREA[1] + y, 12, 12
        )
    elif action == "move" and layer is not None:
        layer.move(chance.randrange(-20, 20), chance.randrange(-20, 20))
    elif action == "hide" and layer is not None:
        layer.setVisible(False)
    elif action == "rename":
        by_name(document, "above") and by_name(document, "above").setName("another name")
    elif action == "fade" and layer is not None:
        layer.setOpacity(100)
    elif action == "delete" and layer is not None:
        layer.remove()
    elif action == "crop":
        document.crop(chance.randrange(20), chance.randrange(20), 130, 95)
    elif action == "scale":
        document.scaleImage(WIDE * 2, HIGH * 2, 72, 72, "Bicubic")
    elif action == "reorder":
        app().action("move_layer_up").trigger()
    elif action == "undo":
        app().action("edit_undo").trigger()
    elif action in ACTIONS:
        app().action(action).trigger()


ACTIONS = (
    "mirrorImageHorizontal",
    "mirrorImageVertical",
    "rotateImageCW90",
    "rotateImageCCW90",
    "rotateImage180",
    "mirrorNodeX",
    "krita_filter_invert",
)
CHOICE = (
    *ACTIONS,
    "paint",
    "paint",
    "paint",
    "move",
    "hide",
    "rename",
    "fade",
    "delete",
    "crop",
    "scale",
    "reorder",
    "undo",
    "undo",
    "switch",
)


def idle(document):
    yield 0.15
    yield lambda: document.tryBarrierLock() and (document.unlock() or True), 10


def carried_out(document, actions, seed):
    """Carry out a list of actions in a picture."""
    chance = random.Random(seed)
    for action in actions:
        if action == "switch":
            other = app().createDocument(32, 32, "other", "RGBA", "U8", "", 72.0)
            app().activeWindow().addView(other)
            yield 0.2
            other.setModified(False)
            other.close()
            yield 0.3
            continue
        act(document, action, chance)
        yield from idle(document)


def state(document):
    """Every layer that isn't Limn's.

    Name, visibility, opacity, pixels around the canvas.
    """
    wide, high = document.width() + 100, document.height() + 100
    return [
        (node.name(), node.visible(), node.opacity(), bytes(node.pixelData(-50, -50, wide, high)))
        for node in layers(document)
        if "seed" not in node.name()
    ]


def agreement(document, found):
    """The share of the result's opaque pixels that are like the painting's.

    About those of the painting below.
    """
    layer, bounds = by_name(document), found.bounds()
    if layer is None or bounds.isEmpty():
        return None
    rect = bounds.x(), bounds.y(), bounds.width(), bounds.height()
    one, other = pixels(found, rect=rect), bytes(layer.pixelData(*rect))
    alike = count = 0
    for at in range(0, len(one), 4):
        if one[at + 3] == 255:
            count += 1
            alike += all(
                abs(a - b) < 24 for a, b in zip(one[at : at + 3], other[at : at + 3], strict=True)
            )
    return alike / count if count else None  # all of it lies beside the canvas


def check_random_actions(result):
    """Each run: an edit begins, the painter acts, the answer comes.

    Beside it the same without.
    """
    result["runs"] = []
    for seed in range(RUNS):
        chance = random.Random(seed)
        actions = [chance.choice(CHOICE) for _ in range(chance.randrange(1, 4))]
        mask_only, closed = chance.random() < 0.15, chance.random() < 0.08
        with scripted.server() as wire:
            document, _ = yield from painted(seed, "with")
            edit = yield from scripted.begin(wire, action="limn_mask" if mask_only else "limn_edit")
            yield from carried_out(document, actions, seed)
            x, y = AREA[0] - edit.source.rect.x + 20, AREA[1] - edit.source.rect.y + 10
            place = (AREA[0] + 20, AREA[1] + 10, 20, 30)
            original = QImage(
                noise(seed, AREA[2], AREA[3]),
                AREA[2],
                AREA[3],
                AREA[2] * 4,
                QImage.Format.Format_ARGB32,
            )
            part = original.copy(20, 10, place[2], place[3])
            pixels = part.constBits().asstring(part.width() * part.height() * 4)
            kept = scripted.kept_results()
            scripted.answer(edit, x, y, place[2], place[3], pixels)
            if closed:
                document.setModified(False)
                document.close()
            said = yield from scripted.settled()
            told = {
                "seed": seed,
                "actions": actions,
                "said": said["sentence"],
                "kind": said["kind"],
                "kept": sum(all(one is not old for old in kept) for one in scripted.kept_results()),
                "mask only": mask_only,
                "closed": closed,
            }
            result["runs"].append(told)
            if closed:
                continue
            found = next((node for node in layers(document) if "seed" in node.name()), None)
            told["in the picture"] = found is not None
            told["agreement"] = None if found is None else agreement(document, found)
            told["layers"] = names(document)
            after = state(document)
            document.setModified(False)
            document.close()
            yield 0.2
        reference, _ = yield from painted(seed, "without")
        yield from carried_out(reference, actions, seed)
        told["same as without"] = after == state(reference)
        reference.setModified(False)
        reference.close()
        yield 0.2
    result["one more"] = yield from one_more()


def one_more():
    """How many results are kept before and after one more, and what is said of it."""
    before = scripted.kept_results()
    with scripted.server() as wire:
        document, _ = yield from painted(RUNS, "one more")
        edit = yield from scripted.begin(wire)
        scripted.answer(edit, 20, 20, 20, 30, noise(RUNS, 20, 30))
        document.setModified(False)
        document.close()
        said = yield from scripted.settled()
    return [len(before), len(scripted.kept_results()), said["sentence"]]
