"""The same sessions in the form that runs here and in the uncompiled one: what came of each step must be equal.

Uncompiled it shows that a session depends on nothing but its steps.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gdpeer
from tests.property.sessions import Step, run
from tests.property.streams import CODES, CUTS, ROLES, cut, damaged, encode, streams
from tests.unit.websocket.support import plain_request, request

ROOT = Path(__file__).parents[2]

Compare = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compare]:
    """Asserts that a session's record is that of a process where gdpeer has no compiled modules."""
    folder = tmp_path_factory.mktemp("uncompiled")
    source = Path(gdpeer.__file__).parent
    shutil.copytree(source, folder / "gdpeer", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.property.sessions"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        to, back = process.stdin, process.stdout

        def compared(session: dict[str, Any]) -> None:
            text = json.dumps(session)
            to.write(text + "\n")
            to.flush()
            theirs = json.loads(back.readline())
            ours = json.loads(json.dumps(run(json.loads(text))))
            for step, (here, there) in enumerate(zip(ours, theirs, strict=True)):
                assert here == there, session["steps"][step // 2]

        yield compared
        to.close()
        assert process.wait(60) == 0


# ---------------------------------------------------------------------------------------------- what is received

FIRST = st.sampled_from([0, 1, 2, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A])
ANY_FIRST = st.integers(0, 255)


@st.composite
def received(draw: st.DrawFn, *, to_client: bool) -> bytes:
    """Legal streams, plausible frames, damaged ones, and frames of which the head alone is there."""
    key = b"" if to_client else b"\x37\xfa\x21\x3d"
    if draw(st.booleans()):
        data = draw(streams(to_client=to_client))[0]
    else:
        payload = st.one_of(st.binary(max_size=12), st.sampled_from([125, 126, 300, 66_000]).map(bytes), TEXT)
        data = b"".join(draw(st.lists(st.builds(encode, FIRST | ANY_FIRST, payload, st.just(key)), max_size=6)))
    if draw(st.integers(0, 3)) == 0:
        data = draw(damaged(data))
    if draw(st.integers(0, 7)) == 0:
        length = draw(st.sampled_from([0, 126, 65535, 65536, 2**31 - 1, 2**32, 2**55, 2**62, 2**63 - 1, 2**63]))
        begun = draw(st.booleans())
        data += encode(0x02, b"begun", key) if begun else b""
        data += bytes([0x80 if begun else 0x82, 127 if to_client else 255]) + length.to_bytes(8, "big") + key
    return data


TEXT = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.builds(lambda text, damage: text.encode() + damage, st.text(min_size=20, max_size=60), st.binary(max_size=3)),
)

# ---------------------------------------------------------------------------------------------- connections

LIMITS = st.fixed_dictionaries(
    {
        "max_message_size": st.sampled_from([0, 5, 200, 65_535, 2**70]),
        "max_queued_bytes": st.sampled_from([0, 10, 65_535, 2**70]),
        "max_queued_packets": st.sampled_from([0, 1, 2, 3, 4096, 2**70]),
        "max_fragments": st.sampled_from([1, 2, 5, 131_072]),
        "max_pending_control": st.sampled_from([0, 20, 16_384]),
    }
)
ON_CONNECTIONS = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 4)),
    st.tuples(st.just("take"), st.just(1000)),
    st.tuples(st.just("sent"), st.sampled_from([0, 1, 5, 300, 20_000, 2**30])),
    st.tuples(st.just("sent"), st.just(2**30)),
    st.tuples(st.sampled_from(["peek", "discard"]), st.integers(-1, 4)),
    st.tuples(st.just("settle")),
    st.tuples(st.just("message"), st.sampled_from([0, 1, 125, 126, 5000, 16_384, 65_536]), st.booleans()),
    st.tuples(st.just("shared"), st.sampled_from([1, 200, 20_000])),
    st.tuples(st.just("ping"), st.sampled_from([0, 9, 125, 126])),
    st.tuples(st.just("close"), CODES | st.sampled_from([-1, 0, 1005, 5000]), st.text(max_size=5)),
    st.tuples(st.just("end")),
)


def mixed(draw: st.DrawFn, pieces: list[Step], actions: st.SearchStrategy[Any]) -> list[Step]:
    """Each piece followed by some actions."""
    steps: list[Step] = []
    for piece in pieces:
        steps += [piece, *map(list, draw(st.lists(actions, max_size=3)))]
    return steps


@st.composite
def connections(draw: st.DrawFn) -> dict[str, Any]:
    is_client = draw(ROLES)
    pieces = cut(draw(received(to_client=is_client)), draw(CUTS))
    steps = mixed(draw, [["receive", piece.hex()] for piece in pieces], ON_CONNECTIONS)
    return {"server": False, "is_client": is_client, "limits": draw(LIMITS), "steps": steps}


@given(connections())
def test_connections(compare: Compare, session: dict[str, Any]) -> None:
    compare(session)


# ---------------------------------------------------------------------------------------------- servers

HEADS = st.one_of(
    st.just(request()),
    st.just(request()),
    st.just(request()),
    st.sampled_from([request("/x", "Sec-WebSocket-Protocol: a"), plain_request("/health"), plain_request(), b"GET"]),
    damaged(request()),
)
SETTINGS = st.fixed_dictionaries(
    {
        "inbound_buffer_size": st.sampled_from([20, 1000, 65_536, 300_000]),
        "outbound_buffer_size": st.sampled_from([0, 10, 400, 65_536]),
        "max_queued_packets": st.sampled_from([1, 2, 64]),
        "heartbeat_interval": st.sampled_from([0.0, 2.0]),
        "max_peers": st.sampled_from([0, 1]),
    }
)


def on_servers(ends: int) -> st.SearchStrategy[Any]:
    end = st.integers(0, ends - 1)
    sizes = st.sampled_from([0, 1, 100, 200, 500, 70_000])
    return st.one_of(
        st.tuples(st.just("poll")),
        st.tuples(st.just("poll")),
        st.tuples(st.sampled_from(["read", "take"]), end),
        st.tuples(st.just("later"), st.sampled_from([0.3, 1.5, 4.0, 11.0])),
        st.tuples(st.just("send"), end, sizes, st.sampled_from([1, 1, 2, 9])),
        st.tuples(st.just("broadcast"), sizes),
        st.tuples(st.just("leave"), end, CODES | st.sampled_from([-1, -(2**40), 1005])),
        st.tuples(st.just("ask"), end),
        st.tuples(st.sampled_from(["hang_up", "break_off"]), end),
    )


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    ends = draw(st.integers(1, 3))
    steps: list[Step] = []
    pieces: list[Step] = []
    for end in range(ends):
        data = draw(HEADS) + draw(received(to_client=False))
        first, *others = cut(data, draw(CUTS))
        steps.append(["enter", first.hex(), draw(st.sampled_from([1 << 20, 4096, 100])), draw(CAPACITY)])
        pieces += [["receive", end, piece.hex()] for piece in others]
    steps.append(["poll"])
    steps += mixed(draw, draw(st.permutations(pieces)), on_servers(ends))
    for step in (["poll"], ["later", 3.5], ["later", 1.5]):
        steps += [step, *([name, end] for name in ("ask", "read") for end in range(ends))]
    return {
        "server": True,
        "settings": draw(SETTINGS),
        "echoes": draw(st.booleans()),
        "steps": steps,
    }


CAPACITY = st.sampled_from([1 << 20, 300])


@given(servers())
def test_servers(compare: Compare, session: dict[str, Any]) -> None:
    compare(session)
