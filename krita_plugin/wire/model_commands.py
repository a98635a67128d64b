"""Models of the server that is used: what is there, fetching, choosing.

The server decides who may. Only on the painter's word, with licence and size, does it fetch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...protocol.messages import (
    GetModels,
    ListModels,
    ModelList,
    ModelMessage,
    ModelOffered,
    ModelProgress,
    ModelsDone,
    StopGetting,
    UseLoras,
    UseModels,
)
from ..qt import QObject, Signal
from ..translations import tr


class ModelCommands(QObject):
    """What the painter wants of models; signals arrive on the main thread."""

    listed = Signal(object)
    """A ModelList, or None where no server can be had."""
    progressed = Signal(object)
    """A ModelProgress."""
    ended = Signal(str, str)
    """"get" or "use" has ended; why it failed, or ""."""

    def __init__(self, client: Any) -> None:
        """client: `client.Client`."""
        super().__init__()
        self._client = client
        self._gets = self._asks = False
        client.models.connect(self._heard)
        client.welcomed.connect(self._welcomed)
        client.linked.connect(self._linked)

    def ask(self) -> None:
        """Ask what is there; answered by `listed`."""
        self._asks = True
        self._client.about_models(ListModels())

    def get(self, models: Sequence[ModelOffered]) -> None:
        """Fetch models and use them; the painter has agreed to their licences."""
        self._gets = True
        licences = tuple(dict.fromkeys(one.licence for one in models))
        size = sum(one.size for one in models)
        self._client.about_models(GetModels(tuple(one.name for one in models), licences, size))

    def use(self, name: str) -> None:
        """Use a model from now on."""
        self._client.about_models(UseModels((name,)))

    def use_loras(self, percents: Mapping[str, int]) -> None:
        """Put these LoRA files into the model, of each so many percent; no others."""
        self._client.about_models(UseLoras(tuple(percents), tuple(percents.values())))

    def cancel(self) -> None:
        """Stop fetching; what has come is kept, and it goes on there another time."""
        self._client.about_models(StopGetting())

    def _heard(self, message: ModelMessage) -> None:
        if isinstance(message, ModelProgress):
            self._gets = True
            self.progressed.emit(message)
        elif isinstance(message, ModelsDone):
            self._gets = self._gets and message.did != "get"
            self.ended.emit(message.did, f"{tr(message.sentence)} {tr(message.remedy)}".strip())
        else:
            self._asks = False
            self._look(message)
            self.listed.emit(message)

    def _look(self, answer: ModelList) -> None:
        """Fetching has ended while there was no connection: how is not known."""
        if self._gets and not answer.getting:
            self._gets = False
            self.ended.emit("get", "")

    def _welcomed(self, _: Any) -> None:
        if self._gets:  # the connection was lost meanwhile, the server goes on
            self._client.about_models(ListModels())

    def _linked(self, link: Any) -> None:
        if link.kind != "trouble":
            return
        if self._gets:
            self._gets = False
            self.ended.emit("get", str(link.words))
        if self._asks:
            self._asks = False
            self.listed.emit(None)
