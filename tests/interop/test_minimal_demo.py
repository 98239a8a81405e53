"""The tutorial's programs show the tutorial's lines, to each other and to real engines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.browser.rooms import address, room
from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

MINIMAL = ROOT / "demos" / "minimal"


def program(name: str, *arguments: str) -> Process:
    return Process([sys.executable, MINIMAL / f"{name}.py", *arguments])


@contextmanager
def echo_server(*arguments: str) -> Iterator[tuple[Process, str]]:
    port = free_port()
    with program("server", "--port", str(port), *arguments) as server:
        wait_until_listening(port)
        yield server, f"ws://127.0.0.1:{port}"


def assert_echoed(server: Process, protocol: str = "") -> str:
    """The server's lines about one client; its id."""
    peer_id = server.wait_for(rf"^Client (\d+) connected with protocol: {protocol}$").group(1)
    server.wait_for(rf"^Got data from client {peer_id}: Test packet \.\.\. echoing$")
    return peer_id


def test_client_and_server_print_what_the_tutorial_shows() -> None:
    with echo_server() as (server, url), program("client", url) as client:
        client.wait_for("^Connected with protocol: $")
        client.wait_for("^Got data from server: Test packet$")
        assert_echoed(server)


def test_a_client_that_is_interrupted_says_goodbye() -> None:
    with echo_server() as (server, url), program("client", url) as client:
        peer_id = assert_echoed(server)
        client.wait_for("^Got data")
        client.interrupt()
        assert (client.wait(), client.stderr) == (0, [])
        server.wait_for(f"^Client {peer_id} disconnecting with code: 1000, reason: $")
        server.wait_for(f"^Client {peer_id} disconnected, clean: True$")


def test_a_server_that_is_interrupted_closes_its_clients() -> None:
    with echo_server() as (server, url), program("client", url) as client:
        client.wait_for("^Got data")
        server.interrupt()
        assert (server.wait(), server.stderr) == (0, [])
        client.wait_for("^Closed, clean: True$")
        assert client.wait() == 0


def test_a_client_notices_that_the_server_was_killed() -> None:
    with echo_server() as (server, url), program("client", url) as client:
        client.wait_for("^Got data")
        server.kill()
        client.wait_for("^Closed, clean: False$")
        assert (client.wait(), client.stderr) == (0, [])


def test_a_client_without_a_server_ends() -> None:
    with program("client", f"ws://127.0.0.1:{free_port()}") as client:
        client.wait_for("^Closed, clean: False$")
        assert (client.wait(), client.stderr) == (0, [])


def test_sub_protocols_are_options_of_both() -> None:
    with echo_server("--protocol", "one", "--protocol", "two") as (server, url):
        with program("client", url, "--protocol", "two") as client:
            client.wait_for("^Connected with protocol: two$")
            assert_echoed(server, "two")
        with program("client", url, "--protocol", "three") as stranger:
            stranger.wait_for("^Closed, clean: False$")


def test_a_port_in_use_ends_the_server() -> None:
    with echo_server() as (_, url), program("server", "--port", url.rpartition(":")[2]) as second:
        assert second.wait() == 1
        assert second.stderr[-1] == "Unable to start server"


def test_the_peer_class_prints_the_chat_until_it_ends() -> None:
    server, port = room()
    with server, program("peer_client", address(port)) as client:
        server.wait_for(r"connected with protocol: demo-chat$")
        server.say("good evening")
        client.wait_for("^Server says: good evening$")
        server.interrupt()
        client.wait_for("^closed with code 1001, reason 'Server stopped', clean True$")
        assert (client.wait(), client.stderr) == (0, [])


@pytest.mark.engine
@pytest.mark.parametrize("version", ["4", "3"])
def test_a_real_engine_is_served(version: str) -> None:
    with (
        echo_server() as (server, url),
        Engine(version, MINIMAL / f"godot{version}", "client.tscn", f"--url={url}", "--once") as engine,
    ):
        engine.process.wait_for("^Connected with protocol: $")
        engine.process.wait_for("^Got data from server: Test packet$")
        peer_id = assert_echoed(server)
        server.wait_for(f"^Client {peer_id} disconnecting with code: 1000, reason: Done$")
        server.wait_for(f"^Client {peer_id} disconnected, clean: True$")
        assert engine.wait() == 0
