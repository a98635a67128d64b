"""What the text-to-image baselines share: where they start and how they end."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from torch import Tensor

from ...diffusion.inversion import Trajectory
from ...diffusion.model import Branch, Model
from ...diffusion.preview import Preview, previewer
from ...diffusion.sampling import Compose, Predict, denoise, unchanged
from ...diffusion.schedule import DDIM, Solver, Timestep, for_strength
from ...events import Event
from ...language.prompts import Captions
from ...task import WHOLE, Found, Outcome, Task, shown
from ..common import inverted, trajectory_of


@dataclass(frozen=True)
class Ground:
    """Where a baseline starts: network, picture, schedule and texts.

    z0: (1, 4, h, w), the picture's scaled latents. timesteps: DDIM's schedule, noisiest first.
    source,
    target, null: branches with the embeddings of what the picture shows, what it shall show, and
    nothing.
    """

    task: Task
    model: Model
    z0: Tensor
    timesteps: tuple[Timestep, ...]
    texts: Captions
    source: Branch
    target: Branch
    null: Branch
    preview: Preview

    def for_strength(self, share: float) -> tuple[Timestep, ...]:
        """The last `share` of the steps; one step at least.

        For an edit that starts part-way.
        """
        return for_strength(self.timesteps, share)

    def inverted(self, text: Tensor) -> Generator[Event, None, Trajectory]:
        """DDIM inversion under a text, one row a step.

        It comes from the cache where an earlier edit of this picture left it.
        """
        return (
            yield from inverted(self.task, self.model, self.z0, text, self.timesteps, self.preview)
        )

    def pinned(
        self, source: Branch, came_from: str, guidance: float
    ) -> Generator[Event, None, Trajectory]:
        """The source branch's latents, by inversion or from the picture's own noise."""
        return (
            yield from trajectory_of(
                self.task,
                self.model,
                self.z0,
                source,
                self.timesteps,
                self.preview,
                came_from,
                guidance,
            )
        )

    def sampled(
        self,
        z: Tensor,
        timesteps: tuple[Timestep, ...],
        predict: Predict,
        compose: Compose = unchanged,
        solver: Solver | None = None,
    ) -> Generator[Event, None, Tensor]:
        """Samples with this guidance rule.

        By DDIM, unless another solver is given.
        """
        steps = denoise(z, timesteps, solver or DDIM(), predict, compose)
        return (yield from shown("denoising", len(timesteps) - 1, steps, self.preview))

    def finished(self, z: Tensor, found: Found = WHOLE) -> Outcome:
        """The answer with the edit's latents."""
        return replace(self.outcome(found), latents=z)

    def outcome(self, found: Found) -> Outcome:
        """The answer with a mask only.

        The mask reaches one latent pixel further in the composite.
        """
        understood = {"source": self.texts.source, "target": self.texts.target}
        if found is WHOLE:
            return Outcome(understood=understood)
        thresholds = {"mask": found.threshold}
        return Outcome(
            found, float(self.model.factor), thresholds=thresholds, understood=understood
        )


def ground(task: Task, steps: int) -> Ground:
    """Encode the picture and the texts."""
    model = task.model("text-to-image")
    texts = task.captions
    z0 = model.scaling * model.encode(task.image)
    return Ground(
        task=task,
        model=model,
        z0=z0,
        timesteps=model.schedule.ddim(steps),
        texts=texts,
        source=Branch("source", model.embed(texts.source)),
        target=Branch("target", model.embed(texts.target)),
        null=Branch("null", model.embed("")),
        preview=previewer(model, z0, task.image),
    )
