"""After the import and a restart: the docker is there, and says what is missing."""

from help import app, docker, note, panel, screenshot, widget


def check_docker(result):
    result["dockers"] = [one.objectName() for one in app().dockers() if "limn" in one.objectName()]
    docker().setVisible(True)
    docker().raise_()
    result["title"] = docker().windowTitle()
    result["visible"] = widget("limn_instruction").isVisible()
    yield lambda: panel().link.kind == "trouble", 20
    result["note"] = note()
    result["actions"] = [
        name
        for name in ("limn_edit", "limn_again", "limn_focus", "limn_mask", "limn_cancel")
        if app().action(name)
    ]
    yield from screenshot("imported")
