"""The guard before every route and handshake.

Whoever shows no token, is a web page, or asks for another host gets nothing.

Host is checked against DNS rebinding, Origin and Sec-Fetch-Site against web pages (a browser sends
them, our clients never), the token against other users of this machine and everybody else. A wrong
token is answered late, the later the more of them an address has sent; a right one never: nobody
can shut out whoever has it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from limn.protocol import remote

from .door import Door
from .users import Users

log = logging.getLogger("limn.app")

LOCAL = ("127.0.0.1", "localhost", "[::1]")
SCHEME = "Bearer "

FREE_TRIES = 3
"""Wrong tokens of an address that are answered at once: somebody has mistyped."""

FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0
"""Seconds; it doubles.

A connection without the token is put out a second later (see door.py).
"""

FORGOTTEN_SECONDS = 600.0
MAX_ADDRESSES = 1024
"""Addresses whose wrong tokens are counted, the latest ones."""


@dataclass(frozen=True)
class Identity:
    """Whose token a request has shown.

    mark: of the token, so that a new one is another's.
    """

    user: str
    mark: str = ""


IDENTITY: web.RequestKey[Identity] = web.RequestKey("identity", Identity)

Who = Callable[[str], Identity | None]
"""Whose token this is."""


def owner_of(token: str) -> Who:
    """The one user of a server for this machine."""
    wanted = token.encode()

    def who(given: str) -> Identity | None:
        right = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted)
        return Identity("") if right else None

    return who


def one_of(users: Users) -> Who:
    """The users of a server for other machines."""

    def who(given: str) -> Identity | None:
        user = users.who(given)
        return None if user is None else Identity(user.name, user.sha256)

    return who


def hosts(names: Iterable[str], ports: Iterable[int]) -> frozenset[str]:
    """What a request's Host may be.

    Each name at each port; the port of https may be left out.
    """
    ports = set(ports)
    wanted = {f"{remote.bracketed(name.strip('[]'))}" for name in names}
    plain = wanted if remote.HTTPS_PORT in ports else set()
    return frozenset({f"{name}:{port}" for name in wanted for port in ports} | plain)


class Wrong:
    """Wrong tokens by address, and how long the next one waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Count one more, and say for how long its answer waits, in seconds."""
        now = self._clock()
        count, last = self._tries.pop(address, (0, now))
        count = 1 if now - last > FORGOTTEN_SECONDS else count + 1
        self._tries[address] = (count, now)
        while len(self._tries) > MAX_ADDRESSES:
            self._tries.popitem(last=False)
        over = count - FREE_TRIES
        return 0.0 if over <= 0 else min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(over - 1, 10))


def guard(served: frozenset[str], who: Who, door: Door, wrong: Wrong | None) -> Middleware:
    """The middleware.

    served: what Host may be. wrong: None where all come from one address, and wrong tokens are
    not slowed down.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.getall("Host", [])
        credentials = request.headers.getall("Authorization", [])
        address = request.remote or "unknown"
        if len(given) != 1 or given[0].lower() not in served:
            sentence = "This address is not served here."
            raise _refusal(web.HTTPMisdirectedRequest, "host", sentence, address)
        if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
            raise _refusal(web.HTTPForbidden, "origin", "Web pages are not served.", address)
        single = credentials[0] if len(credentials) == 1 else ""
        identity = who(single[len(SCHEME) :]) if single.startswith(SCHEME) else None
        if identity is None:
            sentence = "The token is missing or wrong."
            refusal = _refusal(web.HTTPUnauthorized, "token", sentence, address)
            if wrong is not None and credentials:
                await asyncio.sleep(wrong.wait(address))
            raise refusal
        door.let_in(request.transport)
        request[IDENTITY] = identity
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            error.force_close()
            raise
        answer.force_close()  # one request a connection: nobody collects idle ones
        return answer

    return check


def _refusal(
    kind: type[web.HTTPException], why: str, sentence: str, address: str
) -> web.HTTPException:
    log.warning("request refused because=%s address=%s", why, address)
    headers = {"WWW-Authenticate": "Bearer"} if kind is web.HTTPUnauthorized else {}
    refusal = kind(text=f"{sentence}\n", headers=headers)
    refusal.force_close()
    return refusal
