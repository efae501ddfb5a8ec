"""A throw-away certificate authority, so that clients which insist on https can speak to a stand-in on loopback."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS: Final = timedelta(days=30)


@dataclass(frozen=True)
class Certificates:
    """`server` is what a server on 127.0.0.1 serves with; clients trust `ca_file`. Who shows `client_file` is its `client`."""

    server: ssl.SSLContext
    ca_file: Path
    client_file: Path


def made(folder: Path, client: str) -> Certificates:
    """Fresh keys and certificates in a folder, whose client certificate is a user's of this name."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _signed("Sandbox throw-away CA", ca_key, None, ca_key, usage=None)
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
    server_file = _pair(folder / "server.pem", "127.0.0.1", ca, ca_key, ExtendedKeyUsageOID.SERVER_AUTH)
    client_file = _pair(folder / "client.pem", client, ca, ca_key, ExtendedKeyUsageOID.CLIENT_AUTH)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    context.load_verify_locations(ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return Certificates(context, ca_file, client_file)


def _pair(
    file: Path, name: str, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, usage: x509.ObjectIdentifier
) -> Path:  # fmt: skip
    """A key and its certificate in one file that its owner alone may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    file.touch(mode=0o600)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + _signed(name, key, ca, ca_key, usage).public_bytes(Encoding.PEM))
    return file


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate | None,
    ca_key: ec.EllipticCurvePrivateKey,
    usage: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    found = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .add_extension(_key_usage(signs=ca is None), critical=True)
    )
    if usage is not None:
        found = found.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if usage == ExtendedKeyUsageOID.SERVER_AUTH:
        names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        found = found.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return found.sign(ca_key, SHA256())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
