"""`ContractPage`: who gets the contract of a running program. `tests/unit/cli/test_call.py` asks over a network."""

from __future__ import annotations

import json

import pytest

from gdpeer import ManualClock, Node, SceneTree, rpc
from gdpeer.contract import contract_from_json
from gdpeer.contract.page import ContractPage
from gdpeer.contract.room_page import RoomContractPage
from gdpeer.http import Headers, Request
from gdpeer.rooms import Hall, Room

TOKEN = "0123456789abcdef"


class Main(Node):
    @rpc("any_peer")
    def greet(self, name: str) -> None: ...


def asked(page: ContractPage, path: str = "/contract.json", method: str = "GET", token: str = TOKEN) -> tuple[int, str]:
    headers = Headers([("Authorization", f"Bearer {token}")] if token else [])
    response = page(Request(method, path, headers, remote_address=("192.0.2.1", 5)))
    if response is None:
        return 0, ""
    body = response.body
    assert isinstance(body, str | bytes)
    return response.status, body.decode() if isinstance(body, bytes) else body


def test_the_token_opens_the_contract_of_the_tree_as_it_is_now() -> None:
    tree = SceneTree()
    page = ContractPage(tree, TOKEN)
    assert json.loads(asked(page)[1])["places"] == []
    tree.root.add_child(Main(name="Main"))
    status, text = asked(page)
    found = contract_from_json(text)
    assert (status, [place.path for place in found.places], found.tables[0].names) == (200, ["Main"], ("greet",))


@pytest.mark.parametrize(
    ("path", "method", "token", "status"),
    [
        ("/contract.json", "HEAD", TOKEN, 200),
        ("/contract.json", "POST", TOKEN, 405),
        ("/contract.json", "GET", "", 401),
        ("/contract.json", "GET", f"{TOKEN}0", 401),
        ("/contract.json", "GET", "\xe9", 401),
        ("/other", "GET", TOKEN, 0),
    ],
)
def test_other_requests_get_nothing(path: str, method: str, token: str, status: int) -> None:
    found, text = asked(ContractPage(Main(name="Main"), TOKEN), path, method, token)
    assert (found, "greet" in text) == (status, status == 200)


@pytest.mark.parametrize("token", ["", "short", f"{TOKEN} ", f"{TOKEN}\xe9"])
def test_a_token_that_protects_nothing_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"^the contract page's token needs at least 16") as refused:
        ContractPage(SceneTree(), token)
    assert not token or token not in str(refused.value)


def test_a_hall_tells_of_one_room_and_limits_wrong_tokens() -> None:
    class Arena(Room):
        kind = "arena"

        def on_create(self, options: object) -> None:
            self.tree.root.add_child(Main(name="Main"))

    clock = ManualClock()
    hall = Hall([Arena], clock=clock)
    hall.create("arena", code="K7Q2M3")
    page = RoomContractPage(hall, TOKEN)
    assert "greet" in asked(page, "/contract.json?room=k7q2m3")[1]
    for query in ("", "?room=", "?room=K7Q2M4", "?other=1"):
        assert asked(page, f"/contract.json{query}")[0] == 404
    assert asked(page, token="")[0] == 401
    assert [asked(page, token=f"wrong-{number}")[0] for number in range(11)] == [401] * 10 + [429]
    assert asked(page)[0] == 429
    clock.advance(6.5)
    assert asked(page, "/contract.json?room=K7Q2M3")[0] == 200
    hall.close()
