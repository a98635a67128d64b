"""The plugin's package as the installer builds it, importable as `limn`: the same files that Krita will have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from installer import plugin_package

_ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session", autouse=True)
def limn_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the package, and puts it where Python finds it."""
    resources = tmp_path_factory.mktemp("resources")
    site = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    plugin_package.write_tree(plugin_package.gather(_ROOT, site), resources)
    sys.path.insert(0, str(resources / "pykrita"))
    return resources


@pytest.fixture(scope="session")
def state(limn_package: Path) -> Any:
    from limn import state

    return state


@pytest.fixture(scope="session")
def looks(limn_package: Path) -> Any:
    from limn import looks

    return looks


@pytest.fixture(scope="session")
def words(limn_package: Path) -> Any:
    from limn import words

    return words


@pytest.fixture(scope="session")
def messages(limn_package: Path) -> Any:
    from limn.protocol import messages

    return messages
