"""`limn edit`: edit a picture file by instruction.

It is a client of the server like any other.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from limn.editing.errors import EditError
from limn.editing.language.instruction import parse
from limn.protocol import announcement, limits, remote
from limn.protocol.messages import Algorithm, Submit, Value, Welcome
from limn.protocol.parameters import parse as parse_value

from . import outcome, pictures
from .delivery import Delivery
from .exits import Trouble, UsageError, ended_by_signals, err
from .follow import follow, joined
from .pictures import Picture, PictureError
from .servers import Address

REMEDIES = {
    "needs-caption": 'Describe it with --caption "a red star on a pink background", or write the '
    "edit as: what is there => what to show.",
    "not-in-caption": "Name it in --caption, or write the edit as: what is there => what to show.",
}
"""What to do about a failure, by its code, in this command's words."""


class HintMode(StrEnum):
    guide = "guide"
    limit = "limit"
    exactly = "exactly"


def named_folder(text: str) -> Path:
    """A folder's path; an empty name would be the folder that one is in."""
    if not text:
        raise typer.BadParameter("The folder has no name.")
    return Path(text)


def edit(
    image: Annotated[
        Path, typer.Argument(help="PNG or TIFF (8 or 16 bits), JPEG, WebP, AVIF, BMP, GIF.")
    ],
    instruction: Annotated[
        str, typer.Argument(help='What to change: "make the star blue, remove the cup".')
    ],
    out: Annotated[
        Path,
        typer.Option(
            parser=named_folder, metavar="DIR", help="Where to write; made if it is not there."
        ),
    ],
    algorithm: Annotated[
        str, typer.Option(metavar="NAME", help="auto, foi, ...; a wrong name lists them.")
    ] = "auto",
    hint: Annotated[
        Path | None,
        typer.Option(
            metavar="MASK.png", help="A selection at the picture's size, white is selected."
        ),
    ] = None,
    hint_mode: Annotated[
        HintMode | None,
        typer.Option(
            help="limit: nothing outside (default). guide: it helps to find the place. exactly: "
            "it is the mask."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=limits.MAX_SEED, help="The same seed gives the same picture.")
    ] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, max=limits.MAX_SEEDS, help="Pictures with so many seeds, from --seed on."
        ),
    ] = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="name=value", help="A parameter; may be given again."),
    ] = None,
    caption: Annotated[
        str, typer.Option(help="What the picture shows, for algorithms that want it.")
    ] = "",
    mask_only: Annotated[
        bool, typer.Option("--mask-only", help="Find the mask, change nothing.")
    ] = False,
    keep_transparency: Annotated[
        bool,
        typer.Option(
            "--keep-transparency/--opaque",
            help="Transparent as before, but for what is new; or opaque where it changes.",
        ),
    ] = True,
    full_resolution: Annotated[
        bool,
        typer.Option(
            "--full-resolution/--no-full-resolution",
            help="Edit each place of a large picture at its own resolution; or all at the model's.",
        ),
    ] = True,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Another model, in a server of its own.")
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE:0.8", help="A LoRA and its weight, in a server of its own."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, ...: for a server of its own.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="auto, float32, float16, bfloat16: for a server of its own."),
    ] = None,
    server_url: Annotated[
        str | None,
        typer.Option(
            "--server", metavar="URL", help="This server and no other: https://HOST:PORT."
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its token, in a file of yours alone.")
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="Its certificate's, where no authority has signed it."),
    ] = None,
) -> None:
    """Edit a picture by instruction.

    Uses the server that runs, or starts one for this edit. Writes into DIR: result.png (size, mode
    and colours of IMAGE, a photograph upright), layer.png (RGBA, transparent outside the mask),
    mask.png (soft), masks/1.png, 2.png, ... (by instruction), previews/, report.json (with the
    algorithm that ran and, for auto, why). With --seeds, those of further seeds are
    variants/SEED-result.png, SEED-layer.png and SEED-mask.png. Files of an earlier edit in DIR are
    replaced when all is there; other files never.

    Example:  limn edit scene.png "make the star blue" --seed 7 --out blue-star
    """
    if hint_mode is not None and hint is None:
        raise UsageError("--hint-mode needs a selection.", "Give it with --hint MASK.png.")
    if mask_only and seeds > 1:
        raise UsageError("A mask alone has no seeds.", "Leave out --seeds, or --mask-only.")
    for what, words in (("instruction", instruction), ("caption", caption)):
        if len(words) > limits.MAX_INSTRUCTION:
            raise UsageError(
                f"The {what} has {len(words)} characters; {limits.MAX_INSTRUCTION} are the limit.",
                "Shorten it.",
            )
    try:
        picture = pictures.read(image)
        selection = pictures.read_selection(hint, picture.size) if hint else None
    except PictureError as error:
        raise UsageError(error.sentence, error.remedy) from error
    instruction = agreed(instruction, caption)
    wanted = split_settings(set_ or ())
    loras = [("--lora", one) for one in lora or ()]
    mine = (("--model", model), ("--device", device), ("--precision", precision))
    own = any(value is not None for _, value in mine) or bool(loras)
    elsewhere = named_server(server_url, token_file, own, fingerprint)
    server = [
        part for name, value in (*mine, *loras) if value is not None for part in (name, str(value))
    ]
    submit = Submit(
        job=str(uuid.uuid4()),
        algorithm=algorithm,
        instruction=instruction,
        pixels=picture.pixels(),
        seed=seed,
        hint=selection,
        hint_mode="off" if selection is None else (hint_mode or HintMode.limit).value,
        previews=limits.MAX_PREVIEW_SIDE,
        caption=caption,
        mask_only=mask_only,
        keep_transparency=keep_transparency,
        full_resolution=full_resolution,
        seeds=further(seed, seeds),
    )
    reads = (image, *((hint,) if hint else ()))
    with Delivery(out, reads) as delivery:
        asyncio.run(run(submit, picture, wanted, delivery, server, elsewhere))
    typer.echo(os.fsencode(out / "result.png"))  # bytes: a name need not be valid Unicode


async def run(
    submit: Submit,
    picture: Picture,
    wanted: dict[str, str],
    delivery: Delivery,
    server: Sequence[str],
    elsewhere: Address | None,
) -> None:
    """Send one edit and write its files.

    Raises Trouble, or Interrupted after it is cancelled.
    """
    with ended_by_signals():
        async with joined(server, own=bool(server), elsewhere=elsewhere) as there:
            welcome = there.session.welcome
            check_size(picture.size, welcome)
            parameters = read_settings(wanted, find_algorithm(welcome, submit.algorithm))
            submit = Submit(**(vars(submit) | {"parameters": parameters}))
            arrived = outcome.Outcome(delivery, picture, submit, welcome.model)
            await follow(there, submit, err, arrived.take, REMEDIES)
        for warning in arrived.report["warnings"]:
            err.print("[yellow]note[/]", escape(warning))


def further(seed: int, count: int) -> tuple[int, ...]:
    """The seeds after this one, `count` with it; after the largest comes 0."""
    return tuple((seed + number) % (limits.MAX_SEED + 1) for number in range(1, count))


def named_server(
    url: str | None, token_file: Path | None, own: bool, fingerprint: str | None = None
) -> Address | None:
    """The server that the command line names; None if it names none.

    Raises UsageError.
    """
    if url is None and token_file is None and fingerprint is None:
        return None
    if url is None or token_file is None or own:
        raise UsageError(
            "--server and --token-file go together, and without --model, --lora, --device and "
            "--precision.",
            "For example: --server https://desk.lan:4000 --token-file desk.token",
        )
    pinned = ""
    try:
        if not announcement.LOOPBACK.fullmatch(url):
            url = remote.url_of(url)
            pinned = remote.fingerprint_of(fingerprint) if fingerprint else ""
        elif fingerprint:
            raise ValueError("A server without encryption has no certificate.")
    except ValueError as error:
        raise UsageError(
            f"--server {url!r} can't be used. {error}",
            "Or open a tunnel (ssh -L 4100:127.0.0.1:PORT HOST) and name "
            "ws://127.0.0.1:4100/limn/v1.",
        ) from error
    try:
        return Address(url, announcement.read_token(token_file), fingerprint=pinned)
    except announcement.NotPrivate as error:
        raise UsageError(str(error), f"chmod 600 {token_file}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{token_file} can't be read: {error}.", "Copy it anew.") from error


def agreed(instruction: str, caption: str) -> str:
    """The instruction, or what is proposed instead of it.

    A proposal counts where the instruction was not understood and whoever sits at the terminal
    takes it with Enter. Raises Trouble with the question where nobody answers, or there is nothing
    to propose.
    """
    try:
        question = parse(instruction, caption).question
    except EditError as error:
        raise UsageError(error.sentence, error.remedy) from error
    if question is None:
        return instruction
    if question.proposal and sys.stdin.isatty() and sys.stderr.isatty():
        err.print(escape(question.sentence), "[bold]Enter[/] takes it, Ctrl+C ends.")
        if not input().strip():
            return question.proposal
    again = f"Run it again with {question.proposal!r}. " if question.proposal else ""
    remedy = f"{again}{question.remedy}"
    raise Trouble(question.sentence, remedy)


def split_settings(given: Sequence[str]) -> dict[str, str]:
    """["name=value", ...] -> name: value. Raises UsageError."""
    result = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"--set {setting!r} is not name=value.", "For example: --set gamma=1.5"
            )
        result[name.strip()] = value.strip()
    return result


def find_algorithm(welcome: Welcome, name: str) -> Algorithm:
    """The algorithm of this name, if the server has it and can run it.

    Raises UsageError.
    """
    for algorithm in welcome.algorithms:
        if algorithm.name == name:
            if algorithm.unavailable:
                raise UsageError(f"{algorithm.title} can't run here: {algorithm.unavailable}")
            return algorithm
    raise UsageError(
        f"There is no algorithm {name!r}.",
        f"There are: {', '.join(algorithm.name for algorithm in welcome.algorithms)}.",
    )


def read_settings(given: dict[str, str], algorithm: Algorithm) -> dict[str, Value]:
    """The values of --set in the types that the algorithm declares.

    Raises UsageError; ranges are the server's to check.
    """
    declared = {parameter.name: parameter for parameter in algorithm.parameters}
    for name in given:
        if name not in declared:
            raise UsageError(
                f"{algorithm.title} has no parameter {name!r}.",
                f"It has: {', '.join(declared) or 'none'}.",
            )
    values: dict[str, Value] = {}
    for name, text in given.items():
        try:
            values[name] = parse_value(text, declared[name])
        except ValueError as error:
            raise UsageError(f"{name} can't be {text!r}.", f"Use {error}.") from None
    return values


def check_size(size: tuple[int, int], welcome: Welcome) -> None:
    """Raises UsageError for a picture that this server does not take."""
    width, height = size
    if max(size) > welcome.limits.max_side or width * height > welcome.limits.max_pixels:
        raise UsageError(
            f"The picture is {width} x {height} pixels; this server takes "
            f"{welcome.limits.max_side} a side and "
            f"{welcome.limits.max_pixels} in all.",
            "Crop it.",
        )
