"""Whose turn it is, and how long those with a wrong token wait."""

from __future__ import annotations

from limn.server import guard
from limn.server.fair_queue import FairQueue


def test_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for entry in ("a1", "a2", "a3", "b1", "c1", "b2"):
        queue.put(entry[0], entry)
    assert queue.ordered() == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert queue.take() == "a1"
    assert queue.remove("b1") and not queue.remove("b1")
    queue.put("d", "d1")
    order = queue.ordered()
    assert order == [queue.take() for _ in range(len(queue))]
    assert order == ["b2", "c1", "a2", "d1", "a3"]


def test_what_is_worth_several_turns_lets_others_pass() -> None:
    """A user with eight seeds an edit gets no more than one with one."""
    queue: FairQueue[str] = FairQueue(lambda entry: int(entry[1]))
    for entry in ("a3", "a1", "b1", "b1", "b1", "b1"):
        queue.put(entry[0], entry)
    order = queue.ordered()
    assert order == [queue.take() for _ in range(len(queue))]
    assert order == ["a3", "b1", "b1", "b1", "a1", "b1"]
    queue.put("a", "a3")
    queue.put("a", "a1")
    assert [queue.take(), queue.take()] == ["a3", "a1"]  # nobody else waits


def test_wrong_tokens_wait_longer_and_longer_and_right_ones_never() -> None:
    now = [0.0]
    wrong = guard.Wrong(lambda: now[0])
    waits = [wrong.wait("a") for _ in range(12)]
    assert waits[: guard.FREE_TRIES] == [0.0] * guard.FREE_TRIES
    assert waits == sorted(waits) and waits[-1] == guard.LONGEST_WAIT
    assert wrong.wait("b") == 0.0
    now[0] = guard.FORGOTTEN_SECONDS + 1
    assert wrong.wait("a") == 0.0
    for number in range(3 * guard.MAX_ADDRESSES):
        wrong.wait(str(number))
    assert len(wrong._tries) == guard.MAX_ADDRESSES
