"""Facts: what other programs and folders say, read right."""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.installer.machine import Gpu, krita_homes, linked_qt, parse_gpu, resource_directory


@pytest.mark.parametrize(
    ("line", "gpu"),
    [
        (
            "NVIDIA GeForce RTX 4090, 580.65.06, 8.9",
            Gpu("NVIDIA GeForce RTX 4090", (580, 65, 6), (8, 9)),
        ),
        ("Tesla V100-SXM2-16GB, 470.199.02", Gpu("Tesla V100-SXM2-16GB", (470, 199, 2), None)),
        ("Quadro K600, 390.157, [N/A]", Gpu("Quadro K600", (390, 157), None)),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", None),
        ("", None),
    ],
)
def test_parse_gpu(line: str, gpu: Gpu | None) -> None:
    assert parse_gpu(line) == gpu


def test_krita_homes_on_linux(tmp_path: Path) -> None:
    assert [home.kind for home in krita_homes("Linux", {}, tmp_path)] == ["installed"]
    (tmp_path / ".var/app/org.kde.krita/data/krita").mkdir(parents=True)
    (tmp_path / "snap/krita/current/.config").mkdir(parents=True)
    (tmp_path / "snap/krita/current/.config/kritarc").touch()
    native, flatpak, snap = krita_homes(
        "Linux", {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": ""}, tmp_path
    )
    assert (native.resources, native.kritarc, native.exists) == (
        tmp_path / "data/krita",
        tmp_path / ".config/kritarc",
        False,
    )
    assert flatpak.kritarc == tmp_path / ".var/app/org.kde.krita/config/kritarc" and flatpak.exists
    assert snap.resources == tmp_path / "snap/krita/current/.local/share/krita" and snap.exists


def test_krita_homes_on_windows_and_macos(tmp_path: Path) -> None:
    store = tmp_path / "AppData/Local/Packages/49800Krita_abc/LocalCache/Roaming/krita"
    store.mkdir(parents=True)
    native, shop = krita_homes("Windows", {}, tmp_path)
    assert (native.resources, native.kritarc) == (
        tmp_path / "AppData/Roaming/krita",
        tmp_path / "AppData/Local/kritarc",
    )
    assert (shop.resources, shop.exists) == (store, True)
    (mac,) = krita_homes("Darwin", {}, tmp_path)
    assert mac.kritarc == tmp_path / "Library/Preferences/kritarc"


def test_a_resource_folder_that_the_painter_chose(tmp_path: Path) -> None:
    assert resource_directory("ResourceDirectory=/big/krita\n[theme]\n") == Path("/big/krita")
    assert resource_directory("[theme]\nResourceDirectory=/big/krita\n") is None
    assert resource_directory("") is None
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/kritarc").write_text("ResourceDirectory=/big/krita\n")
    (home,) = krita_homes("Linux", {}, tmp_path)
    assert home.resources == Path("/big/krita") and home.exists


@pytest.mark.parametrize(
    ("text", "qt"),
    [
        ("\tlibQt5Core.so.5 => /lib/x86_64-linux-gnu/libQt5Core.so.5 (0x00007f)\n", 5),
        ("\tlibQt6Core.so.6 => /usr/lib/libQt6Core.so.6 (0x00007f)\n", 6),
        ("krita\n  Depends: libqt5core5a\n  Depends: libqt5gui5t64\n", 5),
        ("krita\n  Depends: libqt6core6t64\n |Depends: libqt6gui6\n", 6),
        ("\tnot a dynamic executable\n", 0),
        ("", 0),
    ],
)
def test_the_qt_that_krita_is_built_with(text: str, qt: int) -> None:
    assert linked_qt(text) == qt
