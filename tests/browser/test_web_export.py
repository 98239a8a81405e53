"""R5: a Godot project's web export in a room, which loses its connection and comes back unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gdpeer.http import StaticFolder
from tests.interop.resuming import (
    FOREVER,
    House,
    Player,
    exchange,
    frames_until_right,
    introduce,
    make_project,
    player,
)
from tests.support.web_export import WebEngine, export

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.node, pytest.mark.timeout(180)]


@contextmanager
def a_native_and_a_web_player(browser: Browser, folder: Path, resume: str) -> Iterator[tuple[House, Player, Player]]:
    with House(resume=resume) as room:
        project = make_project(folder, room.url)
        export(make_project(folder, room.lay_cable()), folder / "site")
        room.hall.http_handler = StaticFolder(folder / "site")
        site = f"http://127.0.0.1:{room.hall.get_local_port()}/"
        with player(project, room) as ann, WebEngine(browser, site) as page:
            room.polled.append(page)
            bob = Player(page, room)
            introduce(room, ann, bob)
            yield room, ann, bob


def pull_the_cable(room: House) -> None:
    assert room.cable is not None
    room.cable.pull()


@pytest.mark.parametrize("resume", ["silent", pytest.param("announce", marks=pytest.mark.extended)])
def test_a_web_export_comes_back(browser: Browser, tmp_path: Path, resume: str) -> None:
    with a_native_and_a_web_player(browser, tmp_path, resume) as (room, ann, bob):
        number, signals = bob.id, len(ann.signals())
        for turn in range(3):
            if turn == 1:
                pull_the_cable(room)  # the server notices nothing before the player is back
            else:
                room.cut(bob.id)
            bob.wait_for_loss()
            ann.run(f'call_all(["One", "Two"], {bob.id}, "away {turn}")')
            bob.wait_for_join()
            assert bob.id == number
            if resume == "silent" and turn != 1:
                bob.wait_for_pings(("One", f"away {turn}"), ("Two", f"away {turn}"))
            exchange(room, ann, bob, f"back {turn}")
            assert max(frames_until_right(room, ann, bob, 10_000 * (turn + 1))) < FOREVER
        told = [] if resume == "silent" else ["peer_disconnected", "peer_connected"] * 3
        assert ann.signals()[signals:] == told
        assert [words[:2] for words in room.news].count(("back", number)) == 3
        assert ann.complaints() == bob.complaints() == []
