"""What the server says about the edits that are under way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..protocol import messages
from ..protocol.messages import (
    Cancelled,
    Chosen,
    Done,
    Failed,
    Mask,
    Preview,
    Progress,
    Queued,
    Result,
    Variant,
    Welcome,
)
from .delivery import Delivery
from .document.reading import Source
from .job import Edit, light
from .panel_values import Link, Note, Request
from .place_by_place import PlaceByPlace
from .preview_data import Look, shares
from .qt import QObject
from .sentences import ALL_THE_SAME, QUESTIONS, TAKE_IT
from .state import Panel
from .translations import told, tr
from .under_way import UnderWay
from .wire.client import Client
from .wire.reader import MaskLook

CANCELLED = Note("quiet", "Cancelled. Your picture is as it was.")
SOME_DONE = Note("quiet", "Cancelled. The seeds that were done are in your picture.")
STOPPED = Note("error", "The Limn server was stopped.", "Press Edit to start it again.")


def cancelled(edit: Edit) -> Note:
    """What is said of an edit that was cancelled."""
    return SOME_DONE if edit.delivered else CANCELLED


class Incoming(QObject):
    """Hears the client's signals.

    asked: the edit that ended with a question for a caption, and its layer. unfound: the request
    about a thing that was not found.
    """

    def __init__(
        self,
        panel: Panel,
        client: Client,
        under_way: UnderWay,
        delivery: Delivery,
        places: PlaceByPlace,
    ) -> None:
        super().__init__()
        self._panel = panel
        self._under_way = under_way
        self._delivery = delivery
        self._places = places
        self.asked: tuple[Request, Source] | None = None
        self.unfound: Request | None = None
        client.linked.connect(self.link_changed)
        client.welcomed.connect(self._welcomed)
        client.answers.connect(panel.answers)
        client.received.connect(self.received)

    def link_changed(self, link: Link) -> None:
        """The connection is so now. Without one, edits that were not submitted end."""
        self._panel.linked(link)
        if link.kind in ("trouble", "off"):
            unsubmitted = [one for one in self._under_way if not one.submitted]
            for edit in unsubmitted:
                self._under_way.forget(edit)
            if link.kind == "trouble" and not self._under_way:
                self._panel.ended(Note("error", link.words, link.remedy, link.details))
            elif unsubmitted:
                self._under_way.after(STOPPED, unsubmitted[0])
        elif (
            link.kind == "starting"
            and self._under_way
            and not any(one.submitted for one in self._under_way)
        ):
            self._panel.staged(tr("waiting: {what}", what=tr(link.words)))

    def _welcomed(self, welcome: Welcome) -> None:
        self._panel.welcomed(welcome)
        for edit in self._under_way:
            self._under_way.submit(edit)

    def received(self, message: Any) -> None:
        """Takes a message about a job.

        Those about cancelled and forgotten ones are only acknowledged.
        """
        look = message if isinstance(message, MaskLook) else None
        message = look.message if look else message
        edit = self._under_way.of(message.job)
        if edit is None:
            if isinstance(message, (Done, Failed, Cancelled)):
                self._under_way.client.acknowledge(message.job)
            return
        with self._panel.about(edit.source.document):
            self._heard(edit, message, look)

    def _heard(self, edit: Edit, message: Any, look: MaskLook | None) -> None:
        """A message about an edit that is under way."""
        shown = edit is self._under_way.shown()
        if isinstance(message, Queued) and shown:
            self._panel.queued(message.ahead, len(self._under_way) - 1, message.seconds_left)
        elif isinstance(message, Chosen) and shown:
            self._panel.chose(told(message.said) or message.reason)
        elif isinstance(message, messages.Note) and shown:
            if edit.course is None or message.said.code != "places":  # it counts its own
                self._panel.foretold(message.said)
        elif isinstance(message, Progress) and shown:
            self._panel.progressed(self._places.progressed(edit, message))
        elif isinstance(message, Preview) and shown:
            view = shares(message.shows, *edit.sent)
            self._panel.previewed(Look(message.picture.data or b"", view))
        elif isinstance(message, Mask):
            edit.mask = message if message.final else edit.mask
            if shown and look is not None:
                self._panel.masked(look.picture, look.parts)
        elif isinstance(message, Result):
            edit.result = message.area
        elif isinstance(message, Variant):
            self._delivery.part(edit, message)
        elif isinstance(message, Done) and edit.course is not None:
            self._places.heard(edit, message)
        elif isinstance(message, Failed) and self._places.broken_off(edit, message):
            pass  # what was done is on its way into the picture
        elif isinstance(message, Done):
            edit.done = message
            if edit.request.seeds:  # it is that of the last seed
                edit.request = replace(edit.request, seed=message.seed, seeds=())
                edit.variants = edit.variants or edit.job
            if shown and message.reason:
                # for an edit whose connection was lost when it was chosen
                self._panel.chose(told(message.chosen) or message.reason)
            self._delivery.finish(edit)
        elif isinstance(message, Failed):
            self._under_way.client.acknowledge(message.job)
            remedy, _, details = message.remedy.partition("\n")
            sentence = message.sentence
            if message.said:
                sentence, remedy = told(message.said[0]), " ".join(map(told, message.said[1:]))
            self._under_way.forget(edit)
            details = f"{message.code}\n{details}\n{edit.details(self._panel.link)}".strip()
            question = QUESTIONS.get(message.code)
            if message.code == "not-found":
                self.unfound = replace(edit.request, seed=0, seeds=())
                self._under_way.after(Note("quiet", sentence, ALL_THE_SAME, details), edit)
            elif message.proposal:
                self._under_way.after(Note("quiet", sentence, TAKE_IT, details), edit)
                self._panel.proposed(message.proposal, edit.request.instruction)
            elif question is None:
                self._under_way.after(Note("error", sentence, remedy, details), edit)
            else:
                self.asked = (edit.request, light(edit.source))
                self._under_way.after(Note("quiet", sentence, "", details), edit)
                self._panel.asked(tr(question))
        elif isinstance(message, Cancelled):
            self._under_way.client.acknowledge(message.job)
            self._under_way.forget(edit)
            self._under_way.after(cancelled(edit), edit)
