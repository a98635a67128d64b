"""What can go wrong with a request, and how the painter is told."""

from __future__ import annotations


class EditError(Exception):
    """A request that cannot be carried out as it stands.

    `code` is stable and for programs, `sentence` says what is wrong, `remedy` what to do about it.
    `proposal`: an instruction that could be meant instead, "" if there is none. `choice`: the
    algorithm that Auto had chosen by then and why, if it had.
    """

    def __init__(self, code: str, sentence: str, remedy: str = "", proposal: str = "") -> None:
        super().__init__(code, sentence, remedy)
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.proposal = proposal
        self.choice: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


class MissingVariant(EditError):
    """The model folder lacks the variant that the algorithm needs."""


class UnreadableModel(EditError):
    """The model folder or file is there, but is not a checkpoint that can be used."""


class NotFinite(EditError):
    """Numbers that are infinite or NaN, which no picture can be made of."""

    def __init__(self, sentence: str) -> None:
        super().__init__(
            "not-finite",
            sentence,
            "Set the parameters back to their defaults. If that does not help, the model's files "
            "may be damaged: fetch them again, or choose another model.",
        )
