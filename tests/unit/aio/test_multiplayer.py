"""`multiplayer_server` and `multiplayer_client`: trees that run in loops."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    Cause,
    HandshakeError,
    LoopbackMultiplayerPeer,
    Node,
    SceneTree,
    TLSOptions,
    TransportError,
    WebSocketMultiplayerPeer,
    rpc,
)
from gdpeer.aio import connect, multiplayer_client, multiplayer_server
from gdpeer.http import Request, Response
from gdpeer.multiplayer.rpc.async_methods import use_tasks
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.unit.aio.support import Loops, cancelled_after, run, until


class Main(Node):
    """Answers, and remembers what it heard."""

    def __init__(self) -> None:
        super().__init__(name="Main")
        self.heard: list[tuple[int, str]] = []

    @rpc("any_peer")
    def ask(self, text: str) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.heard.append((sender, text))
        if sender != 1:
            self.ask.rpc_id(sender, f"you said {text}")


def tree() -> tuple[SceneTree, Main]:
    made, main = SceneTree(), Main()
    made.root.add_child(main)
    return made, main


async def talk(url: str, text: str, **options: Any) -> list[tuple[int, str]]:
    """A client's: asks, and gives what it has heard."""
    mine, main = tree()
    async with multiplayer_client(mine, url, **options) as peer:
        assert mine.multiplayer.multiplayer_peer is peer
        assert peer.get_unique_id() > 1
        main.ask.rpc_id(1, text)
        await until(lambda: main.heard)
    assert mine.multiplayer.multiplayer_peer is not peer
    return main.heard


async def test_a_server_and_clients_in_one_loop_call_each_other() -> None:
    served, main = tree()
    async with multiplayer_server(served, bind_address="127.0.0.1") as peer:
        url = f"ws://127.0.0.1:{peer.get_local_port()}"
        answers = await asyncio.gather(*(talk(url, str(number)) for number in range(5)))
        assert answers == [[(1, f"you said {number}")] for number in range(5)]
        assert sorted(text for _, text in main.heard) == ["0", "1", "2", "3", "4"]
        await until(lambda: not served.multiplayer.get_peers())


async def test_signals_of_a_tree_can_be_awaited() -> None:
    served, _ = tree()
    async with multiplayer_server(served, bind_address="127.0.0.1") as peer:
        joining = asyncio.create_task(talk(f"ws://127.0.0.1:{peer.get_local_port()}", "x"))
        peer_id = await served.multiplayer.peer_connected
        assert await served.multiplayer.peer_disconnected == peer_id
        assert await joining == [(1, "you said x")]


def test_a_server_and_a_client_in_two_loops_call_each_other(new_loop: Loops) -> None:
    ports: list[int] = []
    is_ready, is_done = threading.Event(), threading.Event()

    async def serve_them() -> None:
        async with multiplayer_server(tree()[0], bind_address="127.0.0.1") as peer:
            ports.append(peer.get_local_port())
            is_ready.set()
            await asyncio.to_thread(is_done.wait, 20)

    def in_thread() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve_them())

    thread = threading.Thread(target=in_thread)
    thread.start()
    try:
        assert is_ready.wait(20)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            assert runner.run(talk(f"ws://127.0.0.1:{ports[0]}", "across")) == [(1, "you said across")]
    finally:
        is_done.set()
        thread.join(20)
    assert not thread.is_alive()


async def test_tls(certificates: Certificates) -> None:
    options = TLSOptions.server(certificates.key, certificates.certificate)
    async with multiplayer_server(tree()[0], 0, "127.0.0.1", options) as peer:
        trusting = TLSOptions.client(certificates.authority)
        url = f"wss://localhost:{peer.get_local_port()}"
        assert await talk(url, "secret", tls_client_options=trusting) == [(1, "you said secret")]


async def test_clients_of_a_server_that_leaves_hear_1001() -> None:
    served, _ = tree()
    mine, _ = tree()
    async with multiplayer_server(served, bind_address="127.0.0.1") as peer:
        url = f"ws://127.0.0.1:{peer.get_local_port()}"
        joined = multiplayer_client(mine, url)
        theirs = await joined.__aenter__()
        onlooker = await connect(url)
    assert theirs.get_close_cause().cause is Cause.CLOSED
    assert len([message async for message in onlooker]) > 0  # its id, and who else is there
    assert onlooker.close_code == 1001
    await onlooker.close()
    await joined.__aexit__(None, None, None)


async def test_what_cannot_be_joined_or_opened_is_an_exception() -> None:
    mine, _ = tree()
    before = mine.multiplayer.multiplayer_peer
    wrong: list[tuple[type[Exception], Callable[[], Any]]] = [
        (ValueError, lambda: multiplayer_client(mine, "http://x")),
        (TypeError, lambda: multiplayer_client(mine, "ws://127.0.0.1", no_such_setting=1)),
        (TypeError, lambda: multiplayer_server(mine, _session=1)),
        (TransportError, lambda: multiplayer_server(mine, bind_address="203.0.113.1")),
    ]
    for kind, make in wrong:
        with pytest.raises(kind):
            async with make():
                pass
    with pytest.raises(TransportError) as caught:
        async with multiplayer_client(mine, "wss://127.0.0.1", TLSOptions.client("/no/such/authority.pem")):
            pass
    assert mine.multiplayer.multiplayer_peer is before
    with pytest.raises(TransportError) as caught:
        async with multiplayer_client(mine, f"ws://127.0.0.1:{free_port()}"):
            pass
    assert caught.value.cause is Cause.TCP
    assert mine.multiplayer.multiplayer_peer is None
    async with multiplayer_server(tree()[0], bind_address="127.0.0.1") as peer:
        peer.refuse_new_connections = True
        with pytest.raises(HandshakeError):
            async with multiplayer_client(mine, f"ws://127.0.0.1:{peer.get_local_port()}"):
                pass


async def test_joining_can_be_cancelled() -> None:
    async with multiplayer_server(tree()[0], bind_address="127.0.0.1") as peer:
        url = f"ws://127.0.0.1:{peer.get_local_port()}"
        for number in range(0, 30, 3):
            await cancelled_after(number, talk(url, "x"))
        assert await talk(url, "after all") == [(1, "you said after all")]


async def test_a_peer_that_the_tree_was_given_meanwhile_stays() -> None:
    served, _ = tree()
    other = WebSocketMultiplayerPeer()
    other.create_server(0, "127.0.0.1")
    async with multiplayer_server(served, bind_address="127.0.0.1", dialects=("godot4", "godot3")):
        served.multiplayer.multiplayer_peer = other
    assert served.multiplayer.multiplayer_peer is other
    other.close()


async def test_a_poller_that_is_closed_is_watched_by_no_loop_any_more() -> None:
    """A loop of uvloop ends the process over a descriptor that was closed while it watched."""
    async with multiplayer_server(tree()[0], bind_address="127.0.0.1") as peer:
        peer.close()


def test_leaving_does_not_wait_long_for_who_does_not_answer(new_loop: Loops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.aio.multiplayer.GRACE", 0.05)

    async def main() -> None:
        async with multiplayer_server(tree()[0], bind_address="127.0.0.1") as peer:
            mute = await connect(f"ws://127.0.0.1:{peer.get_local_port()}")
            mute._driver.stop()  # it answers nothing any more
            await until(lambda: peer._server.peers)
        mute.peer.close(-1)

    run(main(), new_loop)


class Waiting(Node):
    """Its methods wait."""

    def __init__(self) -> None:
        super().__init__(name="Main")
        self.go_on = asyncio.Event()
        self.heard: list[Any] = []
        self.ended: list[str] = []

    @rpc("any_peer")
    async def ask(self, text: str) -> None:
        first = self.multiplayer.get_remote_sender_id()
        await self.go_on.wait()
        self.heard.append((first, self.multiplayer.get_remote_sender_id(), text))
        self.answer.rpc_id(first, text.upper())

    @rpc("any_peer")
    async def answer(self, text: str) -> None:
        self.heard.append(text)

    @rpc("any_peer")
    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise KeyError("what was asked")

    @rpc("any_peer")
    async def wait_for_ever(self, stubborn: bool) -> None:
        self.heard.append("begun")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended.append("cancelled")
            if stubborn:
                await asyncio.sleep(3600)


def waiting() -> tuple[SceneTree, Waiting]:
    made, main = SceneTree(), Waiting()
    made.root.add_child(main)
    return made, main


async def test_async_methods_are_tasks_that_know_who_called() -> None:
    (served, host), (mine, main) = waiting(), waiting()
    async with (
        multiplayer_server(served, bind_address="127.0.0.1") as peer,
        multiplayer_client(mine, f"ws://127.0.0.1:{peer.get_local_port()}") as client,
    ):
        for text in ("a", "b"):
            main.ask.rpc_id(1, text)
        main.answer.rpc_id(1, "not held up")
        await until(lambda: host.heard)
        assert host.heard == ["not held up"]
        host.go_on.set()
        await until(lambda: len(main.heard) == 2)
        own = client.get_unique_id()
        assert host.heard[1:] == [(own, own, "a"), (own, own, "b")]
        assert main.heard == ["A", "B"]
        await host.answer("a plain call is a coroutine")
        assert host.heard[-1] == "a plain call is a coroutine"
        assert host.multiplayer.get_remote_sender_id() == 0


async def test_an_async_method_that_raises_is_logged_with_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    (served, host), (mine, main) = waiting(), waiting()
    async with (
        multiplayer_server(served, bind_address="127.0.0.1") as peer,
        multiplayer_client(mine, f"ws://127.0.0.1:{peer.get_local_port()}") as client,
    ):
        main.fail.rpc_id(1)
        await until(lambda: "raised, called by peer" in caplog.text)
        assert f"fail of <Waiting '/root/Main'> raised, called by peer {client.get_unique_id()}" in caplog.text
        assert 'raise KeyError("what was asked")' in caplog.text
        assert host.heard == []


@pytest.mark.parametrize("stubborn", [False, True])
async def test_the_tasks_of_a_tree_end_with_it(
    stubborn: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gdpeer.aio.multiplayer.GRACE", 0.2)
    caplog.set_level("WARNING", "gdpeer")
    (served, host), (mine, main) = waiting(), waiting()
    async with (
        multiplayer_server(served, bind_address="127.0.0.1") as peer,
        multiplayer_client(mine, f"ws://127.0.0.1:{peer.get_local_port()}"),
    ):
        for _ in range(3):
            main.wait_for_ever.rpc_id(1, stubborn)
        await until(lambda: len(host.heard) == 3)
    assert host.ended == ["cancelled"] * 3
    assert ("3 calls of async methods still run" in caplog.text) is stubborn
    assert use_tasks(served, None) is None
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_calls_that_never_end_are_limited_for_each_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.aio.tasks.MOST_TASKS", 5)
    (served, host), (mine, main), (other, third) = waiting(), waiting(), waiting()
    async with multiplayer_server(served, bind_address="127.0.0.1") as peer:
        url = f"ws://127.0.0.1:{peer.get_local_port()}"
        async with multiplayer_client(mine, url) as client, multiplayer_client(other, url):
            for _ in range(8):
                main.wait_for_ever.rpc_id(1, False)
            third.wait_for_ever.rpc_id(1, False)
            await until(lambda: len(host.heard) == 6)
            await until(lambda: served.multiplayer.refused["too many calls"] == 3)
            assert served.multiplayer.get_refused(client.get_unique_id()) == {"too many calls": 3}
    assert len(host.ended) == 6


async def test_timers_and_deferred_calls_of_tasks_need_no_packet_and_no_long_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gdpeer.aio.multiplayer.LONGEST", 1000.0)
    served, main = tree()

    async def hear(text: str) -> None:
        await served.create_timer(0.01).timeout
        main.heard.append((0, text))

    async with multiplayer_server(served, bind_address="127.0.0.1"):
        await asyncio.sleep(0)
        await served.create_timer(0.02).timeout
        served.call_deferred(hear, "deferred")
        await until(lambda: main.heard)
    assert main.heard == [(0, "deferred")]
    assert served.on_news is None


async def test_async_hooks_of_nodes_are_tasks_whose_errors_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    served, _ = tree()
    happened = []

    class Late(Node):
        async def _ready(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            happened.append("ready")

        async def go(self) -> None:
            raise ValueError("went wrong")

    async with multiplayer_server(served, bind_address="127.0.0.1"):
        late = Late()
        late.add_to_group("late")
        served.root.add_child(late)
        served.call_group("late", "go")
        await until(lambda: happened and "ValueError: went wrong" in caplog.text)
    assert "go raised" in caplog.text


async def test_an_async_auth_callback_admits_a_peer_later() -> None:
    served, _ = tree()
    mine, _ = tree()

    async def check(peer_id: int, data: bytes) -> None:
        await asyncio.sleep(0)
        assert data == b"ticket"
        served.multiplayer.complete_auth(peer_id)

    def show(peer_id: int) -> None:
        mine.multiplayer.send_auth(peer_id, b"ticket")
        mine.multiplayer.complete_auth(peer_id)

    served.multiplayer.auth_callback = check
    mine.multiplayer.auth_callback = lambda *_: None
    mine.multiplayer.peer_authenticating.connect(show)
    async with (
        multiplayer_server(served, bind_address="127.0.0.1") as peer,
        multiplayer_client(mine, f"ws://127.0.0.1:{peer.get_local_port()}"),
    ):
        await until(lambda: served.multiplayer.get_peers())


def test_an_async_auth_callback_without_asyncio_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    async def check(peer_id: int, data: bytes) -> None: ...

    hub = LoopbackMultiplayerPeer()
    trees = tree()[0], tree()[0]
    for one, peer in zip(trees, (hub, hub.join()), strict=True):
        one.multiplayer.auth_callback = check
        one.multiplayer.multiplayer_peer = peer
    trees[1].multiplayer.peer_authenticating.connect(lambda peer_id: trees[1].multiplayer.send_auth(peer_id, b"x"))
    for _ in range(3):
        for one in trees:
            one.poll()
    assert "auth_callback is an async method, and this tree does not run in asyncio" in caplog.text


async def test_requests_may_be_answered_by_coroutines() -> None:
    served, _ = tree()

    async def page(request: Request) -> Response:
        await asyncio.sleep(0.01)
        return Response(200, f"this is {request.path}")

    async def ask(request: Request) -> Response | None:
        await asyncio.sleep(0)
        return Response(403, "not you") if request.path == "/bad" else None

    options: dict[str, Any] = {"http_handler": page, "process_request": ask}
    async with multiplayer_server(served, bind_address="127.0.0.1", **options) as peer:
        url = f"127.0.0.1:{peer.get_local_port()}"
        with await asyncio.to_thread(urllib.request.urlopen, f"http://{url}/x", timeout=10) as answer:
            assert answer.read() == b"this is /x"
        assert await talk(f"ws://{url}", "x") == [(1, "you said x")]
        with pytest.raises(HandshakeError, match="403"):
            await talk(f"ws://{url}/bad", "x")
