"""A queue that is fair to its users.

They take turns, and each one's own order is kept. What is worth several turns is taken at its
user's turn, who then lets as many of the others' pass.

Round robin over users (J. Nagle, "On Packet Switches With Infinite Storage", RFC 970, 1985), with
what a user still owes kept as in deficit round robin (M. Shreedhar, G. Varghese, SIGCOMM 1995): who
has queued a hundred edits waits no shorter than who has queued one. Our own, because a queue that
can tell each entry's place and take one out of the middle is in no library that Limn has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class FairQueue(Generic[Entry]):
    """Entries by user."""

    def __init__(self, turns: Callable[[Entry], int] = lambda entry: 1) -> None:
        """turns: how many an entry is worth, at least 1."""
        self._turns = turns
        self._by_user: dict[str, deque[Entry]] = {}
        self._order: list[str] = []  # whose turn it is comes first
        self._owed: dict[str, int] = {}  # turns that a user has had too many

    def __len__(self) -> int:
        return sum(map(len, self._by_user.values()))

    def put(self, user: str, entry: Entry) -> None:
        """Add an entry behind this user's others.

        A new user's turn comes after everybody's.
        """
        if user not in self._by_user:
            self._by_user[user] = deque()
            self._order.append(user)
        self._by_user[user].append(entry)

    def take(self) -> Entry:
        """The next entry. IndexError if there is none."""
        return _take(self._by_user, self._order, self._owed, self._turns)

    def remove(self, entry: Entry) -> bool:
        """Take an entry out; whether it was there."""
        for user, entries in self._by_user.items():
            if entry in entries:
                entries.remove(entry)
                if not entries:
                    del self._by_user[user]
                    self._order.remove(user)
                return True
        return False

    def ordered(self) -> list[Entry]:
        """All entries in the order in which they will be taken if none comes."""
        by_user = {user: deque(entries) for user, entries in self._by_user.items()}
        order, owed = list(self._order), dict(self._owed)
        return [_take(by_user, order, owed, self._turns) for _ in range(len(self))]


def _take(
    by_user: dict[str, deque[Entry]],
    order: list[str],
    owed: dict[str, int],
    turns: Callable[[Entry], int],
) -> Entry:
    """Take the next entry out of these, and note what its user owes."""
    if len(order) < 2:
        owed.clear()  # nobody else waits
    while owed.get(order[0], 0):
        user = order.pop(0)
        owed[user] -= 1
        order.append(user)
    user = order.pop(0)
    entry = by_user[user].popleft()
    if order:
        owed[user] = turns(entry) - 1
    if by_user[user]:
        order.append(user)
    else:
        del by_user[user]
    return entry
