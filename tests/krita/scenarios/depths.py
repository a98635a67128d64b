"""The same edit in documents of other depths and colour models.

Each with its own profile.
"""

from help import SRGB, QByteArray, app, edit, final_mask, listening, note, panel, quick, submitting
from painting import (
    Scene,
    composed,
    fingerprints,
    masks,
    names,
    new_document,
    new_layer,
    paint,
    pixels,
    save,
    spread,
    undo,
    untouched,
)

X, Y = 37, 21


def appearance(pixels_, format, width, height, space=("RGBA", "U8", SRGB)):
    """What wire pixels look like in a colour space.

    Krita converts them there and back to sRGB U8, in a document of its own.
    """
    depth = "U8" if format == "bgra8" else "U16"
    hidden = app().createDocument(width, height, "appearance", "RGBA", depth, SRGB, 72.0)
    node = hidden.createNode("p", "paintlayer")
    node.setPixelData(QByteArray(pixels_), 0, 0, width, height)
    for target in (space, ("RGBA", "U8", SRGB)):
        if (node.colorModel(), node.colorDepth(), node.colorProfile()) != target:
            assert node.setColorSpace(*target)
    seen = bytes(node.pixelData(0, 0, width, height))
    hidden.setModified(False)
    hidden.close()
    return seen


def in_space(result, name, model, depth, profile):
    from limn.krita_plugin.plugin import application

    scene = Scene("recolour")
    document, layer = yield from new_document(256, 192, model, depth, profile)
    yield from paint(document, layer, scene, X, Y)
    yield from quick()
    before, raw, seen = fingerprints(document), pixels(layer, document), composed(document)
    space = (layer.colorModel(), layer.colorDepth(), layer.colorProfile())
    result["space"] = list(space)
    with listening() as arrived, submitting() as drafts:
        yield from edit(scene.instruction)
    result["note"], result["details"] = note(), panel().note.details
    new = new_layer(document, before)
    result["new layer's space"] = [new.colorModel(), new.colorDepth(), new.colorProfile()]
    result["other layers untouched"] = (
        untouched(document, before) and pixels(layer, document) == raw
    )
    save(f"{name}-layer.raw", pixels(new, document))
    save(f"{name}-seen-before.bgra", seen)
    save(f"{name}-seen-after.bgra", composed(document))
    draft, rect = drafts[0], application().edits.last.of(document).source.rect
    save(
        f"{name}-sent.bgra",
        appearance(b"".join(draft.pixels), draft.format, rect.width, rect.height),
    )
    result["sent"] = {
        "format": draft.format,
        "x": rect.x,
        "y": rect.y,
        "width": rect.width,
        "height": rect.height,
    }
    area = next(one.area for one in arrived if type(one).__name__ == "Result")
    sent = area.pixels
    result["wire"] = {
        "format": sent.format,
        "x": X + area.x,
        "y": Y + area.y,
        "width": sent.width,
        "height": sent.height,
    }
    masked = spread(final_mask(arrived).area, sent.width, sent.height, -area.x, -area.y)
    save(f"{name}-mask.gray", masked)
    save(f"{name}-wire.bgra", appearance(sent.data, sent.format, sent.width, sent.height, space))
    yield from undo()
    yield from undo()
    result["undone"] = {"layers": names(document), "same": fingerprints(document) == before}


def check_rgba_u8(result):
    yield from in_space(result, "rgba_u8", "RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")


def check_rgba_u16(result):
    yield from in_space(result, "rgba_u16", "RGBA", "U16", "sRGB-elle-V2-g10.icc")


def check_rgba_f32(result):
    yield from in_space(result, "rgba_f32", "RGBA", "F32", "sRGB-elle-V2-g10.icc")


def check_graya_u8(result):
    yield from in_space(result, "graya_u8", "GRAYA", "U8", "Gray-D50-elle-V2-srgbtrc.icc")


def check_cmyka_u8(result):
    yield from in_space(result, "cmyka_u8", "CMYKA", "U8", "Chemical proof")


def check_shallow_layer(result):
    """A layer of 8 bits in a document of 16.

    It travels with 16, so that the result has them.
    """
    document, layer = yield from new_document(256, 192, "RGBA", "U16", "sRGB-elle-V2-g10.icc")
    assert layer.setColorSpace("RGBA", "U8", SRGB)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from quick()
    before = fingerprints(document)
    with submitting() as drafts:
        yield from edit("make the star blue")
    new = new_layer(document, before)
    result["note"], result["format"], result["depths"] = (
        note(),
        drafts[0].format,
        [layer.colorDepth(), new.colorDepth()],
    )
    result["untouched"] = untouched(document, before)


def apart_in(result, model, depth, profile):
    """Several instructions: where each layer of the group changes what is seen."""
    scene = Scene("two")
    document, layer = yield from new_document(256, 192, model, depth, profile)
    yield from paint(document, layer, scene, X, Y)
    yield from quick()
    before, names_before, seen = fingerprints(document), names(document), own(document)
    result["space"] = [layer.colorModel(), layer.colorDepth(), layer.colorProfile()]
    yield from edit(scene.instruction)
    yield 1
    result["note"] = note()
    group = new_layer(document, names_before)
    parts = group.childNodes() if group.type() == "grouplayer" else []
    result["spaces"] = [[p.colorModel(), p.colorDepth(), p.colorProfile()] for p in parts]
    within = [bytes(masks(part)[0].pixelData(0, 0, 256, 192)) for part in parts]
    result["seen"] = changed(seen, own(document), within)
    result["alone"] = []
    for part, mask in zip(parts, within, strict=True):
        for one in parts:
            one.setVisible(one is part)
        document.refreshProjection()
        yield 0.5
        result["alone"].append(changed(seen, own(document), [mask]))
    for one in parts:
        one.setVisible(True)
    yield 0.5
    result["untouched"] = untouched(document, before)
    yield from undo()
    yield from undo()
    result["undone"] = names(document) == names_before and own(document) == seen


def own(document):
    """What is seen, in the document's own colours and depth."""
    return bytes(document.pixelData(0, 0, 256, 192))


def changed(before, after, within):
    """How many pixels differ where a mask is, and how many elsewhere."""
    size, counts = len(before) // (256 * 192), [0, 0]
    for at, here in enumerate(zip(*within, strict=True)):
        place = slice(at * size, (at + 1) * size)
        counts[not any(here)] += before[place] != after[place]
    return counts


def check_apart_u16(result):
    yield from apart_in(result, "RGBA", "U16", "sRGB-elle-V2-g10.icc")


def check_apart_cmyk(result):
    yield from apart_in(result, "CMYKA", "U8", "Chemical proof")


def check_apart_cmyk_u16(result):
    yield from apart_in(result, "CMYKA", "U16", "Chemical proof")
