"""The docker's controls, by keys: history, names, Tab, shortcuts."""

from help import (
    QApplication,
    QtWidgets,
    app,
    choose,
    docker,
    keys,
    panel,
    ready,
    screenshot,
    widget,
    write,
)
from painting import (
    new_document,
)


def check_history(result):
    """Shift+Enter makes a line; Up and Down walk through what was written before."""
    box = widget("limn_instruction")
    yield from new_document(64, 64)  # without one, 5.2 and later hide all dockers
    yield from write("make the star green")
    keys("key", "Up")
    yield 0.3
    result["up"] = box.toPlainText()
    keys("key", "Down")
    yield 0.3
    result["down"] = box.toPlainText()
    keys("key", "shift+Return")
    yield 0.3
    result["new line"] = box.toPlainText()
    result["working"] = panel().work is not None
    keys("key", "ctrl+a", "Delete")
    yield 0.3


def check_controls(result):
    """Every control has a name and a tooltip."""
    yield from choose("foi")
    widget("limn_more_button").click()
    yield 0.5
    kinds = (
        QtWidgets.QAbstractButton,
        QtWidgets.QAbstractSpinBox,
        QtWidgets.QComboBox,
        QtWidgets.QPlainTextEdit,
        QtWidgets.QProgressBar,
    )
    controls = [one for kind in kinds for one in widget("limn_panel").findChildren(kind)]
    result["without name"] = [type(one).__name__ for one in controls if not one.objectName()]
    result["without tooltip"] = [one.objectName() for one in controls if not one.toolTip()]
    result["names"] = sorted(one.objectName() for one in controls)
    result["width"] = max(
        widget("limn_panel").minimumWidth(),
        docker().widget()._scrolled.widget().minimumSizeHint().width() + 20,
    )
    result["parameters"] = sorted(one.name for one in panel().chosen().parameters)
    forms = [widget(form) for form in ("limn_front_parameters", "limn_back_parameters")]
    result["labels"] = [
        label.text() for form in forms for label in form.findChildren(QtWidgets.QLabel)
    ]
    yield from screenshot("more")
    keys("mousemove", "700", "400")
    widget("limn_instruction").setFocus()
    result["wheel"] = {}
    for control in [
        widget("limn_seed"),
        *(widget(f"limn_parameter_{one.name}") for one in panel().chosen().parameters),
    ]:
        before = str(panel().remembered())
        widget("limn_scrolled").ensureWidgetVisible(control)
        yield 0.2
        middle = control.mapToGlobal(control.rect().center())
        keys(
            "mousemove", str(middle.x()), str(middle.y()), "click", "4", "click", "5", "click", "5"
        )
        yield 0.3
        result["wheel"][control.objectName()] = panel().remembered() == before
    widget("limn_more_button").click()
    yield from choose("auto")


def check_keyboard(result):
    """With Tab through the whole docker, and back with Shift+Tab.

    From the instruction on. For Krita, Tab means to hide all dockers.
    """
    yield from new_document(256, 192)
    yield from ready()
    app().action("limn_focus").trigger()
    widget("limn_more_button").click()
    yield 0.5
    first = "limn_instruction"
    for way, key in (("there", "Tab"), ("back", "shift+Tab")):
        widget(first).setFocus()
        result[way] = reached = []
        while QApplication.focusWidget().objectName() not in reached and docker().isAncestorOf(
            QApplication.focusWidget()
        ):
            focused = QApplication.focusWidget()
            reached.append(focused.objectName())
            keys("key", key)
            yield lambda focused=focused: QApplication.focusWidget() is not focused, 10
        first = reached[-1]
    result["without everything else"] = app().action("view_show_canvas_only").isChecked()
    widget("limn_more_button").click()
    yield 0.3


def check_shortcuts(result):
    """Our keys against those of every action that Krita has."""
    owners = {}
    for action in app().actions():
        for key in action.shortcuts():
            owners.setdefault(key.toString(), []).append(action.objectName())
    result["ours"] = {
        name: key for key, names_ in owners.items() for name in names_ if name.startswith("limn_")
    }
    result["clashes"] = {
        key: who
        for key, who in owners.items()
        if len(who) > 1 and any(name.startswith("limn_") for name in who)
    }
    yield 0
