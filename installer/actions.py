"""What a step of the installer does, as data: steps.py carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .machine import KritaHome


@dataclass(frozen=True)
class TorchSource:
    """One build of torch: its version, and the index to take it from.

    None: from where pip takes everything.
    """

    version: str
    index: str | None = None


@dataclass(frozen=True)
class InstallSystemPackages:
    packages: tuple[str, ...]
    sudo: bool


@dataclass(frozen=True)
class MakeEnvironment:
    python: str
    version: tuple[int, int]


@dataclass(frozen=True)
class InstallTorch:
    """The first source that works is taken. needs: bytes of free disk."""

    sources: tuple[TorchSource, ...]
    needs: int


@dataclass(frozen=True)
class CheckTorch:
    """Import it, and compute on the card if one is expected."""

    cuda: bool


@dataclass(frozen=True)
class InstallPackages:
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]


@dataclass(frozen=True)
class LockPackages:
    """Note the hashes of all packages at the versions of pyproject.toml."""


@dataclass(frozen=True)
class InstallLimn:
    """Make the checkout importable in the environment, and the command `limn`."""

    version: str


@dataclass(frozen=True)
class InstallWheel:
    """Limn itself from a wheel, into an environment that has its packages."""

    wheel: Path


@dataclass(frozen=True)
class NoteServer:
    """Tell the plugin in this resource folder how to start the server.

    version: of the wheel that it comes from, its SHA-256.
    """

    resources: Path
    version: str


@dataclass(frozen=True)
class Run:
    """A program of the environment, in the checkout.

    Its failure is the run's; `lasting`: go on with what follows all the same.
    """

    arguments: tuple[str, ...]
    lasting: bool = False


@dataclass(frozen=True)
class PutPlugin:
    home: KritaHome


@dataclass(frozen=True)
class TakePlugin:
    home: KritaHome


@dataclass(frozen=True)
class BuildZip:
    file: Path


@dataclass(frozen=True)
class RemoveEnvironment:
    pass


Action = (
    InstallSystemPackages
    | MakeEnvironment
    | InstallTorch
    | CheckTorch
    | InstallPackages
    | LockPackages
    | InstallLimn
    | InstallWheel
    | NoteServer
    | Run
    | PutPlugin
    | TakePlugin
    | BuildZip
    | RemoveEnvironment
)
