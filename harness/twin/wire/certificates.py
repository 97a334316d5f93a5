"""The certificates of a simulated lab: an authority made anew for each lab host, and what it issues to the nodes.

Private keys exist in memory only.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LONGEST_NAME: Final = 64  # [D] RFC 5280: upper bound of a common name

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate holds: seconds since 1970 of the wall clock, which its clients look at."""

    from_s: float
    to_s: float

    @classmethod
    def around(cls, now_s: float) -> Validity:
        """From a day before `now_s`, for clients whose clock is behind, to a year after it."""
        return cls(now_s - 86_400, now_s + 365 * 86_400)


class Authority:
    """Signs the certificates of one lab.  `now_s` is wall time in seconds since 1970."""

    def __init__(self, name: str, now_s: float) -> None:
        self._validity = Validity.around(now_s)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        public_key = self._key.public_key()
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = (
            _start(self._name, self._name, public_key, self._validity)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(self._identifier, critical=False)
        )
        self.pem: bytes = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        """The authority's certificate, for clients to pin."""

    def issue_to_node(self, node: str, domain: str, address: str) -> bytes:
        """As `issue`, to a node [INF]: names as a certificate template of a domain puts them in, and the address, which
        clients here use."""
        return self.issue([node.lower(), f"{node}.{domain}".lower()], [address])

    def issue(self, dns_names: Sequence[str], addresses: Sequence[str], validity: Validity | None = None) -> bytes:
        """Return certificate and private key, as PEM, of a server with these names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        builder = (
            _start(_name(dns_names[0]), self._name, key.public_key(), validity or self._validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM) + _pack_key(key)


@dataclass(frozen=True, slots=True)
class CredSspIdentity:
    """With what a node answers a CredSSP handshake; `public_key` is what both sides prove to have seen ([D] MS-CSSP
    3.1.5)."""

    context: ssl.SSLContext
    public_key: bytes


def make_credssp_identity(computer_name: str, now_s: float) -> CredSspIdentity:
    """Self-signed and of RSA, as the one that Windows makes for itself ([S] pyspnego models it); clients do not check
    it, since the log-on inside the TLS channel proves the server."""
    key = _credssp_key()
    name = _name(f"CREDSSP-{computer_name}")
    certificate = _start(name, name, key.public_key(), Validity.around(now_s)).sign(key, hashes.SHA256())
    context = make_context(certificate.public_bytes(Encoding.PEM) + _pack_key(key))
    # [INF] The clients compute the length that frames a sealed message from names of TLS 1.2 cipher suites only.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    return CredSspIdentity(context, key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))


def make_context(pem: bytes) -> ssl.SSLContext:
    """A server's TLS settings with certificate and key from `pem`: TLS 1.2 and newer ([D] defaults of Windows Server
    2022 and newer)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # OpenSSL reads files only; this one has no name that anybody could open.
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context


@functools.cache
def _credssp_key() -> rsa.RSAPrivateKey:
    """One for all nodes of the process: making one takes a noticeable part of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_NAME])])


def _start(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    validity: Validity,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(validity.from_s))
        .not_valid_after(_moment(validity.to_s))
    )


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))


def _pack_key(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
