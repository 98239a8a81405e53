"""Which origins are a demo's own, and which addresses this machine has for others."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from gdpeer.demos import origins
from gdpeer.demos.origins import local_addresses, origin, own_origins


@pytest.mark.parametrize(
    ("name", "port", "scheme", "text"),
    [
        ("localhost", 8000, "http", "http://localhost:8000"),
        ("Desk.local", 80, "http", "http://desk.local"),
        ("desk", 443, "http", "http://desk:443"),
        ("game.example", 443, "https", "https://game.example"),
        ("game.example", 80, "https", "https://game.example:80"),
        ("::1", 8000, "http", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(name: str, port: int, scheme: str, text: str) -> None:
    assert origin(name, port, scheme) == text


LOOPBACK_ORIGINS = ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_on_loopback_all_its_names_are_the_own_origin(host: str) -> None:
    assert own_origins(host, 8000) == LOOPBACK_ORIGINS


def test_another_loopback_address_is_one_name_more() -> None:
    assert own_origins("127.0.0.2", 8000) == [*LOOPBACK_ORIGINS, "http://127.0.0.2:8000"]


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::"])
def test_everywhere_each_address_and_the_name_of_the_machine_are_the_own_origin(host: str) -> None:
    found = own_origins(host, 8000)
    name = socket.gethostname().lower()
    assert found[:3] == LOOPBACK_ORIGINS
    assert {origin(address, 8000) for address in local_addresses()} <= set(found)
    assert {f"http://{name}:8000", f"http://{name}.local:8000"} <= set(found)


def test_one_address_of_a_network_is_the_only_own_origin_there() -> None:
    assert own_origins("192.0.2.7", 80) == ["http://192.0.2.7"]


def test_a_unix_socket_has_no_origin_of_its_own() -> None:
    assert own_origins("unix:/run/chat", 0) == []


def test_the_addresses_for_others_are_bound_here_and_lead_here() -> None:
    for text in local_addresses():
        address = ipaddress.ip_address(text)
        assert not address.is_loopback
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family) as listening:
            listening.bind((text, 0))


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "0.0.0.0", "::", "fe80::1", "fe80::1%eth0", "no address"])
def test_what_others_cannot_type_is_no_address_for_others(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(origins, "routed", lambda: [text, "192.0.2.7"])
    assert text not in local_addresses()
    assert local_addresses()[0] == "192.0.2.7"


def test_a_machine_whose_name_nobody_knows_has_its_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no.such.host.invalid")
    assert origins.of_name() == []
    monkeypatch.setattr(origins.sys, "platform", "win32")
    assert origins.of_interfaces() == []
