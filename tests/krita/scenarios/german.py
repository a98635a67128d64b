"""Krita in German: the docker speaks it."""

from help import OUTPUT, app, docker, panel, screenshot, widget
from painting import new_document


def check_german(result):
    yield from new_document(300, 200)
    app().activeWindow().qwindow().activateWindow()
    docker().setVisible(True)
    docker().raise_()
    yield 0.5
    panel().set_more(True)
    yield 1
    widget("limn_edit_button").click()
    yield 1.5
    names = ("limn_edit_button", "limn_mask_button", "limn_more_button", "limn_note")
    result["said"] = {name: widget(name).text() for name in names}
    result["tip"] = widget("limn_mask_button").toolTip()
    result["action"] = app().action("limn_again").text()
    docker().grab().save(f"{OUTPUT}/german.png")
    yield from screenshot("german-window")
