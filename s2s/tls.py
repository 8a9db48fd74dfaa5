"""Certificates for a server that speaks TLS by itself: the deployment's own, or one made here."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import os
import re
import socket
import ssl
from pathlib import Path

from platformdirs import user_cache_path

from s2s.mistakes import ConfigError

DAYS = 365
FRESH_DAYS = 30
"""A certificate that expires sooner is made anew."""


@dataclasses.dataclass(kw_only=True)
class Certificate:
    """Paths of a certificate, with its chain, and of its key, both PEM."""

    cert: str = ""
    key: str = ""

    def check(self, option: str) -> None:
        """Raise ConfigError, under `option`, where they can't serve."""
        for name in ("cert", "key"):
            path = getattr(self, name)
            if not path:
                raise ConfigError([f"{option}.{name}: needs the path of a PEM file"])
            if not Path(path).is_file():
                raise ConfigError([f"{option}.{name}: there is no file {path}"])
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise ConfigError([f"{option}: {self.cert} and {self.key} don't work as a pair: {reason}"]) from None


def self_signed(host: str, folder: Path | None = None) -> Certificate:
    """Return a certificate for this machine and `host`, made once and kept for later starts.

    Clients trust it when they are given the file: `SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`, `curl --cacert`.
    """
    folder = (folder or user_cache_path("s2s") / "tls") / re.sub(r"[^\w.-]", "_", host)
    names = sorted({"localhost", "127.0.0.1", "::1", socket.gethostname(), host} - {"0.0.0.0", "::"})
    made = Certificate(cert=str(folder / "cert.pem"), key=str(folder / "key.pem"))
    if not _serves(made, names):
        folder.mkdir(parents=True, exist_ok=True)
        _make(made, names)
    return made


def _serves(made: Certificate, names: list[str]) -> bool:
    from cryptography import x509

    try:
        cert = x509.load_pem_x509_certificate(Path(made.cert).read_bytes())
        made.check("tls")
        known = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, ConfigError, x509.ExtensionNotFound):
        return False
    left = cert.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    return left.days >= FRESH_DAYS and all(_general(name) in known for name in names)


def _general(name: str):  # type: ignore[no-untyped-def]
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _make(made: Certificate, names: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "s2s on this machine")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    Path(made.key).unlink(missing_ok=True)  # a file that is there would keep its mode
    with os.fdopen(os.open(made.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    Path(made.cert).write_bytes(cert.public_bytes(serialization.Encoding.PEM))
