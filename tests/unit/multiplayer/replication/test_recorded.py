"""Both halves of the engine's recorded sessions: Python in place of the server, and in place of each client.

A sender must send the engine's bytes, and a receiver must end up with the sender's state. Where an engine has a defect
(reference godot4-replication section 14), the difference is listed with the number of the defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import Node, Vector2
from tests.support.rep_game import BY_HAND, DECLARED, Forms, Main
from tests.support.rep_recorded import (
    SESSIONS,
    ClientSide,
    ServerSide,
    Session,
    differences,
    replay_client,
    replay_server,
    sent_by_client,
    sent_by_server,
    session_of,
)

FORMS = pytest.mark.parametrize("forms", [DECLARED, BY_HAND], ids=["declared", "by hand"])
EACH = pytest.mark.parametrize("name", SESSIONS)

NO_METHODS = "d41d8cd98f00b204e9800998ecf8427e"
HELLO = "b26b99ace747052db07cbcb2ade028b5"
PLACE = "050000000000803f000000400300000000000000"
"""The values (1, 2) and 0.0."""
MOVED = "05000000000020410000a0410300000000000000"
MADE = "026404000000070000006d61646520553100"
"""The values 100 and "made U1"."""
EARLY = f"{PLACE}0264040000000a0000006d616465204561726c7900000300000000000000"
SECOND = f"{PLACE}0264040000000f0000006d616465204d6164655365636f6e64000300000000000000"

SERVER_DIFFERS = {
    # 2 and 3: synchronizers stay in the order of the scene, and a SPAWN gives each a number that is not a path's.
    "handover_late": [
        f"- SPAWN 1 [3, path 4] 'U1', scene 0 by 2: 0300000000000000{PLACE}{MADE}",
        f"+ SPAWN 1 [4, 3] 'U1', scene 0 by 2: {PLACE}{MADE}0300000000000000",
        f"- path 4 is Main/Units/U1/Sync {NO_METHODS}",
        "+ delta of 4, mask 3: 02641c00000000000000",
        "- delta of path 4, mask 3: 02641c00000000000000",
        "- delta of path 4, mask 1: 025a",
        "+ delta of 4, mask 1: 025a",
        f"+ SYNC 4: {MOVED}",
        f"- SYNC path 4: {PLACE}",
        f"- SYNC path 4: {MOVED}",
    ],
    # 4: a node that comes back is spawned again.
    "reparent": [
        f"- path 5 is Main/Units/U1/Sync {NO_METHODS}",
        f"- path 6 is Main/Units/U1/Input {NO_METHODS}",
        f"+ SPAWN 4 [5, 6] 'U1', scene 0 by 2: {PLACE}025a04000000070000006d616465205531000300000000000000",
        "+ delta of 5, mask 3: 025a1c00000000000000",
        "+ delta of 6, mask 1: 0300000000000000",
        f"+ SYNC 5: {MOVED}",
        "+ SYNC 6: 0300000000000000",
    ],
    # 5: a late client gets nodes in the order of the tree.
    "order": [
        f"+ SPAWN 1 [2, 3] 'MadeSecond', scene 0 by 2: {SECOND}",
        f"- SPAWN 1 [2, 3] 'MadeSecond', scene 0 by 2: {SECOND}",
    ],
    # 7: a call in `_ready` waits for the SPAWN of its node.
    "early": [
        f"- path 2 is Main/Units/Early {HELLO}",
        f"+ path 2 is Main/Spawner {NO_METHODS}",
        f"+ SPAWN 1 [2, 3] 'Early', scene 0 by 2: {EARLY}",
        f"+ path 3 is Main/Units/Early {HELLO}",
        f"- path 3 is Main/Spawner {NO_METHODS}",
        f"- SPAWN 1 [2, 3] 'Early', scene 0 by 3: {EARLY}",
    ],
    # 10: the former authority of a spawner despawns its nodes before the others hear of the new one.
    "lose": ["+ DESPAWN 1", "- DESPAWN 1"],
}
CLIENT_DIFFERS = {
    # 1: the path is kept, and answered when the node is there.
    ("private", 11): ["+ confirm 1 True"],
}
STEPS_AFTER_THE_LAST_PACKET = {"reparent"}


@FORMS
@EACH
def test_a_server_sends_what_the_engine_has_sent(name: str, forms: Forms) -> None:
    session = session_of(name)
    side = replay_server(session, forms)
    if name in STEPS_AFTER_THE_LAST_PACKET:
        side.run_rest()
    assert differences(sent_by_server(session), side.peer.sent) == SERVER_DIFFERS.get(name, [])


@FORMS
@EACH
def test_a_client_sends_what_the_engine_has_sent(name: str, forms: Forms) -> None:
    session = session_of(name)
    for conn in session.ids:
        side = replay_client(session, conn, forms)
        assert differences(sent_by_client(session, conn), side.peer.sent) == CLIENT_DIFFERS.get((name, conn), [])


# ------------------------------------------------------------------------------------------------ reception

INPUT = {"aim": (1.5, 0.0), "motion": (Vector2(0, 4), Vector2())}
STATE_DIFFERS: dict[tuple[str, int], list[dict[str, Any]]] = {
    # 1: the engine never told the path again, so the owner's values do not come.
    ("private", 11): [{"Units/2076151958": INPUT}],
    # 2: the engine's SPAWN has the values of the synchronizers in the wrong order. They do not fit, and stay as they
    # were.
    ("handover_late", 16): [
        {"Units/U1": {"position": (Vector2(1, 2), Vector2()), "title": ("made U1", "unit")}},
        {"Units/U1": {"position": (Vector2(10, 20), Vector2()), "title": ("made U1", "unit")}},
    ],
    # 4: the engine did not spawn the node again.
    ("reparent", 23): [{"U1": "missing"}, {"Units/U1": "missing"}],
    # The step adds this child on the server only.
    ("early", 27): [{"Units/Early": {"authority": "Caller"}}],
    # With the relay off, the server passes nobody's values on.
    ("no_relay", 33): [{"Units/41772535": INPUT}],
    ("no_relay", 34): [{"Units/2122823730": INPUT}],
    # The client has taken what is not its own.
    ("steal", 30): [
        {"Units/U1": {"position": (Vector2(10, 20), Vector2(666, 666)), "health": (100, 666), "authority": "Sync"}},
        {"Units/U1": {"position": (Vector2(10, 20), Vector2(666, 666)), "health": (90, 666), "authority": "Sync"}},
    ],
}
UNTYPED = {("big", 26): [{"Board": {"clock": ("x" * size, 0)}} for size in (1328, 1332)]}
"""An ordinary attribute has the type of its value, and takes no text in place of a number."""


class Replay:
    """Python on all sides; each gets what the engines have sent."""

    def __init__(self, session: Session, forms: Forms) -> None:
        self.session = session
        self.forms = forms
        self.server = ServerSide(forms, session)
        self.clients: dict[int, ClientSide] = {}

    def moments(self) -> Iterator[None]:
        """Yields when all packets of one step have come, and after the last step."""
        for line in self.session.lines:
            if line.to_client and line.call not in ("", self.server.steps.current):
                for side in (self.server, *self.clients.values()):
                    side.poll()
                yield
            self.server.take(line)
            if line.conn in self.clients:
                self.clients[line.conn].take(line)
            else:
                self.clients[line.conn] = ClientSide(self.forms, self.session, line.conn)
        for side in (self.server, *self.clients.values()):
            side.finish()
        yield

    def differences(self, conn: int) -> dict[str, Any]:
        """Returns where a client's state differs from the server's: the two values, by node and property."""
        peer_id = self.session.ids[conn]
        theirs = {path: one for path, one in states(self.server.main).items() if self._is_shown(path, peer_id)}
        own = states(self.clients[conn].main)
        found: dict[str, Any] = dict.fromkeys(theirs.keys() - own.keys(), "missing")
        found |= dict.fromkeys(own.keys() - theirs.keys(), "too many")
        for path in theirs.keys() & own.keys():
            two = {key: (value, own[path][key]) for key, value in theirs[path].items() if own[path][key] != value}
            if "authority" in two:
                one, other = two["authority"]
                two["authority"] = " ".join(sorted(name for name in one if one[name] != other.get(name)))
            found |= {path: two} if two else {}
        return found

    def _is_shown(self, path: str, peer_id: int) -> bool:
        entry = self.server.api.replicator.spawns.nodes.get(self.server.main.get_node(path))
        return entry is None or peer_id in entry.shown


def states(main: Main) -> dict[str, dict[str, Any]]:
    """Returns the values of each node, and the authorities of the node and its children."""
    found = main.state()
    for path, values in found.items():
        node = main.get_node(path)
        nodes = {"": node, **{child.name: child for child in node.get_children()}}
        values["authority"] = {name: one.get_multiplayer_authority() for name, one in nodes.items()}
    return found


def names(node: Node, path: str) -> list[str]:
    return [child.name for child in node.get_node(path).get_children()]


@FORMS
@EACH
def test_all_sides_have_the_state_of_the_sender(name: str, forms: Forms) -> None:
    replay = Replay(session_of(name), forms)
    expected = {**STATE_DIFFERS, **(UNTYPED if forms is BY_HAND else {})}
    seen: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in replay.moments():
        for conn, peer_id in replay.session.ids.items():
            if peer_id in replay.server.peer.linked and conn in replay.clients and (found := replay.differences(conn)):
                before = seen.setdefault((name, conn), [])
                before += [found] if found not in before else []
    assert seen == {key: value for key, value in expected.items() if key[0] == name}


ENDS: dict[str, tuple[list[str], list[str]]] = {
    # units and shots of all clients at the end, where there are some
    "basics": (["EggA", "Egg"], []),
    "order": (["MadeSecond", "MadeFirst"], []),
    "handover": (["U1"], []),
    "handover_late": (["U1"], []),
    "interval": (["U1"], []),
    "split": (["155999499", "U1", "MadeSecond", "MadeFirst"], []),
    "early": (["Early"], []),
    "steal": (["U1"], []),
    "reply": (["U1"], []),
    "lose": ([], []),
    "late": ([], []),
    "nest": ([], []),
    "shots": ([], []),
    "reparent": ([], []),
    "no_relay": ([], []),
    "big": ([], []),
}


@FORMS
@pytest.mark.parametrize("name", ENDS)
def test_clients_end_with_the_nodes_of_the_steps(name: str, forms: Forms) -> None:
    session = session_of(name)
    for conn in session.ids:
        main = replay_client(session, conn, forms).main
        expected = ENDS[name]
        if (name, conn) == ("order", 29):  # the engine sends nodes to a late client in the order of their making
            expected = (["MadeFirst", "MadeSecond"], [])
        assert (names(main, "Units"), names(main, "Shots")) == expected


@FORMS
def test_signals_and_calls_of_the_recorded_sessions(forms: Forms) -> None:
    (basics,) = [replay_client(session_of("basics"), 1, forms)]
    assert basics.main.spawned == ["U1", "EggA", "Egg"]
    assert basics.main.despawned == ["U1"]
    early = replay_client(session_of("early"), 27, forms)
    assert early.main.heard == [("hello", "too soon")]  # 7: the call has waited for its node
    reply = replay_server(session_of("reply"), forms)
    assert reply.main.heard == [("hit", 7)]
    nest = replay_client(session_of("nest"), 18, forms)
    assert (nest.main.spawned, nest.main.despawned) == (["Nest"], ["Nest"])


@FORMS
def test_the_nodes_of_a_client_that_leaves_go_without_a_signal(forms: Forms) -> None:
    session = session_of("shots_leave")
    server, other = replay_server(session, forms), replay_client(session, 22, forms)
    for side in (server, other):
        assert side.main.spawned == ["Shot"]
        side.poll()
        assert names(side.main, "Shots") == []
        assert side.main.despawned == []
    shots = replay_server(session_of("shots"), forms).main
    assert (shots.spawned, shots.despawned) == (["Shot"], ["Shot"])


@FORMS
def test_the_nodes_of_the_server_go_with_the_connection(forms: Forms) -> None:
    side = replay_client(session_of("kick"), 35, forms)
    assert names(side.main, "Units") == ["U1", "EggA", "Egg"]
    side.peer.unlink(1)
    side.peer.close()
    side.poll()
    side.poll()
    assert names(side.main, "Units") == []
    assert side.main.despawned == []
