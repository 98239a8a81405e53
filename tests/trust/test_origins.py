"""A1: what a server answers to every combination of Origin and Host, exactly as docs/origins.md has it.

The page's tables are read, and each cell of them is asked of a server over memory, whole and byte by byte.
"""

from __future__ import annotations

import re

import pytest

from gdpeer import WebSocketServer
from gdpeer.transport.memory import memory_pair
from tests.support.figures import record
from tests.support.missing import ROOT

OURS = "https://game.example"
SETTINGS = {"`None`": None, "`[]`": [], f'`["{OURS}"]`': [OURS]}
ROW = re.compile(r"^\| (.+?) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
HEAD = re.compile(r"^\| `(Origin|Host)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
Case = tuple[str, str, str, int]


def values(cell: str) -> list[str]:
    """The values of a header: one an occurrence, none where it is absent."""
    return [] if cell == "(absent)" else [value.replace("(empty)", "") for value in re.findall(r"`([^`]*)`", cell)]


def read_page() -> list[Case]:
    """Header, its cell, the setting's cell, and the status, for each cell of both tables."""
    text = (ROOT / "docs/origins.md").read_text(encoding="utf-8")
    heads = list(HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    cases = []
    for head, end in zip(heads, ends, strict=True):
        for row in ROW.finditer(text, head.end(), end):
            cases += [(head[1], row[1], head[column], int(row[column])) for column in (2, 3, 4)]
    return cases


CASES = read_page()


def request(header: str, cell: str) -> bytes:
    """An upgrade with those values; in the table of hosts the page is ours, in that of origins the host is."""
    origins, hosts = (values(cell), ["game.example"]) if header == "Origin" else ([OURS], values(cell))
    lines = [
        "GET / HTTP/1.1",
        *(f"Host: {host}" for host in hosts),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(f"Origin: {origin}" for origin in origins),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ask(setting: list[str] | None, data: bytes, step: int) -> tuple[int, int]:
    """The status, and how many peers there are then."""
    with WebSocketServer() as server:
        server.allowed_origins = setting
        theirs, ours = memory_pair()
        server.take_stream(ours)
        for at in range(0, len(data), step):
            theirs.send([data[at : at + step]])
            server.poll()
        buffer = bytearray(4096)
        count = theirs.receive_into(buffer)
        return int(buffer[:count].split(b" ")[1]), len(server.peers)


@pytest.mark.parametrize("step", [4096, 1], ids=["whole", "bytewise"])
def test_a1_each_combination_gets_the_answer_of_the_page(step: int) -> None:
    for header, cell, setting, status in CASES:
        told = ask(SETTINGS[setting], request(header, cell), step)
        assert told == (status, status == 101), (header, cell, setting)
    record("A1", combinations=len(CASES), wrong=0)


def test_a1_the_page_has_every_kind() -> None:
    """Nothing is lost from the tables by a slip of the reader or the writer."""
    kinds = {(header, cell) for header, cell, _, _ in CASES}
    assert len(CASES) == 3 * len(kinds)
    assert {setting for _, _, setting, _ in CASES} == set(SETTINGS)
    counted = {header: sum(found == header for found, _ in kinds) for header in ("Origin", "Host")}
    assert counted == {"Origin": 18, "Host": 13}
