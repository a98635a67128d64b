"""One edit by FoI with the tiny model."""

from __future__ import annotations

from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.bench import metrics
from limn.editing.bench.quality_cases import Case
from limn.editing.events import Done

FEW = {"steps": 10}  # 8 of them run, 6 of those disentangled


# Eq. 2 and 8


# Eq. 3 to 7


# Eq. 1 and 9


# The procedure


def run(
    models: Models,
    image: Tensor,
    instruction: str = "make the star blue",
    algorithm: str = "foi",
    **options: object,
) -> Done:
    parameters = {**FEW, **options.pop("parameters", {})}  # type: ignore[dict-item]
    *_, last = edit(
        models, EditRequest(algorithm, instruction, image, parameters=parameters, **options)
    )  # type: ignore[arg-type]
    assert isinstance(last, Done)
    return last


def error_inside(models: Models, case: Case, steps: int, detail: str) -> float:
    """How far an edit is from the exact answer, inside the exact mask."""
    options = {"steps": steps, "detail": detail}
    request = EditRequest("foi", case.words.instruction, case.before, parameters=options)
    done = next(event for event in edit(models, request) if isinstance(event, Done))
    error = metrics.change(done.image, case.after, case.exact).inside
    assert error is not None
    return error
