"""Addresses of other machines, and fingerprints, as people write them.

Such a server is reached by TLS only. Its certificate is trusted by its fingerprint, the SHA-256 of
the certificate in DER, as SSH trusts a host's key; or by an authority that the machine knows.
"""

from __future__ import annotations

import hashlib
import re

PATH = "/limn/v1"
"""Where the websocket is, on every server."""

HTTPS_PORT = 443
MAX_ADDRESS = 300
"""Characters: a host name has at most 253."""

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z]+)://)?"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?))"
    rf"(?::(?P<port>[0-9]{{1,5}}))?(?:/|{PATH})?",
    re.ASCII,
)


def url_of(text: str) -> str:
    """The websocket's address, wss://HOST:PORT/limn/v1, of what somebody writes.

    "host:4000", "https://host:4000" or "wss://host:4000/limn/v1". Without a port it is that of
    https.

    Raises ValueError, with a sentence, where it is no address or would not be encrypted.
    """
    found = _ADDRESS.fullmatch(text.strip()[: MAX_ADDRESS + 1])
    if found is None:
        raise ValueError("This is no address of a Limn server. Write https://HOST:PORT.")
    scheme = (found["scheme"] or "https").lower()
    if scheme in ("http", "ws"):
        raise ValueError("Nothing would be encrypted. Write https://HOST:PORT.")
    port = int(found["port"] or HTTPS_PORT)
    if scheme not in ("https", "wss") or not 0 < port < 65_536:
        raise ValueError("This is no address of a Limn server. Write https://HOST:PORT.")
    return f"wss://{bracketed((found['v6'] or found['host']).lower())}:{port}{PATH}"


def host_and_port(url: str) -> tuple[str, int]:
    """Of an address that `url_of` has made."""
    found = _ADDRESS.fullmatch(url)
    assert found is not None and found["port"], "an address of a server"
    return found["v6"] or found["host"], int(found["port"])


def bracketed(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def fingerprint_of(text: str) -> str:
    """64 hexadecimal digits, of what somebody writes.

    With colons or spaces, "SHA256:" before it.

    Raises ValueError, with a sentence.
    """
    digits = re.sub(r"(?i)^sha-?256[:=\s]+|[:\s]", "", text.strip()).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits, re.ASCII):
        raise ValueError("A fingerprint has 64 digits from 0 to f, as the server prints it.")
    return digits


def fingerprint(certificate: bytes) -> str:
    """Of a certificate in DER: 64 hexadecimal digits."""
    return hashlib.sha256(certificate).hexdigest()


def shown(digits: str) -> str:
    """A fingerprint for people to compare: AA:BB:..."""
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)).upper()
