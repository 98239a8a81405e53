"""Servers with bad certificates: the fault of each, and the message that clients must give.

    with BadServer(BAD["expired"], folder) as server:
        peer.connect_to_url(f"wss://localhost:{server.port}", TLSOptions.client(server.authority))

Clients trust one authority only, which signed the certificates unless a wrong signature is the fault.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass
class Holder:
    """A certificate, its key, and its signer; a self-signed certificate is its own signer."""

    certificate: x509.Certificate
    key: Key
    signer: Holder | None = None

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, plain)


def issue(
    name: str,
    signer: Holder | None = None,
    *,
    authority: bool = False,
    begin: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + 30 * DAY,
    names: tuple[x509.GeneralName, ...] = NAMES,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    bits: int = 0,
) -> Holder:
    """Issues a certificate, good unless the arguments say otherwise; `bits` makes an RSA key instead of P-256."""
    key: Key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        signer.certificate.subject if signer else own, own, key.public_key(), x509.random_serial_number(), begin, end
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    signing_key = signer.key if signer else key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Holder(builder.sign(signing_key, hashes.SHA256()), key, signer)


def signed_with_sha1(holder: Holder) -> Holder:
    """Returns the certificate with a SHA-1 signature. It is made by hand, because the library refuses SHA-1."""
    assert holder.signer is not None
    key = holder.signer.key
    assert isinstance(key, rsa.RSAPrivateKey)
    with_sha256, with_sha1 = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("0b", "05"))
    body = holder.certificate.tbs_certificate_bytes.replace(with_sha256, with_sha1)
    size = key.key_size // 8
    digest = bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(body).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    numbers = key.private_numbers()
    signature = pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)
    whole = holder.certificate.public_bytes(serialization.Encoding.DER)
    whole = whole.replace(with_sha256, with_sha1).replace(holder.certificate.signature, signature)
    return Holder(x509.load_der_x509_certificate(whole), holder.key, holder.signer)


@dataclass(frozen=True)
class Served:
    """The certificates and the key that a server uses."""

    leaf: Holder
    chain: tuple[Holder, ...] = ()


@dataclass(frozen=True)
class Bad:
    """One fault of a server.

    Attributes:
        make: returns the server's certificates, given the authority that clients trust.
        detail: the end of the message that gdpeer's client gives.
        host: the name to which the client connects.
        newest: the newest version of TLS that the server speaks.
    """

    make: Callable[[Holder], Served]
    detail: str
    host: str = "localhost"
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED


def by_stranger(root: Holder, *, sent: bool) -> Served:
    stranger = issue("a stranger", authority=True)
    return Served(issue("localhost", stranger), (stranger,) if sent else ())


def by_middle(root: Holder, *, sent: bool, **faults: Any) -> Served:
    middle = issue("between", root, **{"authority": True, **faults})
    return Served(issue("localhost", middle), (middle,) if sent else ())


def by_old_signature(root: Holder) -> Served:
    middle = issue("between", root, authority=True, bits=2048)
    return Served(signed_with_sha1(issue("localhost", middle)), (middle,))


def good(root: Holder) -> Served:
    """Returns certificates without a fault."""
    return Served(issue("localhost", root))


OLD = "the other side refused our versions of TLS, 1.2 and 1.3"
UNKNOWN = "the certificate comes from an unknown authority"
GAP = f"{UNKNOWN} (or the server leaves out those between it and a known one)"
HOST = "the certificate is for another host"
CLOCK = "(or the clock of this machine is wrong)"

GOOD: dict[str, Bad] = {
    "plain": Bad(good, ""),
    "by an address": Bad(good, "", host="127.0.0.1"),
    "with an intermediate": Bad(lambda root: by_middle(root, sent=True), ""),
    "RSA of 2048 bits": Bad(lambda root: Served(issue("localhost", root, bits=2048)), ""),
    "TLS 1.2": Bad(good, "", newest=ssl.TLSVersion.TLSv1_2),
}

BAD: dict[str, Bad] = {
    "expired": Bad(
        lambda root: Served(issue("localhost", root, begin=NOW - 9 * DAY, end=NOW - DAY)),
        f"the certificate has expired {CLOCK}",
    ),
    "not yet valid": Bad(
        lambda root: Served(issue("localhost", root, begin=NOW + 2 * DAY)), f"the certificate is not valid yet {CLOCK}"
    ),
    "wrong host": Bad(lambda root: Served(issue("else", root, names=(x509.DNSName("other.test"),))), HOST),
    "wrong address": Bad(
        lambda root: Served(issue("localhost", root, names=NAMES[:1])),
        f"{HOST} (not for this IP address)",
        host="127.0.0.1",
    ),
    "self-signed": Bad(
        lambda root: Served(issue("localhost")), "the certificate is self-signed and not among the trusted ones"
    ),
    "unknown root": Bad(
        lambda root: by_stranger(root, sent=True),
        f"{UNKNOWN} (its root is self-signed and not among the trusted ones)",
    ),
    "missing intermediate": Bad(lambda root: by_middle(root, sent=False), GAP),
    "weak key": Bad(lambda root: Served(issue("localhost", root, bits=1024)), "the certificate's key is too weak"),
    "weak key of an authority": Bad(
        lambda root: by_middle(root, sent=True, bits=1024), "the key of an authority in the chain is too weak"
    ),
    "weak signature": Bad(by_old_signature, "a signature in the chain is too weak"),
    "wrong usage": Bad(
        lambda root: Served(issue("localhost", root, usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
        "the certificate is not one for servers",
    ),
    "signed by no authority": Bad(
        lambda root: by_middle(root, sent=True, authority=False), "one that signed in the chain is no authority"
    ),
    "TLS 1.0": Bad(good, OLD, newest=ssl.TLSVersion.TLSv1),
    "TLS 1.1": Bad(good, OLD, newest=ssl.TLSVersion.TLSv1_1),
}


@dataclass
class BadServer:
    """A TLS server in its own thread. It ends with the block, whatever its clients do.

    Args:
        what: the fault.
        folder: for the file `authority`, the certificate that clients trust.

    Attributes:
        opened: number of clients that completed the handshake.
        said: for each other client, the error of its handshake.
    """

    what: Bad
    folder: Path
    opened: int = 0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = issue("the authority", authority=True)
        self.authority = self.folder / "root.pem"
        self.authority.write_bytes(root.pem)
        self._context = self._make_context(self.what.make(root))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"wss://{self.what.host}:{self._listener.getsockname()[1]}/"

    def _make_context(self, served: Served) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # without this OpenSSL refuses to serve weak certificates
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = self.what.newest
        path = self.folder / "served.pem"
        path.write_bytes(served.leaf.key_pem + served.leaf.pem + b"".join(one.pem for one in served.chain))
        context.load_cert_chain(path)
        return context

    def _serve(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ends.is_set():
            with suppress(TimeoutError):
                plain, _ = self._listener.accept()
                with plain:
                    self._shake(plain)

    def _shake(self, plain: socket.socket) -> None:
        plain.settimeout(5.0)
        try:
            with self._context.wrap_socket(plain, server_side=True) as secured:
                # In TLS 1.3 the server has finished before the client has checked the certificate: wait for a byte.
                if secured.recv(1):
                    self.opened += 1
                else:
                    self.said.append("the client left")
        except OSError as error:
            self.said.append(str(getattr(error, "reason", None) or error))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join(10.0)
        self._listener.close()
