"""What the panel shows.

No Krita, no Qt, no sockets: plain values, and a call to all listeners when one has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..protocol import limits
from ..protocol.messages import (
    Progress,
    Reading,
    Said,
    Welcome,
)
from .pages import Pages
from .panel_settings import DEFAULT_ALGORITHM, HISTORY, PanelSettings
from .panel_values import (
    NO_SERVERS,
    NOT_CONNECTED,
    Link,
    Note,
    Prospect,
    Request,
    ServerList,
    Work,
    place,
)
from .preview_data import WHOLE, GreyPicture, LayerPicture, Look, ResultLook, View, around
from .translations import told, tr

if TYPE_CHECKING:
    from krita import Document


@dataclass
class Panel(PanelSettings):
    """The one state behind all dockers.

    Change it through its methods only; they tell the listeners.
    """

    link: Link = NOT_CONNECTED
    ready_link: Link = NOT_CONNECTED  # what it was before the server fell silent
    servers: ServerList = NO_SERVERS
    device: str = ""
    model: str = ""
    native_size: int = 0  # see Welcome
    most_pixels: int = limits.MAX_PIXELS  # of one edit on the server
    lacks_model: bool = False  # another model is wanted for this picture or these words
    reading: Reading | None = None
    prospect: Prospect | None = None
    work: Work | None = None
    note: Note | None = None
    kept: int = 0
    results: tuple[ResultLook, ...] = ()
    result: str = ""
    part: str = ""  # of a result with a layer for each instruction, the one whose mask is changed
    part_words: str = ""
    part_masks: dict[str, GreyPicture] = field(default_factory=dict)  # by instruction
    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    layer: LayerPicture | None = None
    preview: Look | None = None
    previews_shown: int = 0
    mask: GreyPicture | None = None

    def __post_init__(self) -> None:
        self._pages = Pages(self)

    # --- pictures ---------------------------------------------------------------------------------

    def turn_to(self, picture: Document | None) -> None:
        """This picture is in front: the panel shows its words, its note and its pictures."""
        if self._pages.turn_to(picture):
            self._changed()

    def keep_only(self, is_open: Callable[[Document], bool]) -> None:
        """Forget what belongs to pictures that are closed."""
        self._pages.keep_only(is_open)

    @contextmanager
    def about(self, picture: Document | None) -> Generator[None, None, None]:
        """What is told within the block is about this picture, in front or not."""
        self._silent = True
        try:
            with self._pages.of(picture):
                yield
        finally:
            self._silent = False
        self._changed()

    # --- the chosen result ------------------------------------------------------------------------

    def reshaped(self, growth: int, softness: int) -> None:
        """The sliders of the chosen result's mask stand there."""
        self.shapes[self.part or self.result] = growth, softness
        self._changed()

    def shape(self) -> tuple[int, int]:
        """Where the sliders of the chosen result's mask stand: growth and softness."""
        return self.shapes.get(self.part or self.result, (0, 0))

    # --- what happens -----------------------------------------------------------------------------

    def listed(self, servers: ServerList) -> None:
        """These servers there are now, and one of them is used."""
        self.servers = servers
        self._changed()

    def linked(self, link: Link) -> None:
        """The connection is so now."""
        self.link = link
        self._changed()

    def welcomed(self, welcome: Welcome) -> None:
        """The server has introduced itself: its algorithms become the panel's choice."""
        self.algorithms = welcome.algorithms
        self.device = welcome.device
        self.model = welcome.model
        self.native_size = welcome.native_size
        self.most_pixels = welcome.limits.max_pixels
        usable = [one.name for one in welcome.algorithms if not one.unavailable]
        if self.algorithm not in usable and usable:
            self.algorithm = DEFAULT_ALGORITHM if DEFAULT_ALGORITHM in usable else usable[0]
        if welcome.algorithms and not usable:  # its model can't be used; another can be chosen
            self.note = Note("error", tr(welcome.algorithms[0].unavailable))
        words = tr("{model} on {device}", model=welcome.model, device=welcome.device)
        if self.servers.used:
            words = f"{place(self.servers.used)}: {words}"
        self.link = Link("ready", words, welcome.server)
        self._changed()

    def answers(self, answers: bool) -> None:
        """Whether the server that has introduced itself still answers."""
        if answers and self.link.kind == "silent":
            self.link = self.ready_link
        elif not answers and self.link.kind == "ready":
            self.ready_link = self.link
            words = (
                tr("no answer from {server}; waiting for it", server=place(self.servers.used))
                if self.servers.used
                else "no answer from the server; waiting for it"
            )
            self.link = Link("silent", words, self.link.details)
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
        self.part_masks = {}
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

    def is_corrected(self, corrected: bool) -> None:
        """Whether a found mask is selected that was corrected by hand since."""
        if corrected != self.corrected:
            self.corrected, self.declined = corrected, False
            if corrected and self.mode() != self.hint_mode and self.work is None:
                self.note = Note("quiet", "The mask that you have corrected counts exactly.")
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
            self.work or Work(stage), stage=stage, step=0, count=0, seconds_left=None, number=0
        )
        self._changed()

    def progressed(self, message: Progress) -> None:
        waiting = self.work.waiting if self.work else 0
        self.work = Work(
            message.stage,
            message.step,
            message.count,
            message.seconds_left,
            waiting,
            message.number,
            message.passes,
        )
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

    def masked(
        self, mask: GreyPicture | None, parts: Mapping[str, GreyPicture] | None = None
    ) -> None:
        """The mask by now, and those of several instructions."""
        self.mask = mask
        self.part_masks = {**self.part_masks, **(parts or {})}
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

    def has_results(
        self, results: tuple[ResultLook, ...], chosen: str, part: str = "", words: str = ""
    ) -> None:
        """These results are in the picture in front; `chosen`: the id of one, or empty.

        part: the layer of one of its instructions, and `words` that instruction; or empty.
        """
        now = results, chosen, part, words
        if now != (self.results, self.result, self.part, self.part_words):
            self.results, self.result, self.part, self.part_words = now
            self._changed()
