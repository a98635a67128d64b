"""What the server counts, for Prometheus: jobs, seconds, rows, bytes, workers.

Never words, pixels or tokens; a user only by the name that `limn users add` was given.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable

import prometheus_client
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from limn.protocol.messages import Done, Failed, JobMessage

from .engine import WorkerState

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
"""Upper bounds of the histograms: a preview's step to a large edit on a CPU."""


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = prometheus_client.CollectorRegistry()
        self._ended = prometheus_client.Counter(
            "limn_jobs_ended", "Jobs by their end", ["user", "end", "code"], registry=registry
        )
        self._seconds = prometheus_client.Histogram(
            "limn_job_seconds", "Seconds of jobs that were carried out", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self._stages = prometheus_client.Histogram(
            "limn_stage_seconds", "Seconds by stage", ["stage"], buckets=SECONDS, registry=registry
        )
        self._rows = prometheus_client.Counter(
            "limn_rows", "Rows through the UNet, by algorithm", ["algorithm"], registry=registry
        )
        self._bytes = prometheus_client.Counter(
            "limn_picture_bytes", "Bytes of pictures", ["direction"], registry=registry
        )

    def received(self, size: int) -> None:
        """Pictures of a job have come, with so many bytes."""
        self._bytes.labels("received").inc(size)

    def ended(self, user: str, end: JobMessage, seconds: float, size: int) -> None:
        """A job has ended after `seconds` of work; its pictures have `size` bytes."""
        code = end.code if isinstance(end, Failed) else ""
        self._ended.labels(user, type(end).__name__.lower(), code).inc()
        self._bytes.labels("made").inc(size)
        if isinstance(end, Done):
            self._seconds.observe(seconds)
            self._rows.labels(end.algorithm).inc(end.rows)
            for stage, took in end.seconds.items():
                self._stages.labels(stage).observe(took)

    def watch(
        self,
        counts: Callable[[], tuple[int, int, int]],
        workers: Callable[[], tuple[WorkerState, ...]],
        connections: Callable[[], int],
    ) -> None:
        """Tell these, too, as they are when somebody asks. counts: see `Jobs.counts`."""
        self._registry.register(_Now(counts, workers, connections))

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return prometheus_client.generate_latest(self._registry)


class _Now(Collector):
    """Values that are read when they are asked for."""

    def __init__(
        self,
        counts: Callable[[], tuple[int, int, int]],
        workers: Callable[[], tuple[WorkerState, ...]],
        connections: Callable[[], int],
    ) -> None:
        self._counts = counts
        self._workers = workers
        self._connections = connections

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("limn_jobs", "Jobs by state", labels=["state"])
        for state, count in zip(("waiting", "running", "kept"), self._counts(), strict=True):
            jobs.add_metric([state], count)
        yield jobs
        yield GaugeMetricFamily("limn_connections", "Open connections", self._connections())
        workers = GaugeMetricFamily("limn_workers", "Workers by state", labels=["state"])
        memory = GaugeMetricFamily(
            "limn_graphics_memory_bytes", "Graphics memory that a worker holds",
            labels=["worker", "device"],
        )  # fmt: skip
        states = self._workers()
        for name, number in Tally(worker.state for worker in states).items():
            workers.add_metric([name], number)
        for place, worker in enumerate(states):
            memory.add_metric([str(place), worker.device], worker.memory)
        yield workers
        yield memory
