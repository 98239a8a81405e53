from __future__ import annotations

from typing import Any, ClassVar

import pytest

from gdpeer import WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer
from gdpeer.protocol.deflate import Agreement
from gdpeer.websocket.settings import (
    SETTINGS,
    Property,
    Role,
    Settings,
    flag,
    kilobytes,
    lines,
    names,
    seconds,
)

CLASSES: dict[Role, type[Any]] = {
    "peer": WebSocketPeer,
    "server": WebSocketServer,
    "multiplayer": WebSocketMultiplayerPeer,
}


class Owner:
    inbound_buffer_size = Property(Settings.inbound_buffer_size)
    _gdpeer_role: ClassVar[Role] = "server"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def use_settings(self, settings: Settings) -> None:
        self._settings = settings


def test_the_defaults_are_the_engines() -> None:
    settings = Settings()
    assert settings.inbound_buffer_size == settings.outbound_buffer_size == 65535
    assert settings.max_queued_packets == 4096
    assert settings.heartbeat_interval == 0.0
    assert settings.connect_timeout == 30.0
    assert settings.supported_protocols == settings.handshake_headers == ()


@pytest.mark.parametrize("name", SETTINGS)
def test_every_default_may_be_assigned(name: str) -> None:
    setting = SETTINGS[name]
    assert setting._by_role.keys() <= {"peer", "client", "server", "multiplayer"}
    for role in ("peer", *setting._by_role):
        assert setting.convert(setting.default(role)) == setting.default(role)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_option_and_its_none_may_be_assigned(name: str) -> None:
    setting = SETTINGS[name]
    if setting.option is not None and setting.option.default is not None:
        setting.convert(setting.option.value_of(setting.option.default))
    if setting.option is not None and name != "max_redirects":
        setting.convert(setting.option.value_of(None))


def test_every_setting_is_a_property_of_a_class() -> None:
    assert {name for kind in CLASSES.values() for name in properties_of(kind)} == set(SETTINGS)
    assert len(SETTINGS) == 24


def properties_of(kind: type) -> dict[str, Property[Any, Any]]:
    return {name: value for name, value in vars(kind).items() if isinstance(value, Property)}


@pytest.mark.parametrize("role", CLASSES)
def test_every_property_has_the_name_and_the_default_of_its_setting(role: Role) -> None:
    made = CLASSES[role]()
    for name, found in properties_of(CLASSES[role]).items():
        assert found.setting is SETTINGS[name]
        assert getattr(made, name) == found.setting.default(role)


def test_the_peer_of_a_client_has_the_defaults_of_godot_3s_client() -> None:
    peer = WebSocketClient().get_peer(1)
    assert peer is not None
    assert [getattr(peer, name) for name in properties_of(WebSocketPeer)] == [
        SETTINGS[name].default("client") for name in properties_of(WebSocketPeer)
    ]
    assert (peer.inbound_buffer_size, peer.max_queued_packets, peer.handshake_timeout) == (65_536, 1_024, 10.0)


def test_the_limits_follow_the_settings() -> None:
    limits = Settings(inbound_buffer_size=10, max_queued_packets=3).limits()
    assert (limits.max_message_size, limits.max_queued_bytes, limits.max_queued_packets) == (10, 10, 3)


def test_what_follows_is_made_once_and_anew_after_a_change() -> None:
    owner = Owner(Settings(handshake_headers=("X: a",)))
    settings = owner._settings
    assert settings.limits() is settings.limits()
    assert settings.terms() is settings.terms()
    assert settings.terms().headers == [("X", "a")]
    owner.inbound_buffer_size = 10
    assert owner._settings.limits().max_message_size == 10
    assert owner._settings.handshake_headers == ("X: a",)
    assert settings.limits().max_message_size == settings.inbound_buffer_size == 65535


def test_a_setting_that_does_not_exist_has_no_value() -> None:
    with pytest.raises(TypeError, match=r"there are no settings heartbeat_intervall$"):
        Settings(heartbeat_intervall=3)


def test_compression_is_wished_for_only_where_it_is_on() -> None:
    assert Settings().wished_compression() is None
    assert Settings(compression=True).wished_compression() == Agreement()


def test_a_change_leaves_others_alone_that_share_the_settings() -> None:
    shared = Settings()
    one, other = Owner(shared), Owner(shared)
    one.inbound_buffer_size = 5
    assert (one.inbound_buffer_size, other.inbound_buffer_size) == (5, 65535)


def test_a_setting_of_the_class_is_the_setting_with_its_words_and_its_default() -> None:
    assert isinstance(Owner.inbound_buffer_size, Property)
    assert str(Owner.inbound_buffer_size.__doc__).startswith("Bytes of the largest message")
    assert str(Owner.inbound_buffer_size.__doc__).endswith(" Default: 65,536.")
    assert str(WebSocketPeer.inbound_buffer_size.__doc__).endswith(" Default: 65,535.")
    assert str(WebSocketMultiplayerPeer.handshake_timeout.__doc__).startswith("Seconds, more than 0")


def test_the_words_of_settings_are_sentences() -> None:
    for setting in SETTINGS.values():
        assert setting.text[0] == "`" or setting.text[0].isupper()
        assert setting.text.endswith(".")


@pytest.mark.parametrize(("value", "error"), [("5", TypeError), (1.0, TypeError), (True, TypeError), (-1, ValueError)])
def test_a_refused_value_names_the_property(value: Any, error: type[Exception]) -> None:
    owner = Owner(Settings())
    with pytest.raises(error, match=r"^inbound_buffer_size: "):
        owner.inbound_buffer_size = value
    assert owner.inbound_buffer_size == 65535


@pytest.mark.parametrize(("value", "error"), [("5", TypeError), (True, TypeError), (-0.1, ValueError)])
def test_a_time_is_a_number_that_is_not_negative(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        seconds(value)


def test_a_time_that_is_no_number_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        seconds(float("nan"))


def test_a_time_may_be_whole() -> None:
    assert seconds(3) == 3.0
    assert isinstance(seconds(3), float)


def test_a_flag_is_anything() -> None:
    assert flag(1) is True
    assert flag("") is False


def test_sub_protocols_are_stripped_tokens() -> None:
    assert names([" demo-chat ", "v2.json"]) == ("demo-chat", "v2.json")


@pytest.mark.parametrize("name", ["", "  ", "a b", "a,b", "ä", "a;b", "a\r\nb", '"a"', "a/b"])
def test_what_is_no_token_is_no_sub_protocol(name: str) -> None:
    with pytest.raises(ValueError, match="not a sub-protocol"):
        names([name])


@pytest.mark.parametrize("value", ["text", [1], [b"x"], 5])
def test_lines_are_several_strings(value: Any) -> None:
    with pytest.raises(TypeError):
        lines(value)


def test_lines_may_come_from_anything_that_iterates() -> None:
    assert lines(line for line in ("a", "b")) == ("a", "b")


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 1024), (3, 4096), (64, 65536), (65, 131072)])
def test_kilobytes_are_rounded_up_to_a_power_of_two(size: int, expected: int) -> None:
    assert kilobytes(size) == expected


def test_kilobytes_are_a_count() -> None:
    with pytest.raises(TypeError):
        kilobytes(1.5)
    with pytest.raises(ValueError, match="negative"):
        kilobytes(-1)
