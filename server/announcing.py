"""The algorithms, as a client is told of them."""

from __future__ import annotations

from dataclasses import replace

from limn import editing
from limn.protocol.messages import Algorithm, Parameter


def announce(models: editing.Models) -> tuple[Algorithm, ...]:
    """Auto, then every algorithm with its parameters.

    Defaults are the model's own where it has some. Raises EditError for bad ones.
    """
    return (
        _auto(models),
        *(_one(models, algorithm) for algorithm in editing.ALGORITHMS.values()),
    )


def _auto(models: editing.Models) -> Algorithm:
    auto = editing.auto
    why = (
        ""
        if editing.runnable(models)
        else f"The model {models.name} has the variants for none of its algorithms."
    )
    return Algorithm(
        auto.NAME,
        auto.TITLE,
        auto.SUMMARY,
        tuple(map(_announced, auto.parameters())),
        why,
        caption="useful",
    )


def _one(models: editing.Models, algorithm: editing.Algorithm) -> Algorithm:
    missing = [variant for variant in algorithm.needs if variant not in models.variants]
    own = _defaults(models, algorithm)
    parameters = tuple(
        _announced(replace(p, default=own.get(p.name, p.default))) for p in algorithm.parameters
    )
    why = (
        f"The model {models.name} has no {' and no '.join(missing)} variant, which "
        "this algorithm needs."
        if missing
        else ""
    )
    return Algorithm(
        algorithm.name,
        algorithm.title,
        algorithm.summary,
        parameters,
        why,
        algorithm.baseline,
        algorithm.caption,
        algorithm.seeded,
        algorithm.purpose,
    )


def _defaults(
    models: editing.Models, algorithm: editing.Algorithm
) -> dict[str, editing.request.Value]:
    """The model's own defaults for an algorithm, checked.

    Raises EditError that names its notes.
    """
    try:
        own = dict(models.defaults(algorithm.needs[0], algorithm.name))
        declared = {parameter.name: parameter for parameter in algorithm.parameters}
        return {name: declared[name].check(value) for name, value in own.items()}
    except editing.EditError as error:
        why, remedy = error.sentence, error.remedy
    except KeyError as error:
        why, remedy = (
            f"There is no parameter {error.args[0]!r}.",
            f"Known are: {', '.join(declared)}.",
        )
    except (AttributeError, TypeError, ValueError):
        why, remedy = "They are no table.", 'Write them as {"steps": 40}.'
    where = (
        f"The defaults of {algorithm.name} in the limn.json of the model "
        f"{models.name} can't be used."
    )
    raise editing.EditError("bad-defaults", f"{where} {why}", remedy)


def _announced(p: editing.Parameter) -> Parameter:
    return Parameter(
        p.name, p.kind, p.default, p.minimum, p.maximum, p.choices, p.help, p.front, p.title
    )
