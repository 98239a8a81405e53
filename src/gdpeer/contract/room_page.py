"""`RoomContractPage`: tells the methods in a hall's rooms to those who have its token.

    hall.http_handler = RoomContractPage(hall, token)

    GET /contract.json?room=K7Q2M3    with Authorization: Bearer TOKEN

Layer: `contract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

from gdpeer.contract.page import ContractPage
from gdpeer.http.bearer import bearer_of
from gdpeer.http.response import Response
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import find_code

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall

__all__ = ["RoomContractPage"]


class RoomContractPage(ContractPage):
    """A handler that serves the contracts of a hall's rooms, one for each request. `gdpeer serve` uses it.

    An address has ten wrong tokens, and then one more every six seconds. In a cluster, each worker tells of its own
    rooms only.

    Args:
        hall: has the rooms.
        token: that requests must carry, at least 16 characters.

    Raises:
        ValueError: the token is too short.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, hall: Hall, token: str) -> None:
        super().__init__(Node(), token)
        self._hall = hall
        self._wrong = hall.guessing.attempts(10, 10 / 60)

    def _refusal(self, request: Request) -> Response | None:
        address = request.remote_address[0]
        if self._wrong.wait(address) > 0:
            return Response(429, "too many wrong tokens from this address: wait a minute\n")
        refusal = super()._refusal(request)
        if refusal is not None and bearer_of(request):
            self._wrong.count(address)
        return refusal

    def _part(self, request: Request) -> SceneTree | Node | None:
        code = find_code(parse_qs(request.query).get("room", [""])[0])
        room = self._hall.rooms.get(code) if code else None
        return None if room is None else room.tree
