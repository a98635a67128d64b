"""Fetching models from a hub on loopback that has every trouble of networks.

Each call ends within its time-out, and what is said tells what to do.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from limn.server.models import catalogue, download
from limn.server.models.catalogue import Entry, Source
from limn.server.models.store import RECEIPT, StoreError

from .hub import COMMIT, LARGE, Hub

REPOSITORY = "someone/some-model"
SECONDS = 1.0


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the diffusers format, with weights that are only large enough."""
    folder = tmp_path_factory.mktemp("repository")
    for part in ("unet", "vae", "text_encoder"):
        (folder / part).mkdir()
        (folder / part / "config.json").write_text("{}")
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        (folder / part / f"{stem}.safetensors").write_bytes(os.urandom(5 * LARGE))
        (folder / part / f"{stem}.bin").write_bytes(b"a pickle")
    (folder / "model_index.json").write_text("{}")
    for part, file in (("scheduler", "scheduler_config.json"), ("tokenizer", "tokenizer.json")):
        (folder / part).mkdir()
        (folder / part / file).write_text("{}")
    return folder


@pytest.fixture
def hub(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub(repository, REPOSITORY)
    monkeypatch.setenv("HF_TOKEN", "a-stored-token")
    # Pieces in which it is written: a cut loses the one that has begun.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2 * LARGE)
    return made


def fetch(
    hub: Hub,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    sha256: dict[str, str] | None = None,
    token: str = "",
) -> tuple[Path, list[tuple[int, int]]]:
    """What was fetched, and what was told of the progress. At most 30 seconds."""
    source = Source(REPOSITORY, COMMIT, catalogue._folder(""), 1, sha256 or {})
    entry = Entry("mine", "Mine", "instruction", "tests", "MIT", "https://x.test", {"fp32": source})
    told: list[tuple[int, int]] = []
    began = time.monotonic()
    with hub.running():
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        try:
            place = download.fetch(
                entry, source, folder, lambda n, of: told.append((n, of)), token, SECONDS
            )
        finally:
            assert time.monotonic() - began < 60, "a call hung"
    return place, told


def test_a_model_is_fetched_and_checked(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, told = fetch(hub, tmp_path, monkeypatch)
    wanted = {name: data for name, data in hub.files().items() if not name.endswith(".bin")}
    there = {p.relative_to(place).as_posix(): p for p in place.rglob("*") if p.is_file()}
    assert set(there) == {*wanted, RECEIPT}
    assert all(there[name].read_bytes() == data for name, data in wanted.items())
    receipt = json.loads(there[RECEIPT].read_text())
    assert (receipt["revision"], receipt["repository"]) == (COMMIT, REPOSITORY)
    assert told[-1] == (sum(map(len, wanted.values())),) * 2
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert not list(tmp_path.glob(".mine"))
    assert all(path.startswith((f"/{REPOSITORY}/", "/api/models/")) for _, path, *_ in hub.asked)
    assert not any(authorization for *_, authorization in hub.asked), "a token was sent unasked"


def test_a_token_is_sent_where_it_is_given(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(hub, tmp_path, monkeypatch, token="mine")
    assert {authorization for *_, authorization in hub.asked} == {"Bearer mine"}


def test_a_line_that_breaks_is_taken_up_again(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.cut = 3 * LARGE
    place, _ = fetch(hub, tmp_path, monkeypatch)
    assert all((place / n).read_bytes() == d for n, d in hub.files().items() if "bin" not in n)
    assert any(given.startswith(f"bytes={2 * LARGE}") for _, _, given, _ in hub.asked)


def test_an_interrupted_download_goes_on(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(n: int, of: int) -> None:
        if n > of // 2:
            raise Stopped

    source = Source(REPOSITORY, COMMIT, catalogue._folder(""), 1)
    entry = Entry("mine", "Mine", "instruction", "tests", "MIT", "", {"fp32": source})
    with hub.running():
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(Stopped):
            download.fetch(entry, source, tmp_path, stop, "", SECONDS)
    assert not (tmp_path / "mine").exists()
    whole = list((tmp_path / ".mine").rglob("*.safetensors"))
    hub.asked.clear()
    fetch(hub, tmp_path, monkeypatch)
    again = [path for method, path, *_ in hub.asked if method == "GET"]
    assert whole and not any(
        file.name in p and file.parent.name in p for p in again for file in whole
    )


def test_one_program_fetches_a_model_at_a_time(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another is told so at once, and takes nothing away from the first."""
    source = Source(REPOSITORY, COMMIT, catalogue._folder(""), 1)
    entry = Entry("mine", "Mine", "instruction", "tests", "MIT", "", {"fp32": source})
    refusals = []

    def other(n: int, of: int) -> None:
        if not refusals:
            with pytest.raises(StoreError) as error:
                download.fetch(entry, source, tmp_path, lambda *_: None, "", SECONDS)
            refusals.append(error.value.code)

    with hub.running():
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        place = download.fetch(entry, source, tmp_path, other, "", SECONDS)
    assert refusals == ["busy"]
    assert all((place / n).read_bytes() == d for n, d in hub.files().items() if "bin" not in n)


def test_a_folder_that_cannot_be_written_is_named(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"models can't be written.*XDG_DATA_HOME") as error:
        fetch(hub, tmp_path / "models", monkeypatch)
    assert error.value.code == "not-writable"


def test_a_slow_line_is_waited_for(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.slow = 0.03
    place, _ = fetch(hub, tmp_path, monkeypatch)
    assert (place / RECEIPT).is_file()


@pytest.mark.parametrize(
    ("trouble", "code", "remedy"),
    [
        ({"silent": True}, "no-network", "Run the same command again"),
        ({"wrong": True}, "wrong-bytes", "don't use the file"),
        ({"status": 404}, "moved", "limn models add"),
        ({"status": 500}, "hub", "Run the same command again"),
        ({"gated": True}, "gated", "--token"),
    ],
)
def test_what_is_said_of_trouble(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: dict[str, object],
    code: str,
    remedy: str,
) -> None:
    for name, value in trouble.items():
        setattr(hub, name, value)
    with pytest.raises(StoreError) as error:
        fetch(hub, tmp_path, monkeypatch)
    assert (error.value.code, remedy in error.value.remedy) == (code, True)
    assert not (tmp_path / "mine").exists()


def test_nobody_listens(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(REPOSITORY, COMMIT, catalogue._folder(""), 1)
    entry = Entry("mine", "Mine", "instruction", "tests", "MIT", "", {"fp32": source})
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError) as error:
        download.fetch(entry, source, tmp_path, lambda *_: None, "", SECONDS)
    assert error.value.code == "no-network"


def test_a_file_that_is_another_than_the_catalogues(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="another sha256"):
        fetch(hub, tmp_path, monkeypatch, {"vae/diffusion_pytorch_model.safetensors": "0" * 64})


def test_a_repository_that_lacks_a_file(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.folder = Path(shutil.copytree(hub.folder, tmp_path / "less"))
    (hub.folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(StoreError, match="has changed"):
        fetch(hub, tmp_path / "models", monkeypatch)


def test_a_disk_without_room(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100 * 1024 * 1024})
    )
    with pytest.raises(StoreError) as error:
        fetch(hub, tmp_path, monkeypatch)
    assert error.value.code == "disk-full"
    assert "0.1 GB are free" in error.value.sentence
    assert not any("resolve" in path for _, path, *_ in hub.asked)


def test_the_catalogue_is_whole() -> None:
    for entry in catalogue.ENTRIES:
        assert entry.licence and entry.page.startswith("https://")
        for source in entry.sources.values():
            assert len(source.revision) == 40, "pinned"
            assert all(len(sha) == 64 for sha in source.sha256.values())
            assert source.size > 1_000_000
    for _, names in catalogue.SETS.values():
        assert {catalogue.BY_NAME[name].kind for name in names} == {
            "text-to-image",
            "inpainting",
            "instruction",
        }
