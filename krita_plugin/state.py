"""What the panel shows and remembers.

No Krita, no Qt, no sockets: plain values, and a call to all listeners when one has changed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..protocol import limits, remote
from ..protocol.messages import (
    HINT_MODES,
    Algorithm,
    HintMode,
    Parameter,
    Progress,
    Reading,
    Said,
    Value,
    Welcome,
)
from ..protocol.parameters import fits
from .catalogue import told, tr
from .pages import Pages
from .preview_data import WHOLE, GreyPicture, LayerPicture, Look, ResultLook, View, around

HISTORY = 50
"""Instructions remembered for Up and Down: more than anybody walks through."""


MOST_SECONDS = 24 * 3600
"""A remembered time beyond a day is a damaged file's."""

DEFAULT_ALGORITHM = "auto"


@dataclass(frozen=True)
class Link:
    """The connection, for the panel's last line.

    `remedy`: what to do, where there is trouble.
    """

    kind: Literal["off", "starting", "ready", "trouble"]
    words: str
    details: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class ServerList:
    """Servers on other machines.

    known: their addresses. used: the one that is used; "" is this computer's own. asked: the
    fingerprint of its certificate, where the painter has to say whether it is the right one.
    """

    known: tuple[str, ...] = ()
    used: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Work:
    """An edit that is running.

    `step` of `count` done in `stage`; count 0: unknown. `waiting`: further edits of the painter's
    own.
    """

    stage: str
    step: int = 0
    count: int = 0
    seconds_left: float | None = None
    waiting: int = 0


@dataclass(frozen=True)
class Note:
    """One sentence where progress stood, what to do about it, and details to copy."""

    kind: Literal["quiet", "good", "error"]
    sentence: str
    remedy: str = ""
    details: str = ""


@dataclass(frozen=True)
class Request:
    """What the painter asks for, complete: all that an edit needs besides the layer.

    ask: where the thing to change is not found, ask instead of editing something else.
    """

    instruction: str
    algorithm: str
    parameters: Mapping[str, Value]
    seed: int
    hint_mode: HintMode
    mask_only: bool = False
    caption: str = ""
    keep_transparency: bool = True
    flat: bool = False
    ask: bool = False


@dataclass(frozen=True)
class Prospect:
    """What the next edit would be of.

    mode: what the selection means to it, "" where none counts. width, height: of what would be sent
    of the layer, in pixels.
    """

    mode: str
    width: int
    height: int


NOT_CONNECTED = Link("off", "not connected")


@dataclass
class Panel:
    """The one state behind all dockers.

    Change it through its methods only; they tell the listeners.
    """

    link: Link = NOT_CONNECTED
    servers: ServerList = ServerList()
    device: str = ""
    model: str = ""
    lacks_model: bool = False  # another model is wanted for this picture or these words
    algorithms: tuple[Algorithm, ...] = ()
    algorithm: str = DEFAULT_ALGORITHM
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    choice: str = ""
    instruction: str = ""
    caption: str = ""
    question: str = ""
    reading: Reading | None = None
    prospect: Prospect | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    hint_mode: HintMode = "limit"
    keep_transparency: bool = True
    flat: bool = False
    history: list[str] = field(default_factory=list)
    more: bool = False
    work: Work | None = None
    note: Note | None = None
    kept: int = 0
    seeds: int = 1
    results: tuple[ResultLook, ...] = ()
    result: str = ""
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    layer: LayerPicture | None = None
    preview: Look | None = None
    previews_shown: int = 0
    mask: GreyPicture | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _silent: bool = False

    def __post_init__(self) -> None:
        self._pages = Pages(self)

    # --- pictures ---------------------------------------------------------------------------------

    def turn_to(self, picture: Any) -> None:
        """This picture is in front: the panel shows its words, its note and its pictures."""
        if self._pages.turn_to(picture):
            self._changed()

    def keep_only(self, is_open: Callable[[Any], bool]) -> None:
        """Forget what belongs to pictures that are closed."""
        self._pages.keep_only(is_open)

    @contextmanager
    def about(self, picture: Any) -> Generator[None, None, None]:
        """What is told within the block is about this picture, in front or not."""
        self._silent = True
        try:
            with self._pages.of(picture):
                yield
        finally:
            self._silent = False
        self._changed()

    # --- what the painter sets --------------------------------------------------------------------

    def set_instruction(self, text: str) -> None:
        if (text := text[: limits.MAX_INSTRUCTION]) != self.instruction:
            self.instruction = text
            self._changed()

    def set_algorithm(self, name: str) -> None:
        if name != self.algorithm:
            self.algorithm, self.choice, self.question = name, "", ""
            self._changed()

    def set_caption(self, text: str) -> None:
        if (text := text[: limits.MAX_INSTRUCTION]) != self.caption:
            self.caption = text
            self._changed()

    def set_value(self, name: str, value: Value) -> None:
        self.values.setdefault(self.algorithm, {})[name] = value

    def set_seed(self, seed: int) -> None:
        self.seed = max(0, min(seed, limits.MAX_SEED))

    def set_hint_mode(self, mode: HintMode) -> None:
        self.hint_mode = mode
        self._changed()

    def set_keep_transparency(self, kept: bool) -> None:
        self.keep_transparency = kept
        self._changed()

    def set_flat(self, flat: bool) -> None:
        """Whether a result has its mask in its own alpha, and no mask to paint on."""
        self.flat = flat
        self._changed()

    def reshaped(self, growth: int, softness: int) -> None:
        """The sliders of the chosen result's mask stand there."""
        self.shapes[self.result] = growth, softness
        self._changed()

    def shape(self) -> tuple[int, int]:
        """Where the sliders of the chosen result's mask stand: growth and softness."""
        return self.shapes.get(self.result, (0, 0))

    def set_seeds(self, count: int) -> None:
        """How many seeds an edit is made with."""
        self.seeds = count
        self._changed()

    def set_more(self, shown: bool) -> None:
        self.more = shown
        self._changed()

    def new_seed(self) -> int:
        """Another seed, shown in the panel from now on. Six digits: easily noted down."""
        self.seed = random.randrange(1_000_000)
        self._changed()
        return self.seed

    # --- what is asked for ------------------------------------------------------------------------

    def chosen(self) -> Algorithm | None:
        """The announced algorithm of the panel's choice.

        None before the server has announced any.
        """
        return next((one for one in self.algorithms if one.name == self.algorithm), None)

    def offered(self) -> tuple[Algorithm, ...]:
        """The algorithms to choose from.

        Earlier methods behind "more" only, but always the one that is chosen.
        """
        return tuple(
            one
            for one in self.algorithms
            if self.more or not one.baseline or one.name == self.algorithm
        )

    def caption_use(self) -> str:
        """What a caption is to the chosen algorithm: "unused", "useful" or "needed"."""
        algorithm = self.chosen()
        return algorithm.caption if algorithm is not None else "useful"

    def caption_shown(self) -> bool:
        """Whether the caption has a place in the panel.

        One that stands there is always seen, for it has a say in the next edit.
        """
        use = self.caption_use()
        return use != "unused" and (
            use == "needed" or self.more or bool(self.caption) or bool(self.question)
        )

    def value(self, parameter: Parameter) -> Value:
        """What the panel shows for a parameter.

        The painter's choice if it still fits the schema, else the default.
        """
        value = self.values.get(self.algorithm, {}).get(parameter.name, parameter.default)
        return value if fits(value, parameter) else parameter.default

    def settings(self, algorithm: Algorithm) -> dict[str, Value]:
        """What the painter has set for an algorithm, as far as it fits and is no default."""
        kept = self.values.get(algorithm.name, {})
        return {
            one.name: kept[one.name]
            for one in algorithm.parameters
            if one.name in kept and fits(kept[one.name], one) and kept[one.name] != one.default
        }

    def request(self, mask_only: bool = False) -> Request:
        """What the panel asks for now; parameters that equal their defaults are left out."""
        algorithm = self.chosen()
        parameters = (
            {} if algorithm is None else {one.name: self.value(one) for one in algorithm.parameters}
        )
        defaults = (
            {} if algorithm is None else {one.name: one.default for one in algorithm.parameters}
        )
        changed = {name: value for name, value in parameters.items() if value != defaults[name]}
        caption = "" if self.caption_use() == "unused" else self.caption.strip()
        return Request(
            self.instruction.strip(),
            self.algorithm,
            changed,
            self.seed,
            self.hint_mode,
            mask_only,
            caption,
            self.keep_transparency,
            self.flat,
            ask=not mask_only,
        )

    # --- what happens -----------------------------------------------------------------------------

    def listed(self, servers: ServerList) -> None:
        """These servers there are now, and one of them is used."""
        self.servers = servers
        self._changed()

    def linked(self, link: Link) -> None:
        self.link = link
        self._changed()

    def welcomed(self, welcome: Welcome) -> None:
        """The server has introduced itself: its algorithms become the panel's choice."""
        self.algorithms = welcome.algorithms
        self.device = welcome.device
        self.model = welcome.model
        usable = [one.name for one in welcome.algorithms if not one.unavailable]
        if self.algorithm not in usable and usable:
            self.algorithm = DEFAULT_ALGORITHM if DEFAULT_ALGORITHM in usable else usable[0]
        words = tr("{model} on {device}", model=welcome.model, device=welcome.device)
        if self.servers.used:
            words = f"{place(self.servers.used)}: {words}"
        self.link = Link("ready", words, welcome.server)
        self._changed()

    def foretold(self, said: Said) -> None:
        """Something is known before the edit ends: it is shown while it runs."""
        if said.code == "get-a-model":
            self.lacks_model = True
        else:
            before = "" if self.note is None else f"{self.note.sentence} "
            self.note = Note("quiet", f"{before}{told(said)}")
        self._changed()

    def began(self, request: Request, stage: str, layer: LayerPicture | None = None) -> None:
        """An edit has begun: the pictures of the last one go.

        `layer`: its own, where it has been read already.
        """
        self.lacks_model = False
        self.history = [
            *(old for old in self.history if old != request.instruction),
            request.instruction,
        ][-HISTORY:]
        self.choice = self.question = ""
        self.work, self.note, self.layer, self.preview, self.mask, self.previews_shown = (
            Work(stage),
            None,
            layer,
            None,
            None,
            0,
        )
        self._changed()

    def layer_read(self, layer: LayerPicture) -> None:
        """This is what is being edited, before anything has come of it."""
        self.layer = layer
        self._changed()

    def chose(self, words: str) -> None:
        """Auto has chosen an algorithm, and says which and why."""
        self.choice = words
        self._changed()

    def asked(self, question: str) -> None:
        """An edit has ended because the caption lacks something.

        It begins again when the painter has written it.
        """
        self.question = question
        self._changed()

    def unseeded(self, name: str) -> str:
        """The title of an algorithm to which the seed is nothing; "" for all others."""
        return next(
            (one.title for one in self.algorithms if one.name == name and not one.seeded), ""
        )

    def proposed(self, proposal: str, instead_of: str) -> None:
        """Another instruction could be meant: it is what Enter edits now.

        What the painter has begun to write since then stays.
        """
        if self.instruction.strip() == instead_of:
            self.instruction = proposal
            self._changed()

    def was_read(self, reading: Reading | None) -> None:
        """The words are understood so; None: nobody has read them."""
        if reading != self.reading:
            self.reading = reading
            self._changed()

    def foresees(self, prospect: Prospect | None) -> None:
        """The next edit would be of this; None: there would be none."""
        if prospect != self.prospect:
            self.prospect = prospect
            self._changed()

    def took(self, algorithm: str, seconds: float) -> None:
        """An edit by this algorithm has taken so long: the next will take about as long."""
        self.seconds[algorithm] = round(seconds, 1)

    def staged(self, stage: str) -> None:
        """The running edit is at this stage; nothing is counted."""
        self.work = replace(
            self.work or Work(stage), stage=stage, step=0, count=0, seconds_left=None
        )
        self._changed()

    def progressed(self, message: Progress) -> None:
        waiting = self.work.waiting if self.work else 0
        self.work = Work(message.stage, message.step, message.count, message.seconds_left, waiting)
        self._changed()

    def queued(self, ahead: int, waiting: int, seconds_left: float | None = None) -> None:
        """The server has it; `ahead` edits come first, for `seconds_left` if known."""
        stage = f"waiting for its turn, {ahead} before it" if ahead else "starting"
        self.work = replace(
            self.work or Work(stage), stage=stage, waiting=waiting, seconds_left=seconds_left
        )
        self._changed()

    def waits(self, count: int) -> None:
        """So many further edits wait behind the one that is shown, which goes on."""
        self.work, self.note = (
            replace(self.work or Work("waiting for its turn"), waiting=count),
            None,
        )
        self._changed()

    def previewed(self, look: Look) -> None:
        self.preview = look
        self.previews_shown += 1
        self._changed()

    def view(self) -> View:
        """What both small pictures show."""
        return WHOLE if self.preview is None else around(self.preview.shows)

    def masked(self, mask: GreyPicture | None) -> None:
        self.mask = mask
        self._changed()

    def ended(self, note: Note) -> None:
        """No edit is running any more."""
        self.work, self.note = None, note
        self._changed()

    def noted(self, note: Note | None) -> None:
        """A message that does not end a running edit."""
        self.note = note
        self._changed()

    def keeps(self, count: int) -> None:
        """How many results wait to be opened.

        They could not go into their pictures.
        """
        self.kept = count
        self._changed()

    def has_results(self, results: tuple[ResultLook, ...], chosen: str) -> None:
        """These results are in the picture in front; `chosen`: the id of one, or empty."""
        if (results, chosen) != (self.results, self.result):
            self.results, self.result = results, chosen
            self._changed()

    def _changed(self) -> None:
        if self._silent:
            return
        for listener in tuple(self.listeners):
            listener()

    # --- what is remembered -----------------------------------------------------------------------

    def remembered(self) -> str:
        """The settings that last beyond this run of Krita, as JSON."""
        return json.dumps(
            {
                "algorithm": self.algorithm,
                "values": self.values,
                "seed": self.seed,
                "hint_mode": self.hint_mode,
                "keep_transparency": self.keep_transparency,
                "flat": self.flat,
                "history": self.history,
                "more": self.more,
                "seconds": self.seconds,
            }
        )

    def recall(self, text: str) -> None:
        """Take over remembered settings.

        What does not fit (an older version, a damaged file) is left at its default.
        """
        try:
            memory = json.loads(text) if text else {}
        except ValueError:
            return
        if not isinstance(memory, dict):
            return
        if isinstance(memory.get("algorithm"), str):
            self.algorithm = memory["algorithm"]
        if isinstance(memory.get("values"), dict):
            self.values = {
                str(name): dict(values)
                for name, values in memory["values"].items()
                if isinstance(values, dict)
            }
        if type(memory.get("seed")) is int:
            self.set_seed(memory["seed"])
        if memory.get("hint_mode") in HINT_MODES:
            self.hint_mode = memory["hint_mode"]
        self.keep_transparency = memory.get("keep_transparency") is not False
        self.flat = memory.get("flat") is True
        if isinstance(memory.get("history"), list):
            self.history = [one for one in memory["history"] if isinstance(one, str)][-HISTORY:]
        self.more = memory.get("more") is True
        if isinstance(memory.get("seconds"), dict):
            self.seconds = {
                str(name): float(taken)
                for name, taken in memory["seconds"].items()
                if isinstance(taken, (int, float)) and 0 < taken < MOST_SECONDS
            }


def place(url: str) -> str:
    """A server on another machine as a painter names it: desk.lan:4000."""
    host, port = remote.host_and_port(url)
    return f"{remote.bracketed(host)}:{port}"
