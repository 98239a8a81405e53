"""TLSOptions, certificates and keys as the engine describes them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gdpeer import (
    ERR_FILE_CANT_READ,
    ERR_FILE_NOT_FOUND,
    ERR_PARSE_ERROR,
    OK,
    CryptoKey,
    TLSOptions,
    TransportError,
    X509Certificate,
)
from tests.support.certificates import Certificates


def test_files_are_told_apart(tmp_path: Path, certificates: Certificates) -> None:
    certificate = X509Certificate()
    assert not certificate
    assert certificate.load(tmp_path / "none") is ERR_FILE_NOT_FOUND
    assert certificate.load(tmp_path) is ERR_FILE_CANT_READ
    assert certificate.load(certificates.key) is ERR_PARSE_ERROR
    assert certificate.load(certificates.certificate) is OK
    assert certificate
    assert certificate.save_to_string() == certificates.certificate.read_text()
    key = CryptoKey()
    assert key.load_from_string("no key") is ERR_PARSE_ERROR
    assert key.load(certificates.key) is OK
    assert repr(key) == "<CryptoKey>"


def test_options_are_made_by_their_makers_only() -> None:
    with pytest.raises(TypeError, match=r"TLSOptions\.client"):
        TLSOptions()


def test_what_was_given_can_be_asked_for(certificates: Certificates) -> None:
    client = TLSOptions.client(certificates.authority, "game.example")
    assert not client.is_server()
    assert not client.is_unsafe_client()
    assert client.get_trusted_ca_chain() == certificates.authority
    assert client.get_common_name_override() == "game.example"
    server = TLSOptions.server(certificates.key, certificates.certificate)
    assert server.is_server()
    assert (server.get_private_key(), server.get_own_certificate()) == (certificates.key, certificates.certificate)
    assert TLSOptions.client_unsafe().is_unsafe_client()
    assert repr(server) == "<TLSOptions server>"


def test_contexts_check_what_the_options_say(certificates: Certificates) -> None:
    safe = TLSOptions.client().make_context()
    assert (safe.verify_mode, safe.check_hostname) == (ssl.CERT_REQUIRED, True)
    unsafe = TLSOptions.client_unsafe().make_context()
    assert (unsafe.verify_mode, unsafe.check_hostname) == (ssl.CERT_NONE, False)
    chain_only = TLSOptions.client_unsafe(certificates.authority).make_context()
    assert (chain_only.verify_mode, chain_only.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_a_server_from_objects_instead_of_paths(certificates: Certificates) -> None:
    key, certificate = CryptoKey(), X509Certificate()
    key.load(certificates.key)
    certificate.load(certificates.certificate)
    assert isinstance(TLSOptions.server(key, certificate).make_context(), ssl.SSLContext)


def test_a_server_without_a_key_is_refused() -> None:
    with pytest.raises(TransportError, match="needs a key"):
        TLSOptions("server").make_context()
