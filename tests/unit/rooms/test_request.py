"""Which room, key and seat an upgrade request names."""

from __future__ import annotations

import pytest

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms.request import RoomRequest, read_request

KEY = "0123456789abcdefghijkl"


def read(target: str, protocols: str = "", authorization: str = "") -> RoomRequest:
    fields = [("sec-websocket-protocol", protocols), ("authorization", authorization)]
    return read_request(Request("GET", target, Headers([field for field in fields if field[1]])))


@pytest.mark.parametrize(
    ("target", "protocols", "authorization", "expected"),
    [
        ("/", "", "", RoomRequest("")),
        ("/?x=1", "chat", "Basic abc", RoomRequest("")),
        ("/room/K7Q2M3", "", "", RoomRequest("K7Q2M3")),
        ("/room/k7q2m3/", "", "", RoomRequest("K7Q2M3")),
        ("/room/arena/K7Q2M3", "", "", RoomRequest("K7Q2M3", "arena")),
        (f"/room/K7Q2M3?session={KEY}", "", "", RoomRequest("K7Q2M3", session_key=KEY.encode())),
        ("/room/K7Q2M3?a=1&session=%30123456789abcde+&b", "", "", RoomRequest("K7Q2M3", "", b"0123456789abcde+")),
        ("/room/K7Q2M3?seat=a.b.c", "", "", RoomRequest("K7Q2M3", seat_token="a.b.c")),
        (f"/room/K7Q2M3?session={KEY}&seat=a.b.c", "", "", RoomRequest("K7Q2M3", seat_token="a.b.c")),
        ("/", "gdpeer, room.k7q2m3,seat.a.b.c", "", RoomRequest("K7Q2M3", seat_token="a.b.c")),
        ("/", "gdpeer, seat.a.b.c", "", RoomRequest("", seat_token="a.b.c")),
        ("/room/K7Q2M3", "gdpeer,room.K7Q2M3", "", RoomRequest("K7Q2M3")),
        (f"/?session={KEY}", "gdpeer,room.K7Q2M3", "", RoomRequest("K7Q2M3", session_key=KEY.encode())),
        ("/room/K7Q2M3", "", "bearer  a.b.c ", RoomRequest("K7Q2M3", seat_token="a.b.c")),
        ("/room/K7Q2M3?seat=a.b.c", "seat.a.b.c", "Bearer x.y.z", RoomRequest("K7Q2M3", seat_token="a.b.c")),
        ("/room/K7Q2M3", "seat.a.b.c", "Bearer x.y.z", RoomRequest("K7Q2M3", seat_token="a.b.c")),
    ],
)
def test_a_request_names_room_key_and_seat(
    target: str, protocols: str, authorization: str, expected: RoomRequest
) -> None:
    assert read(target, protocols, authorization) == expected


@pytest.mark.parametrize(
    ("target", "protocols", "status"),
    [
        ("/rooms/K7Q2M3", "", 404),
        ("/room", "", 404),
        ("/room/", "", 404),
        ("/room/a/b/K7Q2M3", "", 404),
        ("/room/K7Q2", "", 404),
        ("/room/K7Q2MU", "", 404),
        ("//room/K7Q2M3", "", 404),
        ("/", "gdpeer,room.nowhere", 404),
        ("/", "gdpeer,room.", 404),
        ("/room/K7Q2M3?session=", "", 400),
        ("/room/K7Q2M3?session", "", 400),
        ("/room/K7Q2M3?session=0123456789abcde", "", 400),
        ("/room/K7Q2M3?session=%30123456789abcde", "", 400),
        (f"/room/K7Q2M3?session={KEY}&session={KEY}x", "", 400),
        ("/room/K7Q2M3?session=&seat=a.b.c", "", 400),
        ("/room/K7Q2M3?seat=", "", 403),
        ("/room/K7Q2M3?seat=a&seat=b", "", 400),
        ("/room/K7Q2M3?seat=a", "seat.b", 400),
        ("/room/K7Q2M3", "room.K7Q2M4", 400),
        ("/", "room.K7Q2M3,room.K7Q2M4", 400),
    ],
)
def test_a_request_without_a_meaning_is_refused(target: str, protocols: str, status: int) -> None:
    with pytest.raises(HandshakeError) as caught:
        read(target, protocols)
    assert caught.value.status == status
    assert KEY not in str(caught.value)


def test_repr_hides_key_and_seat() -> None:
    assert repr(read(f"/room/K7Q2M3?session={KEY}")) == "RoomRequest('K7Q2M3', kind='', session_key=***)"
    assert repr(read("/room/K7Q2M3?seat=a.b.c")) == "RoomRequest('K7Q2M3', kind='', seat_token=***)"


def test_a_long_query_costs_no_more_than_its_length() -> None:
    assert read("/room/K7Q2M3?" + "&" * 16_000) == RoomRequest("K7Q2M3")
