"""Get a model: the docker's button, its window, an edit with what was fetched."""

import os
import shutil

from help import (
    OUTPUT,
    QApplication,
    QByteArray,
    Qt,
    ended,
    note,
    panel,
    quick,
    screenshot,
    start,
    widget,
)
from painting import HEIGHT, WIDTH, names, picture

FETCH_SECONDS = 120


def in_window(name):
    """A control of the window, which stands beside the docker."""
    window = next(
        one
        for one in QApplication.topLevelWidgets()
        if one.objectName() == "limn_get_model_window" and one.isVisible()
    )
    return next(one for one in window.findChildren(object) if one.objectName() == name)


def loras():
    """The menu of LoRA files, as the last list made it; None before there is one."""
    shown = [one for one in widget("limn_model").menu().actions() if one.text() == "LoRA"]
    return {one.text(): one.menu() for one in shown[0].menu().actions()} if shown else {}


def add_lora(result):
    """Choose 80 % of a file that lies beside Limn's models."""
    folder = os.path.join(os.environ["XDG_DATA_HOME"], "limn", "loras")
    os.makedirs(folder)
    shutil.copy(os.environ["LIMN_LORA"], folder)
    widget("limn_model").menu().aboutToShow.emit()
    yield lambda: "ink" in loras(), 60
    next(one for one in loras()["ink"].actions() if one.text() == "80 %").trigger()
    yield 1
    yield lambda: panel().link.kind == "ready", FETCH_SECONDS
    widget("limn_model").menu().aboutToShow.emit()
    yield lambda: "ink · 80 %" in loras(), 60
    result["loras"] = [*loras()]
    below = loras()["ink · 80 %"].actions()
    result["weight"] = [one.text() for one in below if one.isChecked()]


def narrow(result):
    """A model's name that is too long for a narrow docker."""
    button = widget("limn_model")
    result["short"] = button.text(), button.toolTip()
    button.show_words("Model: a very long name of this kind", "a very long name of this kind")
    result["long"] = button.text()
    result["cut"] = button.fontMetrics().horizontalAdvance(button.text()) - button.width()
    widget("limn_models").grab().save(f"{OUTPUT}/narrow.png")


def check_get_and_use(result):
    document, layer = yield from picture("recolour")
    with open(os.environ["LIMN_PHOTOGRAPH"], "rb") as file:
        layer.setPixelData(QByteArray(file.read()), 0, 0, WIDTH, HEIGHT)
    document.refreshProjection()
    yield 1
    yield from quick(4)
    yield lambda: panel().model, 120
    result["model before"] = widget("limn_model").text()
    yield from start("make the star blue")
    yield lambda: panel().lacks_model, 120
    result["foreign"] = "not of the world" in note()
    result["button"] = widget("limn_get_a_model").isVisible()
    yield from screenshot("foreign")
    yield from ended()
    result["remedy"] = note()
    offer = widget("limn_get_a_model")
    result["room"] = [
        (one.width(), one.sizeHint().width(), one.fontMetrics().horizontalAdvance(one.text()))
        for one in (offer, widget("limn_model"))
    ]
    offer.click()
    yield lambda: in_window("limn_models_to_get").count() > 0, 60
    models = in_window("limn_models_to_get")
    items = [models.item(row) for row in range(models.count())]
    result["listed"] = [one.text() for one in items]
    wanted = next(one for one in items if "InstructPix2Pix" in one.text())
    wanted.setCheckState(Qt.CheckState.Checked)
    result["may get without agreeing"] = in_window("limn_get").isEnabled()
    result["licence"] = "huggingface.co" in in_window("limn_licences").text()
    in_window("limn_agree").click()
    yield 0.5
    yield from screenshot("agreed")
    in_window("limn_get").click()
    yield lambda: in_window("limn_get_progress").value() > 100, FETCH_SECONDS
    in_window("limn_get_stop").click()
    yield from screenshot("fetching")
    came = yield lambda: in_window("limn_get").isEnabled(), 30
    result["stopped"], result["told after stop"] = came, in_window("limn_get_told").text()
    yield lambda: in_window("limn_models_to_get").count() > 0, 60
    yield 2
    in_window("limn_get").click()
    yield lambda: in_window("limn_get_told").text().startswith("Done"), FETCH_SECONDS
    result["told"] = in_window("limn_get_told").text()
    yield lambda: panel().model != "sketchbook" and panel().link.kind == "ready", FETCH_SECONDS
    result["model after"] = widget("limn_model").text()
    widget("limn_model").menu().aboutToShow.emit()
    yield lambda: len(widget("limn_model").menu().actions()) > 3, 60
    actions = widget("limn_model").menu().actions()
    result["menu"] = [(one.text(), one.isChecked()) for one in actions if one.text()]
    before = names(document)
    yield from start("make the mountains red")
    yield from ended()
    result["edit"] = note()
    result["new layers"] = [name for name in names(document) if name not in before]
    yield from screenshot("edited")
    yield from add_lora(result)
    before = len(names(document))
    yield from start("make the mountains red")
    yield from ended()
    result["edit with it"] = len(names(document)) - before
    narrow(result)
    actions = widget("limn_model").menu().actions()  # each list makes them anew
    next(one for one in actions if "sketchbook" in one.text()).trigger()
    yield lambda: panel().model == "sketchbook" and panel().link.kind == "ready", FETCH_SECONDS
    result["model at the end"] = widget("limn_model").text()
