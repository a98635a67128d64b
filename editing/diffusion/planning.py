"""Which plan a card is used by, and what has failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ..said import Said
from . import budget, memory, room
from .budget import Demand, Plan, Weights

log = logging.getLogger("limn.models")

GROWN = 1.25
"""A plan that failed is tried again with this many times the memory."""


@dataclass(frozen=True)
class Forecast:
    """How an edit would use a device's memory.

    The plan, bytes that it needs, bytes that are free.
    """

    plan: Plan
    needed: int
    free: int

    @property
    def fits(self) -> bool:
        """Whether there is a plan that is small enough."""
        return self.needed <= self.free


class Planner:
    """Keeps the plan, and what has failed."""

    def __init__(self, device: torch.device, weigh: Callable[[str], Weights]) -> None:
        """weigh: what a variant's networks take."""
        self.plan = budget.ALL
        self.is_tight = False  # nothing else may stay loaded
        self.rate: float | None = None  # bytes a second to the device, as far as it was measured
        self._device = device
        self._weigh = weigh
        self._host = device.type == "cpu"
        self._failed: dict[tuple[Plan, Demand], int] = {}  # the bytes that were free then
        self._demand: Demand | None = None
        self._free = 0

    def choose(self, demand: Demand, loaded: Sequence[str]) -> Said | None:
        """Choose the plan for an edit; what is to be said of it, or None.

        loaded: the variants that Limn holds by now, which may be dropped. Raises EditError where
        the host's memory is too small.
        """
        self._demand, self.is_tight = demand, False
        free = room.free(self._device)
        if free is None:
            return None
        if self._host:
            free += sum(self._weigh(variant).copied for variant in loaded)
        self._free = free
        weights = self._weights(demand)
        if not self._host and not set(demand.variants) <= set(loaded):
            memory.check_host(demand, weights, room.host_free())
        possible = [
            plan for plan in self._plans if free >= GROWN * self._failed.get((plan, demand), 0)
        ] or self._plans[-1:]
        self.plan = budget.choose(possible, free, demand, weights, self._host)
        wanted = budget.needed(self.plan, demand, weights, self._host)
        log.info("memory plan=%s free=%d needed=%d", self.plan.code, free, wanted)
        others = [self._weigh(variant) for variant in loaded if variant not in demand.variants]
        held = sum(one.copied if self._host else one.total for one in others)
        self.is_tight = bool(others) and wanted + held > free
        if self.plan == budget.ALL:
            return None
        seconds = None
        if self.rate is not None:
            seconds = memory.seconds_more(self.plan, demand, weights, self.rate)
        whole = budget.needed(budget.ALL, demand, weights, self._host)
        return memory.told(self.plan, free, whole, seconds)

    def forecast(self, demand: Demand, loaded: Sequence[str]) -> Forecast | None:
        """What `choose` would choose; None where the device tells nothing of its memory."""
        free = room.free(self._device)
        if free is None:
            return None
        if self._host:
            free += sum(self._weigh(variant).copied for variant in loaded)
        weights = self._weights(demand)
        plan = budget.choose(self._plans, free, demand, weights, self._host)
        return Forecast(plan, budget.needed(plan, demand, weights, self._host), free)

    def together(self, demand: Demand, loaded: Sequence[str], most: int) -> int:
        """How many edits fit side by side while everything stays on the card.

        Only their forwards are one: each finds its way back through the network by itself.
        loaded: as for `choose`. Where a device tells nothing of its memory: `most`.
        """
        free = room.free(self._device)
        if free is None:
            return most
        if self._host:
            free += sum(self._weigh(variant).copied for variant in loaded)
        weights = self._weights(demand)
        for count in range(most, 1, -1):
            side_by_side = replace(demand, rows=count * demand.rows)
            if budget.needed(budget.ALL, side_by_side, weights, self._host) <= free:
                return count
        return 1

    def failed(self) -> bool:
        """Memory ran out: leaves out this plan and all that need as much.

        Returns whether one is left.
        """
        demand = self._demand
        if demand is None:
            return False
        weights = self._weights(demand)
        used = budget.needed(self.plan, demand, weights, self._host)
        for plan in self._plans:
            if plan == self.plan or budget.needed(plan, demand, weights, self._host) >= used:
                self._failed[plan, demand] = self._free
        return any((plan, demand) not in self._failed for plan in self._plans)

    def shortage(self) -> str:
        """Why the last edit cannot be done, in figures."""
        if self._demand is None or not self._free:
            return "There was not enough memory for this edit."
        least = budget.needed(
            self._plans[-1], self._demand, self._weights(self._demand), self._host
        )
        return (
            f"There was not enough memory for this edit: it needs about {budget.gigabytes(least)} "
            f"at least, and {budget.gigabytes(self._free)} were free."
        )

    @property
    def _plans(self) -> tuple[Plan, ...]:
        return budget.ON_CPU if self._host else budget.PLANS

    def _weights(self, demand: Demand) -> Mapping[str, Weights]:
        return {variant: self._weigh(variant) for variant in demand.variants}
