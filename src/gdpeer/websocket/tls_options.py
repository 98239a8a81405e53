"""The engine's classes for TLS: keys, certificates and options.

`ssl` is imported only when a connection is made or a file is checked.

Layer: `websocket`. Source: reference godot-api section 8 and 10.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from gdpeer.arguments import STR, a, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.errors import Error, TransportError

if TYPE_CHECKING:
    import ssl

__all__ = ["CryptoKey", "Source", "TLSOptions", "X509Certificate", "pem_of"]

_PATH = a("a path", str, os.PathLike)


class Pem(Guarded):
    """A text in PEM format, from a file or a string."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    _MARK = "-----BEGIN "

    def __init__(self, text: str = "") -> None:
        self._text = text

    @checked(path=_PATH)
    def load(self, path: str | os.PathLike[str]) -> Error:
        """Reads a PEM file.

        Returns:
            OK: the file was read.
            ERR_FILE_NOT_FOUND, ERR_FILE_CANT_READ: the file does not exist, or cannot be read.
            ERR_PARSE_ERROR: the file holds no certificate, or no key.
        """
        try:
            text = Path(path).read_text("ascii", "replace")
        except FileNotFoundError:
            return Error.ERR_FILE_NOT_FOUND
        except OSError:
            return Error.ERR_FILE_CANT_READ
        return self.load_from_string(text)

    @checked(text=STR)
    def load_from_string(self, text: str) -> Error:
        """Takes a PEM text; returns `ERR_PARSE_ERROR` if it holds no certificate, or no key."""
        if self._MARK not in text:
            return Error.ERR_PARSE_ERROR
        self._text = text
        return Error.OK

    def save_to_string(self) -> str:
        """Returns the PEM text; "" before a text was loaded."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)


class X509Certificate(Pem):
    """A certificate in PEM format, or a chain of certificates with the server's own first."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    _MARK = "-----BEGIN CERTIFICATE"


class CryptoKey(Pem):
    """A private key in PEM format."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    _MARK = "PRIVATE KEY-----"

    def __repr__(self) -> str:
        return "<CryptoKey>"


Source = str | os.PathLike[str] | Pem

_SOURCE = a("a path, a CryptoKey or an X509Certificate", str, os.PathLike, Pem)
"""A certificate or key: an object, or the path of a PEM file."""


def pem_of(source: Source) -> str | bytes:
    """Returns the path, or the bytes of the PEM text, as the transport takes them."""
    return source.save_to_string().encode() if isinstance(source, Pem) else os.fspath(source)


class TLSOptions:
    """The options of a TLS connection; made by `client`, `client_unsafe` and `server`, as in the engine.

    Give certificates and keys as objects, or as paths of PEM files.
    """

    __slots__ = ("_certificate", "_common_name", "_key", "_mode", "_trusted")

    def __init__(
        self,
        mode: str = "",
        *,
        trusted: Source | None = None,
        common_name: str = "",
        key: Source | None = None,
        certificate: Source | None = None,
    ) -> None:
        if mode not in ("client", "unsafe", "server"):
            raise TypeError("use TLSOptions.client(), TLSOptions.client_unsafe() or TLSOptions.server()")
        self._mode = mode
        self._trusted = trusted
        self._common_name = common_name
        self._key = key
        self._certificate = certificate

    @classmethod
    @checked(trusted_chain=optional(_SOURCE), common_name_override=STR)
    def client(cls, trusted_chain: Source | None = None, common_name_override: str = "") -> TLSOptions:
        """Returns the options of a client that checks the server's certificate and its name.

        Args:
            trusted_chain: the certificate authorities to trust. None trusts the machine's.
            common_name_override: the name that the certificate must have, instead of the URL's host.
        """
        return cls("client", trusted=trusted_chain, common_name=common_name_override)

    @classmethod
    @checked(trusted_chain=optional(_SOURCE))
    def client_unsafe(cls, trusted_chain: Source | None = None) -> TLSOptions:
        """Returns the options of a client that does not check the name. For tests.

        Args:
            trusted_chain: the certificate authorities to trust. None accepts all certificates.
        """
        return cls("unsafe", trusted=trusted_chain)

    @classmethod
    @checked(key=_SOURCE, certificate=_SOURCE)
    def server(cls, key: Source, certificate: Source) -> TLSOptions:
        """Returns the options of a server.

        Args:
            key: the private key.
            certificate: the whole chain, the server's own certificate first.
        """
        return cls("server", key=key, certificate=certificate)

    def is_default(self) -> bool:
        """Whether these are the options of `client()` without arguments."""
        return self._mode == "client" and self._trusted is None and not self._common_name

    def is_server(self) -> bool:
        """Whether `server` made these options."""
        return self._mode == "server"

    def is_unsafe_client(self) -> bool:
        """Whether `client_unsafe` made these options."""
        return self._mode == "unsafe"

    def get_trusted_ca_chain(self) -> Source | None:
        """Returns the certificate authorities that a client trusts, as they were given."""
        return self._trusted

    def get_common_name_override(self) -> str:
        """Returns the name that a client expects instead of the URL's host, as it was given."""
        return self._common_name

    def get_private_key(self) -> Source | None:
        """Returns a server's private key, as it was given."""
        return self._key

    def get_own_certificate(self) -> Source | None:
        """Returns a server's certificate, as it was given."""
        return self._certificate

    def make_context(self, chain: Source | None = None) -> ssl.SSLContext:
        """Returns the options as an `ssl.SSLContext`.

        Args:
            chain: for a server, the certificates between its own and the root.

        Raises:
            TransportError: a file is missing, or holds no certificate or key (`Cause.TLS`).
        """
        from gdpeer.transport import tls

        trusted = None if self._trusted is None else pem_of(self._trusted)
        if not self.is_server():
            safe = not self.is_unsafe_client()
            return tls.client_context(verify=safe or trusted is not None, verify_hostname=safe, trusted=trusted)
        if self._key is None or self._certificate is None:
            raise TransportError("a TLS server needs a key and a certificate", error=Error.ERR_INVALID_PARAMETER)
        return tls.server_context(
            pem_of(self._key), pem_of(self._certificate), None if chain is None else pem_of(chain)
        )

    def __repr__(self) -> str:
        return f"<TLSOptions {self._mode}>"
