"""Each algorithm at the kind of edit that it does best.

Chosen and started by keys alone.
"""

from help import (
    choose,
    ended,
    final_mask,
    listening,
    note,
    panel,
    press,
    screenshot,
    under_way,
    widget,
    write,
)
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    composed,
    fingerprints,
    names,
    new_layer,
    picture,
    pixels,
    save,
    selection_bytes,
    spread,
    undo,
    untouched,
)

SEED = 1


def check_foi(result):
    yield from best("foi", result)


def check_instdiffedit(result):
    yield from best("instdiffedit", result)


def check_adapedit(result):
    yield from best("adapedit", result)


def check_tas(result):
    yield from best("tas", result)


def best(name, result):
    """A scene off-centre in a larger picture.

    The algorithm chosen, the instruction typed, started by its shortcut, undone twice.
    """
    document, _ = yield from picture(name)
    before, seen = fingerprints(document), composed(document)
    result["layers before"] = names(document)
    yield from choose(name)
    widget("limn_seed").setValue(SEED)
    yield from write(Scene(name).instruction)
    with listening() as arrived:
        yield from press("ctrl+shift+x")
        yield from under_way(3)
        result["stage while it works"] = widget("limn_stage").text()
        yield from screenshot(f"{name}-working")
        yield from ended()
        yield 1
    yield from screenshot(f"{name}-done")
    result["previews"], result["note"], result["details"] = (
        panel().previews_shown,
        note(),
        panel().note.details,
    )
    result["box"], result["title"] = widget("limn_algorithm").currentText(), panel().chosen().title
    result["ran"] = [one.algorithm for one in arrived if type(one).__name__ == "Done"]
    result["layers"] = names(document)
    new = new_layer(document, before)
    result["active"], result["name"] = document.activeNode().name(), new.name()
    result["other layers untouched"] = untouched(document, before)
    save(f"{name}-mask.gray", spread(final_mask(arrived).area, WIDTH, HEIGHT, X, Y))
    save(f"{name}-layer.bgra", pixels(new, document))
    save(f"{name}-selection.gray", selection_bytes(document) or b"")
    save(f"{name}-seen-before.bgra", seen)
    save(f"{name}-seen-after.bgra", composed(document))
    yield from undo()
    result["after one undo"] = {
        "layers": names(document),
        "selection": selection_bytes(document) is not None,
    }
    yield from undo()
    result["after two undos"] = {
        "layers": names(document),
        "selection": selection_bytes(document) is not None,
        "same": fingerprints(document) == before and composed(document) == seen,
    }
