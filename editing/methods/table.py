"""All methods by name: found by looking into this folder and its baselines."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from .. import methods
from ..facts import declared
from ..task import Algorithm


def _found() -> Iterator[Algorithm]:
    """The ALGORITHM of every file that has one."""
    for module in pkgutil.walk_packages(methods.__path__, f"{methods.__name__}."):
        if module.name != __name__:
            algorithm = getattr(import_module(module.name), "ALGORITHM", None)
            if isinstance(algorithm, Algorithm):
                yield algorithm


_BY_NAME = {algorithm.name: algorithm for algorithm in _found()}

ALGORITHMS = {name: _BY_NAME[name] for name in declared()}
PAPERS = tuple(algorithm for algorithm in ALGORITHMS.values() if not algorithm.baseline)
