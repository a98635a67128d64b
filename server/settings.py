"""The server's settings: one frozen value.

Defaults < settings file < environment (LIMN_PORT=...) < command line. pydantic-settings would read
the same layers. It tells a wrong value in the terms of its validators, though. Here each is told in
one sentence with its remedy, and a path of Windows between double quotes is explained.
"""

from __future__ import annotations

import codecs
import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from limn.protocol import announcement, limits
from limn.protocol.errors import LimnError

MIB = 1024 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")
EVERYWHERE = ("0.0.0.0", "::")
PRECISIONS = ("auto", "float32", "float16", "bfloat16")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}", re.ASCII)
"""A host name, or an address."""


class SettingsError(LimnError):
    """A setting that can't be used: which, where it came from, what to write instead."""

    code = "bad-setting"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set.

    host: where to listen. Beyond loopback only with a certificate and users (tls.py, users.py).
    port: 0 takes a free one.
    model: a file or folder that `limn.editing.diffusion.model_locations` knows; None takes what
    `limn models use` has chosen, or else the bundled sketchbook model.
    captioner: a BLIP model that says what a picture shows where an algorithm needs to know: a
    folder, or a name in the Hugging Face cache;
        nothing is downloaded. Empty: the painter is asked.
    lora: files whose changes are put into the model, each with its weight, separated by commas:
    "ink.safetensors:0.8,old.safetensors". 1 if no weight is given.
    device: "auto", "cpu", "cuda", "cuda:1", "mps": as torch names it; several, separated by commas,
    have a worker each: "cuda:0,cuda:1".
    precision: of the denoising network: "auto", "float32", "float16" or "bfloat16".
    token_file: written at start with mode 0600; None is PORT.token in the runtime folder.
    detached: go on running when standard input closes. Otherwise that is taken for the end of the
    parent.
    private: tell nobody but the parent, by the ready line: no other program finds this server.
    log_level: of the log on standard error. Instructions appear at "debug" only.
    """

    host: str = "127.0.0.1"
    port: int = 0
    model: Path | None = None
    captioner: str = ""
    lora: str = ""
    device: str = "auto"
    precision: str = "auto"
    workers: int = 1
    """Worker processes on each device.

    One fills a graphics card; each loads the model.
    """
    engine: str = "local"
    """What runs the edits: "local" processes, or a cluster with "ray"."""
    ray_address: str = "auto"
    """The cluster: HOST:PORT; "auto" is the one that runs on this machine."""
    ray_gpus: float = 1.0
    """Graphics cards for each worker of the cluster; fractions are allowed."""
    min_workers: int = 1
    """Of the workers on Ray so many are kept while there is nothing to do."""
    token_file: Path | None = None
    detached: bool = False
    private: bool = False
    keep_token: bool = False
    """Use the token that stands in token_file already, and leave it there.

    Another machine keeps a copy of it.
    """
    tunnel_port: int = 0
    """The port at the other end of a tunnel (ssh -L) that leads here.

    0: there is none.
    """
    tls_cert: Path | None = None
    """A certificate in PEM.

    With it the server encrypts, and serves the users of users_file.
    """
    tls_key: Path | None = None
    """The certificate's key in PEM, without a password, for this user alone."""
    host_names: str = ""
    """Names and addresses that other machines call this one by, separated by commas.

    A request's Host must be one of them. Needed where host is 0.0.0.0 or ::, every address.
    """
    jobs_folder: Path | None = None
    """Where jobs are kept over a restart.

    Those that wait, and results not yet fetched.

    None: a server for other machines has a folder for its port, another one keeps nothing.
    """
    users_file: Path | None = None
    """The users; None is users.json in the configuration folder. See `limn users`."""
    log_level: str = "info"

    max_connections: int = 32
    """Connections at once.

    A painter has one or two programs, a script some dozens; each may hold a frame of 1 MiB.
    """
    user_connections: int = 8
    """Of these for one user of a server that several share."""
    max_jobs: int = 16
    """Waiting and running together: each holds a picture."""
    queue_bytes: int = 1024 * MIB
    """Pictures of the jobs that wait and run.

    Room for the largest at 16 bits, twice. A job that is alone is always taken.
    """
    user_jobs: int = 8
    """Of max_jobs for one user of a server that several share."""
    user_bytes: int = 512 * MIB
    """Of queue_bytes for one such user; a single job is always taken."""
    max_pixels: int = limits.MAX_PIXELS
    """Pixels of a submitted picture.

    A machine with little memory may take less than the protocol allows.
    """
    keep_bytes: int = 1024 * MIB
    """Pixels of finished jobs that nobody has acknowledged yet.

    Room for the largest result at 16 bits, twice.
    """
    keep_seconds: float = 3600.0
    """How long such jobs are kept.

    Long enough to restart Krita and the computer's network.
    """
    picture_bytes: int = 512 * MIB
    """Submitted pictures kept so that the next edit of the same layer uploads nothing."""
    hello_seconds: float = 10.0
    """How long a new connection may take to say hello.

    It has shown the token, so it is a friend, but perhaps a hung one.
    """
    upload_seconds: float = 30.0
    """Seconds between two frames of a picture.

    A connection that takes longer hangs, and holds memory.
    """
    heartbeat_seconds: float = 20.0
    """Between pings. A connection that does not answer is closed; its jobs go on."""
    cancel_seconds: float = 60.0
    """A step that takes longer than this after a cancel counts as hung.

    The worker is killed, a fresh one serves the next.
    """
    start_seconds: float = 300.0
    """How long a worker may take to import torch and look at its device.

    Minutes on a cold, slow disk.
    """

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("tls_cert and tls_key go together: a certificate and its key.")
        if self.host in EVERYWHERE and not self.names:
            raise SettingsError(
                f"host {self.host!r} is every address of this machine. Say in host_names by which "
                'others call it: host_names = "desk.studio.lan,192.168.0.5".'
            )
        for name in (self.host, *self.names):
            if not HOST.fullmatch(name):
                raise SettingsError(f"{name!r} is no host name or address.")
        if not 0 <= self.port <= 65_535:
            raise SettingsError(
                f"port {self.port} is not a port. Use 0 for a free one, or 1024 to 65535."
            )
        if not 0 <= self.tunnel_port <= 65_535:
            raise SettingsError(f"tunnel_port {self.tunnel_port} is not a port. Use 1024 to 65535.")
        if self.keep_token and self.token_file is None:
            raise SettingsError("keep_token needs a token_file: the file that is kept.")
        if self.engine not in ("local", "ray"):
            raise SettingsError(f"engine {self.engine!r} is unknown. Use local or ray.")
        if not 0 <= self.ray_gpus <= 64:
            raise SettingsError(f"ray_gpus is {self.ray_gpus}; it must be between 0 and 64.")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise SettingsError(
                f"log_level {self.log_level!r} is unknown. Use debug, info, warning or error."
            )
        if self.precision not in PRECISIONS:
            raise SettingsError(
                f"precision {self.precision!r} is unknown. Use one of {', '.join(PRECISIONS)}."
            )
        if self.model is not None and not self.model.exists():
            raise SettingsError(
                f"model {str(self.model)!r} does not exist. Name a .safetensors file or a "
                "folder; `limn models` lists what is there."
            )
        sizes = ("max_connections", "max_jobs", "queue_bytes", "max_pixels", "keep_bytes")
        for name in (
            *sizes,
            "workers",
            "min_workers",
            "user_connections",
            "user_jobs",
            "user_bytes",
            "keep_seconds",
            "hello_seconds",
            "upload_seconds",
            "heartbeat_seconds",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be above 0.")

    @property
    def on_loopback(self) -> bool:
        """Whether this machine alone can reach the server."""
        return self.host in LOOPBACK

    @property
    def names(self) -> tuple[str, ...]:
        """`host_names` one by one."""
        return tuple(name.strip().lower() for name in self.host_names.split(",") if name.strip())


def default_file() -> Path:
    """Where the settings file is looked for; it need not exist."""
    return platformdirs.user_config_path("limn") / "limn.toml"


def runtime_folder() -> Path:
    """Where running servers put their token and their address.

    Made with mode 0700. Raises SettingsError if it is not this user's own.
    """
    try:
        return announcement.make_folder()
    except announcement.NotPrivate as error:
        raise SettingsError(
            f"{error} Remove it, or set XDG_RUNTIME_DIR to a folder of this user alone."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{error.filename} can't be made: {error.strerror}. "
            "Set XDG_RUNTIME_DIR to a folder of this user alone."
        ) from error


def load(
    command_line: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of one run.

    None on the command line means: not given. Raises SettingsError.
    """
    file = default_file() if file is None else file
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    if file.is_file():
        values |= _read(file)
    elif os.path.lexists(file) and (file.is_dir() or not file.exists()):
        what = "a folder" if file.is_dir() else "a link that leads nowhere"
        raise SettingsError(f"{file} is {what}. Mend it, or take it away.")
    values |= {
        field.name: environment[key]
        for field in dataclasses.fields(Settings)
        if (key := f"LIMN_{field.name.upper()}") in environment
    }
    values |= {name: value for name, value in command_line.items() if value is not None}
    return Settings(**{name: _convert(name, value) for name, value in values.items()})


def _read(file: Path) -> dict[str, Any]:
    """What a settings file says. Raises SettingsError.

    It is in UTF-8, or with a byte order mark in UTF-16, as editors on Windows write it.
    """
    try:
        content = file.read_bytes()
        marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if content.startswith(marks) else "utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is not a text in UTF-8. Save it as UTF-8 in your editor."
        ) from error
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}.{_path_advice(text)}") from error


def _path_advice(text: str) -> str:
    """What to do about a path of Windows between double quotes.

    TOML takes a backslash there for the beginning of another sign. Empty where there is no such
    path.
    """
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        inner = value.strip()
        if equals and inner.startswith('"') and re.search(r"\\(?![\\\"])", inner):
            plain = inner.strip('"')
            return f" A path with \\ stands between single quotes: {name.strip()} = '{plain}'"
    return ""


_BY_NAME = {field.name: field for field in dataclasses.fields(Settings)}


def _convert(name: str, value: object) -> Any:
    """A value from a file, the environment or the command line in its field's type."""
    field = _BY_NAME.get(name)
    if field is None:
        raise SettingsError(f"There is no setting {name!r}. There are: {', '.join(_BY_NAME)}.")
    kind = str(field.type)
    try:
        if "Path" in kind:
            if value in (None, ""):
                return None
            if any(ord(sign) < 32 for sign in str(value)):  # "C:\new\tiny" in TOML
                raise SettingsError(
                    f"The setting {name} can't be {value!r}: it holds a sign that no path has. "
                    "A path with \\ stands between single quotes in TOML."
                )
            return Path(str(value)).expanduser()
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                str(value).lower()
            ]
        return {"int": int, "float": float, "str": str}[kind](str(value))
    except (KeyError, ValueError, RuntimeError) as error:  # RuntimeError: no home of that user
        raise SettingsError(f"The setting {name} can't be {value!r}; it is a {kind}.") from error
