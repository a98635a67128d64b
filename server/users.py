"""Who may use a server that other machines reach.

Names, and the hashes of their tokens, in a file that is this user's alone.

A token is 32 random bytes, shown once. SHA-256 is enough to keep it: slow hashes are for passwords,
which people choose; nobody tries 2^256 tokens. The file is read anew when it has changed, so that a
revoked user is out at once; one that can't be read lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from limn.protocol import announcement
from limn.protocol.errors import LimnError

log = logging.getLogger("limn.users")

TOKEN_BYTES = 32
MAX_USERS = 300
"""So many fit into a file that is read; more people than share a machine."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
LOCK_SECONDS = 5.0
"""How long another command may take to write the file."""


class UsersError(LimnError):
    """The users' file, or a name, can't be used."""

    code = "bad-users"


@dataclass(frozen=True)
class User:
    """One user. sha256: of the token, in hexadecimal digits.

    added: a date, 2026-11-28. models: whether this user may fetch and choose models.
    """

    name: str
    sha256: str
    added: str
    models: bool = False


def default_file() -> Path:
    """Where the users stand; it need not exist."""
    return platformdirs.user_config_path("limn") / "users.json"


class Users:
    """The users in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._mark: tuple[int, int, int] | None = None
        self._users: dict[str, User] = {}

    def everybody(self) -> tuple[User, ...]:
        """All users, by name. Raises UsersError."""
        return tuple(sorted(self._read().values(), key=lambda user: user.name))

    def add(self, name: str) -> str:
        """A new user's token, which is nowhere kept. Raises UsersError, or OSError."""
        if not NAME.fullmatch(name):
            raise UsersError(
                f"{name!r} is no name for a user.",
                "Use up to 32 letters, digits, and - _ . after the first.",
            )
        token = secrets.token_hex(TOKEN_BYTES)
        with self._changing() as users:
            if name in users:
                raise UsersError(
                    f"There is a user {name} already.",
                    f"For a new token: limn users revoke {name}, then add {name} again.",
                )
            if len(users) >= MAX_USERS:
                raise UsersError(f"There are {MAX_USERS} users, as many as can be.", "Revoke some.")
            users[name] = User(name, _hash(token), time.strftime("%Y-%m-%d"))
        return token

    def revoke(self, name: str) -> None:
        """Take a user out. Raises UsersError if there is none of this name, or OSError."""
        with self._changing() as users:
            if users.pop(name, None) is None:
                known = ", ".join(users) or "none"
                raise UsersError(f"There is no user {name!r}.", f"There are: {known}.")

    def allow(self, name: str, models: bool) -> None:
        """Whether a user may fetch and choose models. Raises UsersError, or OSError."""
        with self._changing() as users:
            if name not in users:
                known = ", ".join(users) or "none"
                raise UsersError(f"There is no user {name!r}.", f"There are: {known}.")
            users[name] = replace(users[name], models=models)

    def who(self, token: str) -> User | None:
        """Whose token this is; None if it is nobody's."""
        wanted = _hash(token)
        found = None
        for user in self.current().values():  # all of them: the time tells nothing
            if hmac.compare_digest(user.sha256, wanted):
                found = user
        return found

    def current(self) -> dict[str, User]:
        """The users by name, as the file has them now; nobody where it can't be read."""
        try:
            facts = self.file.stat()
            mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if mark != self._mark:
                self._users = self._read()
                self._mark = mark
        except (OSError, UsersError) as error:
            log.error("nobody is let in: %s", error)
            self._users, self._mark = {}, None
        return self._users

    @contextmanager
    def _changing(self) -> Iterator[dict[str, User]]:
        """The users, to be changed and written; one command at a time."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(f"{self.file}.lock", timeout=LOCK_SECONDS, mode=0o600):
                users = self._read() if os.path.lexists(self.file) else {}
                yield users
                new = self.file.with_name(f"{self.file.name}.new")
                announcement.write_private(
                    new, json.dumps({"users": [asdict(user) for user in users.values()]}, indent=1)
                )
                new.replace(self.file)
        except Timeout as error:
            raise UsersError(
                f"Another program holds {self.file}.lock.", "Try again when it has ended."
            ) from error

    def _read(self) -> dict[str, User]:
        try:
            known = json.loads(announcement.read_private(self.file))["users"]
            users = [
                User(
                    str(one["name"]),
                    str(one["sha256"]),
                    str(one["added"]),
                    one.get("models") is True,
                )
                for one in known
            ]
        except FileNotFoundError:
            return {}
        except announcement.NotPrivate as error:
            raise UsersError(str(error), f"chmod 600 {self.file}") from error
        except OSError as error:
            raise UsersError(f"{self.file} can't be read: {error.strerror}.") from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UsersError(
                f"{self.file} is damaged.", "Remove it, and add the users anew."
            ) from error
        if not all(NAME.fullmatch(user.name) for user in users):
            raise UsersError(f"{self.file} is damaged.", "Remove it, and add the users anew.")
        return {user.name: user for user in users}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
