"""A request is read, and all about it decided, before a network is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import auto
from .diffusion.loading import Models
from .errors import EditError
from .language.instruction import Instruction, parse
from .language.prompts import Captions
from .methods.table import ALGORITHMS, PAPERS
from .request import EditRequest, resolve
from .task import Algorithm


@dataclass(frozen=True)
class Prepared:
    """A request that was read, with every decision about it.

    It is all that `edit` needs beside the networks. instruction: the sentence as it was read.
    texts: the captions, for an algorithm that is told by them. settings: of the algorithm's own
    kind. reason: why this algorithm, where Auto has chosen it, for a painter ("TAS:
    changes a pose"), else "".
    """

    request: EditRequest
    instruction: Instruction
    algorithm: Algorithm
    settings: Any
    texts: Captions | None = None
    reason: str = ""


def runnable(models: Models) -> tuple[str, ...]:
    """The papers' algorithms for which the models have every variant.

    Auto chooses from these.
    """
    return tuple(a.name for a in PAPERS if set(a.needs) <= set(models.variants))


def prepare(models: Models, request: EditRequest) -> Prepared:
    """Read a request and settle everything about it, without loading a network.

    Raises EditError for a request that cannot be carried out. Where Auto had chosen by then, the
    error's `choice` tells it. The code "needs-caption" says that the algorithm must know what the
    picture shows, and that neither caption nor instruction tells it. An instruction that raises a
    question is refused with that question: nothing is painted then.
    """
    request.check()
    instruction = parse(request.instruction, request.caption)
    if question := instruction.question:
        raise EditError(question.code, question.sentence, question.remedy, question.proposal)
    name, reason, given = request.algorithm, "", request.parameters
    if name == auto.NAME:
        name, reason = auto.choose(instruction, runnable(models), models.auto)
        given = auto.parameters_for(ALGORITHMS[name], given)
    if name not in ALGORITHMS:
        known = ", ".join((auto.NAME, *ALGORITHMS))
        raise EditError(
            "unknown-algorithm", f"There is no algorithm {name!r}.", f"Choose one of {known}."
        )
    algorithm = ALGORITHMS[name]
    try:
        defaults = models.defaults(algorithm.needs[0], name)
        settings = resolve(algorithm.settings, defaults, given)
        texts = algorithm.texts(instruction)
    except EditError as error:
        error.choice = (name, reason) if reason else None
        raise
    return Prepared(request, instruction, algorithm, settings, texts, reason)
