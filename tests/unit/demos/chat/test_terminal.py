"""The chat's terminal client: typed by a person, in a pipe, and when things go wrong."""

from __future__ import annotations

import sys

from tests.browser.rooms import address, program, room
from tests.support.ports import free_port
from tests.support.processes import Process


def test_lines_of_a_pipe_are_sent_and_its_end_closes() -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal:
        terminal.say("one")
        terminal.say("")
        terminal.say("zwei, größer")
        terminal.end_input()
        peer_id = server.wait_for(r"^\[(\d+)\] Says: one$").group(1)
        server.wait_for(rf"^\[{peer_id}\] Says: zwei, größer$")
        server.wait_for(rf"^\[{peer_id}\] disconnected with code: 1000, reason: $")
        assert terminal.wait() == 0
        assert terminal.stdout == [
            "Connected with protocol: demo-chat",
            "Sending message: one",
            "Sending message: zwei, größer",
            "Disconnected with code: 1000, reason: ",
        ]


def test_a_long_pipe_arrives_whole() -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal:
        for number in range(3000):
            terminal.say(f"line {number} {'x' * 100}")
        terminal.end_input()
        server.wait_for(r"Says: line 2999 x+$", timeout=30)
        assert terminal.wait() == 0
        said = [line for line in server.stdout if "Says: " in line]
        assert [line.split()[3] for line in said] == [str(number) for number in range(3000)]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    server, port = room()
    with server, program("client", address(port)) as listener, program("client", address(port)) as speaker:
        listener.wait_for("^Connected")
        server.wait_for("connected with")
        server.wait_for("connected with")
        speaker.say("\x1b[2Jgone\x07")
        listener.wait_for(r"^\[\d+\] Says: \u241b\[2Jgone\u2407$")


def test_ctrl_c_leaves_in_order() -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal:
        terminal.wait_for("^Connected")
        terminal.interrupt()
        server.wait_for(r"disconnected with code: 1000, reason: $")
        assert (terminal.wait(), terminal.stderr) == (0, [])
        assert terminal.stdout[-1] == "Disconnected with code: 1000, reason: "


def test_the_end_of_the_server_is_told_with_code_and_reason() -> None:
    server, port = room()
    with server, program("client", address(port), "--stay") as terminal:
        terminal.wait_for("^Connected")
        server.interrupt()
        terminal.wait_for("^Disconnected with code: 1001, reason: Server stopped$")
        assert terminal.wait() == 0


def test_a_killed_server_is_a_failure() -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal:
        terminal.wait_for("^Connected")
        server.kill()
        terminal.wait_for("^Disconnected with code: -1, reason: $")
        assert (terminal.wait(), terminal.stderr) == (1, [])


def test_no_server_is_a_failure_with_its_cause() -> None:
    with program("client", address(free_port())) as terminal:
        terminal.wait_for("^Unable to connect: tcp")
        assert (terminal.wait(), terminal.stderr) == (1, [])


def test_a_wrong_address_is_a_failure() -> None:
    with program("client", "http://127.0.0.1/") as terminal:
        terminal.wait_for("^Unable to connect: ERR_INVALID_PARAMETER$")
        assert terminal.wait() == 1


def test_another_sub_protocol_is_refused_by_the_room() -> None:
    server, port = room()
    with server, program("client", address(port), "--protocol", "something-else") as terminal:
        terminal.wait_for("^Unable to connect: ")
        assert terminal.wait() == 1


def test_the_server_can_be_used_as_a_module() -> None:
    code = """
from gdpeer import OK
from gdpeer.demos.chat import ChatServer
chat = ChatServer(bind_ip="127.0.0.1")
assert chat.listen(0) == OK
chat.poll(0.01)
chat.stop()
"""
    with Process([sys.executable, "-c", code]) as run:
        assert (run.wait(), run.stderr) == (0, [])
        assert run.stdout[-1] == "Server stopped"
