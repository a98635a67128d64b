"""What the text-to-image baselines share: where they start, how they end, and that they have no
mask.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...diffusion.inversion import Trajectory
from ...diffusion.model import Branch, Model
from ...diffusion.preview import Preview, previewer
from ...diffusion.sampling import Compose, Predict, denoise, unchanged
from ...diffusion.schedule import DDIM, Moment, Solver, late
from ...events import Event, Stage
from ...language.prompts import Captions, captions
from ...task import Found, Outcome, Task, shown
from ..common import inverted

WHOLE = Found(torch.ones(1, 1, 1, 1), 0.5)
"""The mask of a method that has none: the whole picture may change."""


@dataclass(frozen=True)
class Ground:
    """Where a baseline starts: network, picture, ladder and texts.

    z0: (1, 4, h, w), the picture's scaled latents. moments: DDIM's ladder, noisiest first. source,
    target, null: branches with the embeddings of what the picture shows, what it shall show, and
    nothing.
    """

    task: Task
    model: Model
    z0: Tensor
    moments: tuple[Moment, ...]
    texts: Captions
    source: Branch
    target: Branch
    null: Branch
    preview: Preview

    def late(self, share: float) -> tuple[Moment, ...]:
        """The last `share` of the ladder, for an edit that starts part-way; one step at least."""
        return late(self.moments, share)

    def inverted(self, text: Tensor) -> Generator[Event, None, Trajectory]:
        """DDIM inversion under a text, one row a step; from the shelf where an earlier edit of this
        picture left it.
        """
        return (
            yield from inverted(self.task, self.model, self.z0, text, self.moments, self.preview)
        )

    def sampled(
        self,
        z: Tensor,
        moments: tuple[Moment, ...],
        predict: Predict,
        compose: Compose = unchanged,
        solver: Solver | None = None,
    ) -> Generator[Event, None, Tensor]:
        """Walk down the ladder with this guidance rule; DDIM unless another solver is given."""
        steps = denoise(z, moments, solver or DDIM(), predict, compose)
        return (yield from shown("denoising", len(moments) - 1, steps, self.preview))

    def finished(
        self, z: Tensor, found: Found = WHOLE, thresholds: dict[str, float] | None = None
    ) -> Generator[Event, None, Outcome]:
        """Decode the latents."""
        yield Stage("decoding")
        return self.outcome(self.model.decode(z), found, thresholds)

    def outcome(
        self, image: Tensor | None, found: Found = WHOLE, thresholds: dict[str, float] | None = None
    ) -> Outcome:
        """The answer with a picture, or with a mask only; a mask reaches one latent pixel further
        in the composite.
        """
        understood = {"source": self.texts.source, "target": self.texts.target}
        reach = 0.0 if found is WHOLE else float(self.model.factor)
        return Outcome(image, found, reach, thresholds=thresholds or {}, understood=understood)


def ground(task: Task, steps: int, needs_source: bool = True) -> Ground:
    """Encode the picture and read the texts.

    Raises EditError if the source text is needed and cannot be told.
    """
    model = task.model("text-to-image")
    texts = captions(task.instruction, required=needs_source)
    z0 = model.scaling * model.encode(task.image)
    return Ground(
        task=task,
        model=model,
        z0=z0,
        moments=model.schedule.ddim(steps),
        texts=texts,
        source=Branch("source", model.embed(texts.source)),
        target=Branch("target", model.embed(texts.target)),
        null=Branch("null", model.embed("")),
        preview=previewer(model, z0, task.image),
    )


def maskless(start: Ground) -> Generator[Event, None, Outcome]:
    """The answer to "find the mask" of a method without one."""
    yield start.task.mask(WHOLE)
    return start.outcome(None)
