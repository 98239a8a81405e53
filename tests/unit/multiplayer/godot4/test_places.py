"""A keeper of places: the end and the return of a peer come apart, and the others notice neither."""

from __future__ import annotations

from gdpeer.multiplayer.wire import godot4 as wire
from tests.unit.multiplayer.sessions import Session, Side


class Keeper:
    """Keeps every place, and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.holds = True

    def joined(self, peer_id: int) -> None:
        self.told.append(("joined", peer_id))

    def keeps(self, peer_id: int) -> bool:
        return self.holds

    def lost(self, peer_id: int) -> None:
        self.told.append(("lost", peer_id))

    def caught_up(self, peer_id: int) -> None:
        self.told.append(("caught up", peer_id))

    def returned(self, peer_id: int) -> None:
        self.told.append(("returned", peer_id))

    def failed(self, peer_id: int) -> None:
        self.told.append(("failed", peer_id))

    def gone(self, peer_id: int) -> None:
        self.told.append(("gone", peer_id))


def kept(clients: int = 2) -> tuple[Session, Keeper]:
    session, keeper = Session(clients), Keeper()
    session.server.api.keeper = keeper
    return session, keeper


def lose(session: Session, client: Side) -> None:
    client.peer.close()
    session.clients.remove(client)
    session.run()


def come_back(session: Session, peer_id: int) -> None:
    """What the network does when the id has a connection again."""
    session.server.api._peer_came(peer_id)


def test_a_lost_peer_is_away_and_nobody_is_told() -> None:
    session, keeper = kept()
    first, second = session.clients
    peer_id = first.id
    lose(session, first)
    assert keeper.told == [("lost", peer_id)]
    api = session.server.api
    assert list(api.away) == [peer_id]
    assert api.get_peers() == [second.id]
    assert session.server.take_signals() == []
    assert second.take_signals() == []
    assert session.server.take_sent() == []


def test_a_place_that_is_given_up_is_announced() -> None:
    session, keeper = kept()
    first, second = session.clients
    peer_id = first.id
    lose(session, first)
    session.server.api.give_up(peer_id)
    session.run()
    assert keeper.told == [("lost", peer_id), ("gone", peer_id)]
    assert session.server.take_signals() == [("peer_disconnected", peer_id)]
    assert second.take_signals() == [("peer_disconnected", peer_id)]
    session.server.api.give_up(peer_id)
    assert keeper.told[2:] == []


def test_a_returned_peer_is_told_of_all_and_the_others_of_nothing() -> None:
    session, keeper = kept(3)
    first, second, third = session.clients
    ids = first.id, second.id, third.id
    lose(session, first)
    lose(session, second)
    session.server.take_sent()
    come_back(session, ids[0])
    sent = session.server.take_sent()
    assert {tuple(to) for to, _ in sent} == {(ids[0],)}
    assert [wire.parse(data) for _, data in sent] == [wire.AddPeer(ids[2]), wire.AddPeer(ids[1])]
    assert keeper.told[-2:] == [("returned", ids[0]), ("caught up", ids[0])]
    assert session.server.api.get_peers() == [ids[2], ids[0]]
    assert list(session.server.api.away) == [ids[1]]
    assert session.server.take_signals() == []


def test_a_newcomer_is_told_of_those_who_are_away() -> None:
    session, keeper = kept(1)
    first_id = session.clients[0].id
    lose(session, session.clients[0])
    late = session.join()
    session.run()
    assert ("peer_connected", first_id) in late.take_signals()
    assert keeper.told[-1] == ("joined", late.id)


def test_a_call_for_a_peer_that_is_away_is_no_fault_of_the_caller() -> None:
    session, _ = kept()
    first, second = session.clients
    peer_id = first.id
    lose(session, first)
    second.main.say.rpc_id(peer_id, "hello")
    session.run()
    assert session.server.api.get_refused(second.id) == {}


def test_a_peer_whose_place_is_not_kept_is_gone() -> None:
    session, keeper = kept()
    keeper.holds = False
    first, second = session.clients
    peer_id = first.id
    lose(session, first)
    assert keeper.told == [("gone", peer_id)]
    assert session.server.take_signals() == [("peer_disconnected", peer_id)]
    assert second.take_signals() == [("peer_disconnected", peer_id)]


def test_a_peer_that_is_not_admitted_has_failed() -> None:
    session, keeper = kept(0)
    session.server.api.auth_callback = lambda peer_id, data: None
    late = session.join()
    peer_id = late.id
    session.run()
    late.peer.close()
    session.run()
    assert keeper.told == [("failed", peer_id)]


def test_disconnect_peer_ends_the_place_of_a_peer_that_is_away() -> None:
    session, keeper = kept()
    first, second = session.clients
    peer_id = first.id
    lose(session, first)
    session.server.api.disconnect_peer(peer_id)
    session.run()
    assert keeper.told[-1] == ("gone", peer_id)
    assert second.take_signals() == [("peer_disconnected", peer_id)]
    assert not session.server.api.away


def test_clear_forgets_those_who_are_away() -> None:
    session, _ = kept()
    lose(session, session.clients[0])
    session.server.api.clear()
    assert not session.server.api.away
