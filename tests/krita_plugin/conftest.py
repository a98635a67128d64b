"""Parts of the plugin that need no Krita.

Imported under the names that they have inside one.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def vendor() -> None:
    """Let the plugin find `websockets` where its package has it: below `limn.vendor`."""
    sys.modules.setdefault("limn.vendor", ModuleType("limn.vendor"))
    sys.modules.setdefault("limn.vendor.websockets", importlib.import_module("websockets"))


@pytest.fixture(scope="session")
def state() -> Any:
    from limn.krita_plugin import state

    return state


@pytest.fixture(scope="session")
def looks() -> Any:
    from limn.krita_plugin import preview_data

    return preview_data


@pytest.fixture(scope="session")
def words() -> Any:
    from limn.krita_plugin import sentences

    return sentences


@pytest.fixture(scope="session")
def counting() -> Any:
    from limn.krita_plugin import counting

    return counting


@pytest.fixture(scope="session")
def messages() -> Any:
    from limn.protocol import messages

    return messages
