"""The certificate of a server that other machines reach.

Read, shown by its fingerprint, and made.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from limn.protocol import announcement, remote

from .settings import Settings, SettingsError

YEARS = 10
"""A certificate of ours is trusted by its fingerprint.

When it ends, each client has to be told.
"""


def default_files() -> tuple[Path, Path]:
    """Where `make` puts certificate and key, and where they are looked for."""
    folder = platformdirs.user_config_path("limn") / "tls"
    return folder / "certificate.pem", folder / "key.pem"


def files(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate and key that a server is to use.

    None: it does without, on this machine only.

    Raises SettingsError where it must not do without.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        return settings.tls_cert, settings.tls_key
    if settings.on_loopback:
        return None
    certificate, key = default_files()
    if certificate.is_file() and key.is_file():
        return certificate, key
    raise SettingsError(
        f"host {settings.host!r} is reached by other machines, and needs a certificate. "
        f"Make one: limn serve --host {settings.host} --make-certificate. "
        "Or name yours with --tls-cert and --tls-key."
    )


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for a server: version 1.3 only, since both ends are ours.

    Raises SettingsError.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        if os.name == "posix" and key.stat().st_mode & 0o007:
            raise SettingsError(f"{key} is open to other users. chmod 600 {key}")
        made.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise SettingsError(
            f"{certificate} and {key} can't be used ({error.reason or 'a password'}). "
            "They must be a certificate and its own key, in PEM, without a password."
        ) from error
    except OSError as error:
        raise SettingsError(f"{error.filename or key} can't be read: {error.strerror}.") from error
    return made


def fingerprint(certificate: Path) -> str:
    """Of the first certificate in a file: 64 hexadecimal digits. Raises SettingsError."""
    try:
        text = certificate.read_text(encoding="ascii")
        end = "-----END CERTIFICATE-----"
        start = text.index("-----BEGIN CERTIFICATE-----")
        first = text[start : text.index(end, start) + len(end)]
        return remote.fingerprint(ssl.PEM_cert_to_DER_cert(first))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{certificate} holds no certificate in PEM.") from error


def make(certificate: Path, key: Path, names: Sequence[str]) -> None:
    """Make a key and a certificate, signed by itself, for host names and addresses.

    Raises SettingsError where one is there already, or OSError.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for file in (certificate, key):
        if os.path.lexists(file):
            raise SettingsError(
                f"{file} is there already, and those who use this server trust it. "
                "Remove it to make another."
            )
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Limn server")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName([_named(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    for file in (certificate, key):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    announcement.write_private(key, secret.private_bytes(pem, form, plain).decode("ascii"))
    announcement.write_private(certificate, signed.public_bytes(pem).decode("ascii"))


def _named(host: str):  # type: ignore[no-untyped-def]  # a class of cryptography's, imported late
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
