"""`limn serve`: the server, until its parent ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..settings import Settings
from .exits import NoServer, UsageError, err


def serve(
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PLACE", help="A file or folder; default: see `limn models`, or the sketchbook."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port; default: a free one.")] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen; default: this machine alone. Else with TLS and users.",
        ),
    ] = None,
    host_names: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="What others call this machine: desk.lan,192.168.0.5."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate, in PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, in PEM.")] = None,
    make_certificate: Annotated[
        bool,
        typer.Option("--make-certificate", help="Make both, tell the fingerprint, and end."),
    ] = False,
    users_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of this user's; see `limn users`.")
    ] = None,
    captioner: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="A BLIP model that captions pictures; default: none."),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE:0.8", help="A LoRA and its weight; may be given several times."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="auto, cpu, cuda, mps, ...; cuda:0,cuda:1: a worker each; default: auto."
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="auto, float32, float16 (cards) or bfloat16; default: auto."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="So many workers on each device; default: 1.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="local, or ray for a cluster; default: local.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="The cluster: auto, or HOST:PORT; default: auto.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the token is written, with mode 0600."),
    ] = None,
    keep_token: Annotated[
        bool | None,
        typer.Option("--keep-token", help="Use and leave the token in FILE.", show_default=False),
    ] = None,
    tunnel_port: Annotated[
        int | None, typer.Option(help="The other end's port of a tunnel (ssh -L) to here.")
    ] = None,
    detached: Annotated[
        bool | None,
        typer.Option("--detached", help="Go on when standard input closes.", show_default=False),
    ] = None,
    private: Annotated[
        bool | None,
        typer.Option("--private", help="Let no other program find it.", show_default=False),
    ] = None,
    jobs_folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep jobs and results there over a restart."),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug (shows instructions), info, warning or error.")
    ] = None,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="Instead of this user's limn.toml."),
    ] = None,
) -> None:
    """Serve edits on this machine, or to other machines (--host).

    Prints one line of JSON when ready: where it listens, and where its token is, or its
    certificate's fingerprint.

    It ends when standard input closes (the program that started it has ended), or with Ctrl+C.

    Example:  limn serve --model ~/models/instruct-pix2pix
    """
    from ..app import serve as run
    from ..settings import SettingsError, load

    given = {
        "model": model,
        "port": port,
        "host": host,
        "host_names": host_names,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "users_file": users_file,
        "jobs_folder": jobs_folder,
        "workers": workers,
        "engine": engine,
        "ray_address": ray_address,
        "captioner": captioner,
        "lora": ",".join(lora) if lora else None,
        "device": device,
        "precision": precision,
        "token_file": token_file,
        "keep_token": keep_token,
        "tunnel_port": tunnel_port,
    }
    given |= {"detached": detached, "private": private, "log_level": log_level}
    if settings_file is not None and not settings_file.is_file():
        raise UsageError(f"There is no settings file {settings_file}.", "Check its name.")
    try:
        settings = load(given, settings_file)
    except SettingsError as error:
        raise UsageError(str(error)) from error
    if make_certificate:
        _make_certificate(settings)
        return
    settings = _looked_at(settings)
    try:
        asyncio.run(run(settings))
    except SettingsError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        advice = "Is the port taken? Without --port a free one is used."
        raise NoServer(f"The server can't start: {error.strerror or error}.", advice) from error


def _make_certificate(settings: Settings) -> None:
    """Make certificate and key, and tell where they are and the fingerprint.

    Raises UsageError.
    """
    from limn.protocol import remote

    from .. import tls
    from ..settings import EVERYWHERE, SettingsError

    usual = tls.default_files()
    certificate, key = settings.tls_cert or usual[0], settings.tls_key or usual[1]
    names = dict.fromkeys((settings.host, *settings.names, "localhost", "127.0.0.1"))
    try:
        tls.make(certificate, key, [name for name in names if name not in EVERYWHERE])
        fingerprint = remote.shown(tls.fingerprint(certificate))
    except SettingsError as error:
        raise UsageError(str(error)) from error
    typer.echo(f"certificate: {certificate}\nkey: {key}\nfingerprint: {fingerprint}")


def _looked_at(settings: Settings) -> Settings:
    """The settings with their model, which can be used.

    Nobody is told that a server is ready, and then that it has no model. Raises UsageError.
    """
    from limn.editing.diffusion.lora_file import check, parse
    from limn.editing.diffusion.model_locations import locate
    from limn.editing.errors import UnreadableModel

    from ..models.store import Store, donors

    try:
        for one in parse(settings.lora):
            check(one.place)
    except UnreadableModel as error:
        raise UsageError(error.sentence, error.remedy) from error
    chosen = settings.model or Store().selection
    if chosen is not None:
        try:
            locate(chosen, donors())
        except UnreadableModel as error:
            if settings.model:
                raise UsageError(error.sentence, error.remedy) from error
            # Clients are told, too, and may choose another.
            other = "Or use the bundled one: `limn models use sketchbook`."
            err.print(escape(f"{error.sentence} {error.remedy} {other}"))
    return replace(settings, model=chosen)
