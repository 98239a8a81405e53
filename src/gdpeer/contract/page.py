"""`ContractPage`: tells the methods of a running program to those who have its token.

    peer.http_handler = ContractPage(tree, token)

    GET /contract.json    with Authorization: Bearer TOKEN

`gdpeer call --ask` and `gdpeer call --list` ask for this page. A server without the page tells nobody its methods.

Layer: `contract`.
"""

from __future__ import annotations

from typing import ClassVar

from gdpeer.attributes import Guarded
from gdpeer.contract.program import contract_of
from gdpeer.contract.saving import contract_to_json
from gdpeer.http.bearer import bearer_of, check_token, is_token
from gdpeer.http.response import Response
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.protocol.http_headers import Request

__all__ = ["PATH", "ContractPage"]

PATH = "/contract.json"


class ContractPage(Guarded):
    """A handler that serves the contract of a running program as JSON.

    Each answer reads all nodes of the tree, which takes about a millisecond for 100 nodes.

    Args:
        found: the tree, or a node with the nodes below.
        token: that requests must carry, at least 16 characters.

    Raises:
        ValueError: the token is too short.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, found: SceneTree | Node, token: str) -> None:
        self._found = found
        self._token = check_token(token, "the contract page")

    def __call__(self, request: Request) -> Response | None:
        """Answers requests for the contract; returns None for other requests."""
        if request.path != PATH:
            return None
        if request.method not in ("GET", "HEAD"):
            return Response(405, "use GET\n", headers=(("Allow", "GET, HEAD"),))
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        found = self._part(request)
        if found is None:
            return Response(404, "there is no such room here\n")
        return Response(200, contract_to_json(contract_of(found)), "application/json")

    def _refusal(self, request: Request) -> Response | None:
        """Returns the answer to a request without the right token; None with it."""
        if is_token(bearer_of(request), self._token):
            return None
        return Response(401, "the contract needs its token\n", headers=(("WWW-Authenticate", "Bearer"),))

    def _part(self, request: Request) -> SceneTree | Node | None:
        """Returns the part of the program that a request is about; None if there is no such part."""
        return self._found
