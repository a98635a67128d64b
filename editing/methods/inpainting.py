"""A text painted into a mask by the inpainting network, from pure noise.

As the stock pipeline does, with DPM-Solver++(2M).
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion.model import Branch, Model
from ..diffusion.preview import previewer
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import DPMSolver, Timestep, randn_like
from ..events import Event
from ..task import Task, shown


@torch.no_grad()
def inpaint(
    task: Task,
    model: Model,
    image: Tensor,
    text: str,
    mask: Tensor,
    count: int,
    weight: float,
) -> Generator[Event, None, Tensor]:
    """Paint the text into the mask from pure noise.

    image: (1, 3, H, W). mask: (1, 1, H, W), 1 where to paint. count: steps. weight: guidance.
    Returns (1, 3, H, W).
    """
    hidden = model.scaling * model.encode(
        torch.where(mask > 0, 0.5, image)
    )  # grey, 0 in the autoencoder's own range
    where = F.interpolate(mask, size=hidden.shape[2:], mode="nearest").to(hidden)
    extra = torch.cat((where, hidden), dim=1)
    branches = (Branch("null", model.embed(""), extra), Branch("text", model.embed(text), extra))
    timesteps = model.schedule.sigmas(count)
    solver = DPMSolver()

    def predict(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        eps = model.predict(solver.scale_model_input(x, now), now.t, branches)
        return classifier_free(eps["null"], eps["text"], weight)

    x = solver.add_noise(torch.zeros_like(hidden), randn_like(hidden, task.generator), timesteps[0])
    picture = previewer(model, model.scaling * model.encode(image), image)
    x = yield from shown(
        "painting the mask", len(timesteps) - 1, denoise(x, timesteps, solver, predict), picture
    )
    return model.decode(x).to(image)
