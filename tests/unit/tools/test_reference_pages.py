"""The pages of the reference as `python -m tools.reference` makes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.reference.__main__ import faults, write
from tools.reference.pages import make_pages

PAGES = make_pages()


def section(page: str, heading: str) -> str:
    """What stands below one heading, up to the next."""
    found = re.search(rf"^(#+) `{re.escape(heading)}`\n(.*?)(?=^#|\Z)", PAGES[page], re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[2]


def test_the_pages_of_the_project_are_current() -> None:
    assert faults() == []


def test_pages_that_are_not_current_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    assert faults(tmp_path) == []
    (tmp_path / "http.md").write_text("# HTTP\n")
    (tmp_path / "old.md").write_text("# Old\n")
    found = faults(tmp_path)
    assert "docs/reference/http.md is not current: run python -m tools.reference" in found
    assert "docs/reference/old.md is not current: run python -m tools.reference" in found
    assert "the reference says nothing of gdpeer.http.chain" in found
    write(tmp_path)
    assert faults(tmp_path) == []


def test_a_method_has_its_signature_text_and_sections() -> None:
    text = section("websocket-server.md", "WebSocketServer.listen()")
    assert "listen(port: int, protocols: Iterable[str] = (), gd_mp_api: bool = False) -> Error" in text
    assert "* `gd_mp_api`: True turns on Godot 3's multiplayer mode" in text
    assert "* `ERR_ALREADY_IN_USE`: this server listens already" in text


def test_settings_have_types_and_defaults() -> None:
    text = section("websocket-peer.md", "WebSocketPeer")
    assert re.search(r"^\| `max_queued_packets` \| `int` \| `4096` \| Messages", text, re.MULTILINE)
    assert re.search(r"^\| `heartbeat_interval` \| `float` \| `0.0` \| Seconds", text, re.MULTILINE)
    assert re.search(r"^\| `drained` \| `\(\)` \| After", text, re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["PeerState", "PeerWriteMode", "PeerType", "Processor", "Pem", "MONOTONIC", "_V", "_N"]
)
def test_names_that_no_reader_can_import_are_written_out(name: str) -> None:
    assert [page for page, text in PAGES.items() if re.search(rf"\b{name}\b", text)] == []


def test_classes_of_one_name_are_told_apart() -> None:
    text = section("godot3.md", "godot3.MultiplayerAPI")
    assert "Extends [`gdpeer.MultiplayerAPI`](multiplayer.md#multiplayerapi)." in text
    assert "RPC_MODE_ANY_PEER" not in text  # the base describes it


def test_defaults_are_as_one_writes_them() -> None:
    assert "mode: TransferMode = TransferMode.RELIABLE" in section("multiplayer.md", "SceneMultiplayer.send_bytes()")
    assert "write_mode: WebSocketPeer.WriteMode = WebSocketPeer.WriteMode.BINARY" in section(
        "websocket-peer.md", "WebSocketPeer.send()"
    )


def test_mentions_of_public_names_are_links() -> None:
    assert "[`PeerStats`](websocket-peer.md#peerstats)" in PAGES["websocket-server.md"]
    assert "[`PacketPeer`](#packetpeer)" in PAGES["websocket-peer.md"]
    assert "made by [`connect`](#aioconnect)" in PAGES["asyncio.md"]  # the module's own, not that of another


def test_no_page_needs_sphinx() -> None:
    assert not [
        page for page, text in PAGES.items() if re.search(r"^\.\. |```\{|:(?:class|meth|py:\w+):`", text, re.MULTILINE)
    ]
