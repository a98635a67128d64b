"""Pickled weights (.ckpt, .pt, .bin) -> .safetensors, only on request.

    python -m limn.server.models.convert SOURCE TARGET      (what `convert` runs)

Unpickling may run any program that is in the file. So it is done in a process of its own, by
torch's reader that takes nothing but tensors and plain containers (`weights_only`), without the
network, with bounded memory and time.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limn.editing.diffusion.weights_file import absent

from .store import RECEIPT, StoreError, check_room, digest, writing

SUFFIXES = (".ckpt", ".pt", ".pth", ".bin")

SECONDS = 1800.0
"""For one file. Eight gigabytes from a slow disk take minutes."""

TIMES, MORE = 3, 4 * 1024**3
"""Address space: so many times the file, and torch's own libraries."""

MOST_DEPTH = 2
"""Boxes around the tensors: training programs put them into `state_dict`."""


def convert(source: Path, folder: Path) -> Path:
    """A converted copy of a file, or of a folder in the diffusers format, as `folder`.

    Raises StoreError. Nothing is left of a conversion that failed.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    if not source.exists():
        trouble = absent(source)
        raise StoreError(trouble.code, trouble.sentence, trouble.remedy)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with writing(folder):
            return _converted(source, partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _converted(source: Path, partial: Path, folder: Path) -> Path:
    """The same by way of `partial`. Raises OSError, too."""
    partial.mkdir(parents=True)
    pairs = list(_files(source, partial, folder.name))
    check_room(partial, sum(file.stat().st_size for file, _ in pairs))
    for pickle, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        if pickle.suffix.lower() in SUFFIXES:
            _run(pickle, target.with_suffix(".safetensors"))
        else:
            shutil.copyfile(pickle, target)
    files = {
        file.relative_to(partial).as_posix(): {
            "size": file.stat().st_size,
            "sha256": digest(file),
        }
        for file in sorted(partial.rglob("*"))
        if file.is_file()
    }
    receipt = {"converted from": str(source), "files": files}
    (partial / RECEIPT).write_text(json.dumps(receipt, indent=1), encoding="utf-8")
    os.replace(partial, folder)
    return folder


def _files(source: Path, target: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Each file to convert or copy, and where it goes.

    Of a folder only what a model needs.
    """
    if source.is_file():
        yield source, target / f"{name}{source.suffix}"
        return
    wanted = {
        "unet": "diffusion_pytorch_model",
        "vae": "diffusion_pytorch_model",
        "text_encoder": "pytorch_model",
    }
    for part, stem in wanted.items():
        pickle = source / part / f"{stem}.bin"
        if pickle.is_file():
            yield pickle, target / part / f"{'model' if part == 'text_encoder' else stem}.bin"
        else:
            for file in sorted((source / part).glob("*.safetensors")):
                yield file, target / part / file.name
    for pattern in ("*.json", "*/*.json", "tokenizer/merges.txt"):
        for file in sorted(source.glob(pattern)):
            if file.is_file() and not file.name.endswith(".index.json"):
                yield file, target / file.relative_to(source)


def _run(source: Path, target: Path) -> None:
    """One file in a process of its own."""
    command = [sys.executable, "-P", "-m", __name__, str(source), str(target)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(source, f"it took longer than {SECONDS / 60:.0f} minutes") from None
    if done.returncode or not target.is_file():
        lines = done.stderr.decode("utf-8", "replace").strip().split("\n")
        if "os error 28" in lines[-1] or "No space left" in lines[-1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise _failed(source, lines[-1][:200] or f"it ended with status {done.returncode}")


def _failed(source: Path, why: str) -> StoreError:
    return StoreError(
        "not-converted",
        f"{source} can't be converted: {why}.",
        "Get the same model as .safetensors; most pages offer both.",
    )


def main(source: Path, target: Path) -> None:
    """In the process of its own: read, keep the tensors, write."""
    _bound(source.stat().st_size)
    import torch
    from safetensors.torch import save_file

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, ValueError):  # of before torch 1.6, which can't be mapped
        try:
            loaded = torch.load(source, map_location="cpu", weights_only=True)
        except Exception as error:
            raise SystemExit(_first_line(error)) from None
    except Exception as error:
        raise SystemExit(_first_line(error)) from None
    for _ in range(MOST_DEPTH):
        if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
            loaded = loaded["state_dict"]
    if not isinstance(loaded, dict):
        raise SystemExit("it holds no table of tensors")
    tensors: dict[str, Any] = {
        str(name): value.contiguous().clone() if _is_shared(value) else value.contiguous()
        for name, value in loaded.items()
        if isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise SystemExit("it holds no tensors")
    save_file(tensors, target, {"format": "pt"})


def _is_shared(value: Any) -> bool:
    """Whether a tensor is part of a storage, which safetensors does not take."""
    return bool(value.untyped_storage().nbytes() != value.nbytes)


def _first_line(error: Exception) -> str:
    """Why, in one line: torch's own words go on for a page."""
    words = str(error).strip().split("\n")[0]
    if "weights_only" in str(error) or "Unsupported" in str(error):
        return "it holds more than weights, and is not opened"
    return words or type(error).__name__


def _bound(size: int) -> None:
    """Bound this process's memory, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = TIMES * size + MORE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
