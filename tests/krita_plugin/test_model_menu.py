"""The model's menu: models, LoRA files with their weights, what may not be chosen."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import pytest

from limn.protocol.messages import LoraThere, ModelList, ModelThere

THERE = ModelThere("dreamshaper-8", "text-to-image", 2 * 10**9, True, "", "fits")
LORAS = (
    LoraThere("ink", 80, ""),
    LoraThere("gouache", 0, ""),
    LoraThere("page", 0, "This is a web page."),
)


@pytest.fixture(scope="module")
def running() -> Any:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    widgets = importlib.import_module("PyQt6.QtWidgets")  # what qt.py then takes
    return widgets.QApplication.instance() or widgets.QApplication([])


@pytest.fixture
def menu(running: Any) -> Any:
    """The menu, and what it wants."""
    qt = importlib.import_module("limn.krita_plugin.qt")
    parts = importlib.import_module("limn.krita_plugin.ui.model_menu")
    state = importlib.import_module("limn.krita_plugin.state")

    class Commands(qt.QObject):  # type: ignore[misc, name-defined]
        listed = qt.Signal(object)
        progressed = qt.Signal(object)
        ended = qt.Signal(str, str)

        def __init__(self) -> None:
            super().__init__()
            self.wanted: list[object] = []

        def use(self, name: str) -> None:
            self.wanted.append(name)

        def use_loras(self, percents: Mapping[str, int]) -> None:
            self.wanted.append(dict(percents))

    made = parts.ModelMenu(state.Panel(), Commands())
    yield made
    made.deleteLater()


def entries(menu: Any) -> dict[str, Any]:
    return {action.text(): action for action in menu.actions() if action.text()}


def test_lora_files_are_chosen_with_a_weight(menu: Any) -> None:
    menu._listed(ModelList(True, "", False, (THERE,), (), "", LORAS))
    loras = entries(entries(menu.menu)["LoRA"].menu())
    assert list(loras) == ["ink · 80 %", "gouache", "page"]
    ink, gouache = (entries(loras[name].menu()) for name in ("ink · 80 %", "gouache"))
    assert [words for words, action in ink.items() if action.isChecked()] == ["80 %"]
    assert list(gouache) == ["not used", "40 %", "60 %", "80 %", "100 %"]
    gouache["60 %"].trigger()
    ink["not used"].trigger()
    ink["100 %"].trigger()
    assert menu._commands.wanted == [{"ink": 80, "gouache": 60}, {}, {"ink": 100}]
    assert not loras["page"].menu().isEnabled()


def test_where_a_user_may_not_nothing_can_be_pressed(menu: Any) -> None:
    refused = ModelList(False, "Not here.", False, (THERE,), (), "", LORAS, "Ask for it.")
    menu._listed(refused)
    shown = entries(menu.menu)
    assert [*shown][:2] == ["Not here.", "Ask for it."]
    assert not shown["Not here."].isEnabled() and not shown["Ask for it."].isEnabled()
    assert not shown["sketchbook (bundled)"].isEnabled()
    assert shown["sketchbook (bundled)"].toolTip() == "Not here."
    assert not any(one.menu().isEnabled() for one in entries(shown["LoRA"].menu()).values())


def test_the_bundled_model_takes_no_lora(menu: Any) -> None:
    menu._listed(ModelList(True, "", True, (), (), "", LORAS))
    assert "LoRA" not in entries(menu.menu)


def test_a_long_name_keeps_its_ends_and_is_told_whole(menu: Any) -> None:
    menu._panel.model = "a-model-with-a-very-long-name-for-inpainting"
    menu.resize(160, 30)
    menu.show()
    menu.refresh()
    shown = menu.button.text()
    assert shown.startswith("a-m") and shown.endswith("ing") and "…" in shown
    assert menu.button.fontMetrics().horizontalAdvance(shown) < menu.button.width()
    assert menu.button.toolTip().startswith(f"Model: {menu._panel.model}\n")
    menu.resize(600, 30)
    assert menu.button.text() == f"Model: {menu._panel.model}"
