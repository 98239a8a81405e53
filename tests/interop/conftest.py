"""Certificates for localhost, one set for all tests here; and which front is under test."""

from __future__ import annotations

import re

import pytest

from tests.interop import fronts
from tests.support.certificates import Certificates, make_certificates

WITHOUT_TLS_IS_ENOUGH = (
    "test_a_close_that_the_engine_starts_reads_as_clean_every_time",
    "test_a_close_that_the_server_starts_is_seen_with_code_and_reason_every_time",
    "test_closes_at_an_engines_server_are_clean_every_time",
    "test_closes_of_many_engines_read_as_clean_there_and_here",
    "test_closes_of_the_server_are_seen_by_every_engine",
    "test_closing_all_tells_every_engine",
    "test_messages_of_every_length_form_come_back",
    "test_no_common_protocol_is_refused",
    "test_raw_utf_8_in_the_url_and_names_that_are_no_tokens_are_let_in",
)
"""Tests with many cases or many engines, which TLS carries as it carries all bytes: other tests prove that."""
ONE_IS_ENOUGH = (
    "test_engine_accept_stream",
    "test_engine_closes",
    "test_engine_servers",
    "test_engine_signals",
    "test_mp_peers",
)
"""Files whose tests prove the same with Godot 3 over TLS as with each alone."""
REPEATED = re.compile(
    r"test_games_of_both_engines_are_in_one_session\[two sub-protocols\]|test_each_part_is_needed|"
    r"test_engines_play_in_rooms_of_their_own|test_a_game_that_is_killed_is_gone\[3\]|"
    r"test_(hidden_nodes|players_own_their_input|a_private_node_that_is_revealed|handing_over_and_back|"
    r"a_nest_with_an_egg|a_client_spawns)\[bot-project\]|"
    r"test_messages_of_every_length_form_come_back\[polling-(2|125|127|65535)-ws-3\]|"
    r"test_arguments_of_the_engine_that_do_not_fit\[(none|too_few)-engine_joins\]|"
    r"test_every_message_between_engines_is_decoded\[2-3\]"
)
"""Single cases that prove again what other cases prove: with a bot as well, another length or the other role."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to `make test-all` what other cases prove already.

    In `make test` the asyncio front meets Godot 4 without TLS. The polled classes meet both engines, with TLS and
    without. Only the files in `ONE_IS_ENOUGH` leave out Godot 3 over TLS, and the tests of `WITHOUT_TLS_IS_ENOUGH`
    leave out TLS. Godot 3 plays the demo's game once, and is not shown the bad certificates that Godot 4 refuses.
    `published` programs on both sides prove the test itself.
    """
    for item in items:
        given = getattr(item, "callspec", None)
        if not item.nodeid.startswith("tests/interop/"):
            continue
        if REPEATED.match(item.name):
            item.add_marker(pytest.mark.extended)
        if given is None:
            continue
        secure, is_old = bool(given.params.get("secure")), given.params.get("version") == "3"
        name, test = item.path.stem, item.name.partition("[")[0]
        if (
            given.params.get("server") == given.params.get("client") == "published"
            or (given.params.get("each_front") == "aio" and (secure or is_old))
            or (name in ONE_IS_ENOUGH and secure and is_old)
            or (test in WITHOUT_TLS_IS_ENOUGH and secure)
            or (test == "test_t1_an_engine_refuses_every_server_that_we_refuse" and is_old)
            or (name == "test_roll_engines" and is_old and test != "test_three_players_act_turn_after_turn")
        ):
            item.add_marker(pytest.mark.extended)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["polling", "aio"])
def each_front(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has rooms and clients of ours be polled, or run in asyncio."""
    monkeypatch.setattr(fronts, "front", request.param)
