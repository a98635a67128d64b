"""A queue that is fair to its users.

They take turns, and each one's own order is kept.

Round robin over users (J. Nagle, "On Packet Switches With Infinite Storage", RFC 970, 1985): who
has queued a hundred edits waits no shorter than who has queued one. Our own, because a queue that
can tell each entry's place and take one out of the middle is in no library that Limn has.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class FairQueue(Generic[Entry]):
    """Entries by user."""

    def __init__(self) -> None:
        self._by_user: dict[str, deque[Entry]] = {}  # whose turn it is comes first
        self._turn: list[str] = []

    def __len__(self) -> int:
        return sum(map(len, self._by_user.values()))

    def put(self, user: str, entry: Entry) -> None:
        """Add an entry behind this user's others.

        A new user's turn comes after everybody's.
        """
        if user not in self._by_user:
            self._by_user[user] = deque()
            self._turn.append(user)
        self._by_user[user].append(entry)

    def take(self) -> Entry:
        """The next entry. IndexError if there is none."""
        user = self._turn.pop(0)
        entry = self._by_user[user].popleft()
        if self._by_user[user]:
            self._turn.append(user)
        else:
            del self._by_user[user]
        return entry

    def remove(self, entry: Entry) -> bool:
        """Take an entry out; whether it was there."""
        for user, entries in self._by_user.items():
            if entry in entries:
                entries.remove(entry)
                if not entries:
                    del self._by_user[user]
                    self._turn.remove(user)
                return True
        return False

    def ordered(self) -> list[Entry]:
        """All entries in the order in which they will be taken if none comes."""
        left = [deque(self._by_user[user]) for user in self._turn]
        order: list[Entry] = []
        while left:
            order += [entries.popleft() for entries in left]
            left = [entries for entries in left if entries]
        return order
