"""Auto as a painter meets it.

Which algorithm was chosen and why, another choice, and the question for a caption.
"""

from help import (
    QApplication,
    choose,
    edit,
    ended,
    keys,
    note,
    panel,
    press,
    quick,
    screenshot,
    shown,
    start,
    under_way,
    widget,
    write,
)
from painting import layers, names, picture, selection_bytes, undo

CAPTION = "a red star on a gray background"


def check_the_choice_is_told(result):
    document, _ = yield from picture("recolour")
    box = widget("limn_algorithm")
    result["entries"], result["default"] = (
        [box.itemText(row) for row in range(box.count())],
        box.currentText(),
    )
    result["before"] = shown("limn_choice"), widget("limn_caption").isVisible()
    yield from quick(10)
    yield from start("turn the star into a circle")
    yield from under_way(1)
    result["while it works"] = shown("limn_choice")
    yield from screenshot("working")
    yield from ended()
    yield from screenshot("done")
    result["afterwards"], result["box"], result["details"] = (
        shown("limn_choice"),
        box.currentText(),
        panel().note.details,
    )
    yield from start("make the star blue")
    result["as the next begins"] = shown("limn_choice")
    yield from ended()
    result["note"], result["the next"], result["layers"] = (
        note(),
        shown("limn_choice"),
        names(document),
    )


def check_the_painter_overrides(result):
    yield from picture("recolour")
    box = widget("limn_algorithm")
    result["without more"] = [box.itemData(row) for row in range(box.count())]
    widget("limn_more_button").click()
    yield from choose("ip2p")
    widget("limn_more_button").click()
    result["at once"], result["still there"] = shown("limn_choice"), box.currentData()
    yield from quick(10)
    yield from edit("make the star blue")
    result["details"], result["choice"] = panel().note.details, shown("limn_choice")
    yield from choose("auto")


def asked(result, instruction, key, undos):
    """An edit with AdapEdit that lacks a caption.

    Then the caption, typed where the cursor is; then as many steps back as it has.
    """
    document, _ = yield from picture("recolour")
    yield from choose("adapedit")
    yield from quick(4)
    widget("limn_parameter_prepass_steps").setValue(4)
    before = names(document)
    yield from write(instruction)
    keys("key", key)
    came = yield lambda: panel().question and panel().work is None, 60
    assert came, note()
    yield 0.5
    yield from screenshot("asked")
    result["note"], result["kind"] = note(), panel().note.kind
    result["question"], result["line"] = shown("limn_question"), widget("limn_caption").isVisible()
    result["cursor"] = QApplication.focusWidget().objectName()
    result["dialog"] = QApplication.activeModalWidget() is not None
    result["untouched"] = names(document) == before and selection_bytes(document) is None
    keys("key", "Return")
    yield 1
    result["an empty answer begins nothing"] = (
        panel().work is None and shown("limn_question") == result["question"]
    )
    keys("type", "--delay", "5", CAPTION)
    came = yield lambda: widget("limn_caption").text() == CAPTION, 10
    assert came, widget("limn_caption").text()
    yield from press("Return")
    result["question while it works"] = shown("limn_question")
    yield from ended()
    yield from screenshot("answered")
    result["details"], result["instruction"] = (
        panel().note.details,
        widget("limn_instruction").toPlainText(),
    )
    result["new layers"] = [node.name() for node in layers(document) if node.name() not in before]
    result["answer"] = note()
    result["cursor afterwards"] = QApplication.focusWidget().objectName()
    for _ in range(undos):
        yield from undo()
    result["undone"] = (
        names(document) == before
        and selection_bytes(document) is None
        and widget("limn_caption").text() == CAPTION
    )


def check_a_caption_is_asked_for(result):
    yield from asked(result, "make the star striped", "Return", 2)


def check_the_same_edit_goes_on(result):
    """Asked for while finding the mask only: the answer finds the mask only."""
    widget("limn_caption").setFocus()
    keys("key", "ctrl+a", "Delete")
    came = yield lambda: panel().caption == "", 10
    assert came, panel().caption
    yield from asked(result, "make the star striped", "ctrl+shift+m", 1)
    yield from choose("auto")
    result["the caption stays in sight"] = widget("limn_caption").isVisible()


def check_a_slip_is_asked_about(result):
    """The proposal stands in the box, and Enter edits it."""
    document, _ = yield from picture("recolour")
    yield from quick(10)
    before = names(document)
    yield from write("mkae the star blue")
    yield from press("Return")
    came = yield lambda: panel().work is None and "Did you mean" in note(), 60
    assert came, note()
    yield from screenshot("proposed")
    result["note"], result["kind"] = note(), panel().note.kind
    result["proposal"] = widget("limn_instruction").toPlainText()
    result["cursor"] = QApplication.focusWidget().objectName()
    result["untouched"] = names(document) == before
    yield from press("Return")
    yield from ended()
    result["afterwards"] = note()
    result["new layers"] = [node.name() for node in layers(document) if node.name() not in before]
