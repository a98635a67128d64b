"""Addresses and fingerprints as people write them."""

from __future__ import annotations

import pytest

from limn.protocol import remote


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("desk.lan:4000", "wss://desk.lan:4000/limn/v1"),
        (" https://Desk.lan:4000/ ", "wss://desk.lan:4000/limn/v1"),
        ("wss://10.0.0.5:4000/limn/v1", "wss://10.0.0.5:4000/limn/v1"),
        ("https://[fd00::1]:4000", "wss://[fd00::1]:4000/limn/v1"),
        ("https://desk.lan", "wss://desk.lan:443/limn/v1"),
        *((text, None) for text in (
            "", "http://desk.lan:4000", "ws://desk.lan", "ftp://desk", "desk:0", "desk:99999",
            "https://user@desk:1", "https://desk:4000/other", "de sk", "https://", "a" * 400,
            "https://desk:4000?x", "-desk:1", "desk\n:1",
        )),
    ],
)  # fmt: skip
def test_addresses_as_people_write_them(text: str, url: str | None) -> None:
    if url is None:
        with pytest.raises(ValueError):
            remote.url_of(text)
    else:
        assert remote.url_of(text) == url
        host, port = remote.host_and_port(url)
        assert f"{remote.bracketed(host)}:{port}" in url


def test_fingerprints_as_people_write_them() -> None:
    digits = "0123456789abcdef" * 4
    for text in (digits, digits.upper(), remote.shown(digits), f"SHA256:{digits}", f" {digits} "):
        assert remote.fingerprint_of(text) == digits
    for text in ("", "abc", digits[:-1], digits + "0", "g" * 64):
        with pytest.raises(ValueError):
            remote.fingerprint_of(text)
