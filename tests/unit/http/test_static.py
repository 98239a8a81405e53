from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gdpeer import http
from gdpeer.http import Headers, Request, Response, StaticFolder, chain


def ask(handler: http.Handler, path: str, method: str = "GET") -> Response | None:
    return handler(Request(method, path, Headers()))


def split(data: bytes) -> tuple[bytes, dict[str, str], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    pairs = (field.decode().split(": ", 1) for field in fields)
    return first, {name.lower(): value for name, value in pairs}, body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page, and something beside its folder that nobody may see."""
    root = tmp_path / "page"
    (root / "sub").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<p>start</p>")
    (root / "sub" / "index.html").write_text("<p>sub</p>")
    (root / "a b.txt").write_text("blank")
    (root / "chat.js").write_text("1")
    (root / "game.wasm").write_bytes(b"\0asm")
    (root / "data.unknown-kind").write_bytes(b"?")
    (root / "picture.png").write_bytes(b"png")
    (root / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("secret")
    return root


def test_the_module_is_public() -> None:
    assert http.Response is Response
    assert all(hasattr(http, name) for name in http.__all__)


def test_a_response_is_whole_and_ends_its_connection() -> None:
    first, fields, body = split(Response(201, "grün", headers=(("X-Own", "1"),)).to_bytes())
    assert first == b"HTTP/1.1 201 Created"
    assert body == "grün".encode()
    assert fields["content-length"] == "5"
    assert fields["connection"] == "close"
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["x-own"] == "1"


def test_the_head_alone_still_states_the_length() -> None:
    _, fields, body = split(Response(200, b"12345").to_bytes(head_only=True))
    assert fields["content-length"] == "5"
    assert body == b""


def test_json_is_not_cached() -> None:
    response = Response.json({"a": [1]}, 202)
    _, fields, body = split(response.to_bytes())
    assert json.loads(body) == {"a": [1]}
    assert fields["content-type"] == "application/json"
    assert fields["cache-control"] == "no-store"
    assert response.status == 202


@pytest.mark.parametrize("headers", [(("bad name", "x"),), (("X", "a\r\nY: b"),)])
def test_what_http_cannot_carry_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        Response(headers=headers).to_bytes()


@pytest.mark.parametrize("status", [99, 101, 1000])
def test_a_status_that_ends_nothing_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        Response(status).to_bytes()


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/", b"<p>start</p>", "text/html; charset=utf-8"),
        ("", b"<p>start</p>", "text/html; charset=utf-8"),
        ("/index.html?v=1", b"<p>start</p>", "text/html; charset=utf-8"),
        ("/sub/", b"<p>sub</p>", "text/html; charset=utf-8"),
        ("/sub", b"<p>sub</p>", "text/html; charset=utf-8"),
        ("/a%20b.txt", b"blank", "text/plain; charset=utf-8"),
        ("//chat.js", b"1", "text/javascript; charset=utf-8"),
        ("/game.wasm", b"\0asm", "application/wasm"),
        ("/picture.png", b"png", "image/png"),
        ("/data.unknown-kind", b"?", "application/octet-stream"),
    ],
)
def test_files_are_served_with_their_type(folder: Path, path: str, body: bytes, kind: str) -> None:
    response = ask(StaticFolder(folder), path)
    assert response is not None
    assert (response.status, response.body, response.content_type) == (200, body, kind)
    assert ("Cache-Control", "no-cache") in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/....//secret.txt",
        "/.hidden",
        "/sub/%2e",
        "/c:/index.html",
        "/index.html%00.txt",
        "/nothing.txt",
        "/empty/",
        "/index.html/more",
        "/" + "x" * 5000,
    ],
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    assert ask(StaticFolder(folder), path) is None


def test_an_absolute_path_stays_within_the_folder(folder: Path) -> None:
    assert ask(StaticFolder(folder), str(folder.parent / "secret.txt")) is None


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "inner.txt").symlink_to(folder / "chat.js")
    (folder / "loop").symlink_to("loop")
    handler = StaticFolder(folder)
    assert ask(handler, "/link.txt") is None
    assert ask(handler, "/loop") is None
    assert ask(handler, "/inner.txt") is not None


def test_a_file_that_cannot_be_read_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> bytes:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "open", refuse)
    assert ask(StaticFolder(folder), "/chat.js") is None


def test_a_folder_that_cannot_be_looked_at_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = StaticFolder(folder)

    def refuse(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert ask(handler, "/chat.js") is None


def test_head_is_answered_and_other_methods_are_not(folder: Path) -> None:
    handler = StaticFolder(folder)
    head = ask(handler, "/chat.js", "HEAD")
    assert head is not None
    assert head.status == 200
    refused = ask(handler, "/chat.js", "POST")
    assert refused is not None
    assert refused.status == 405
    assert refused.headers == (("Allow", "GET, HEAD"),)


def test_a_folder_has_to_be_one(folder: Path) -> None:
    with pytest.raises(NotADirectoryError):
        StaticFolder(folder / "chat.js")
    assert ask(StaticFolder(os.fspath(folder)), "/chat.js") is not None


def test_a_chain_is_its_first_answer() -> None:
    asked: list[str] = []

    def handler(name: str, answer: Response | None) -> http.Handler:
        def handle(request: Request) -> Response | None:
            asked.append(name)
            return answer

        return handle

    found = Response(200, "two")
    assert ask(chain(handler("one", None), handler("two", found), handler("three", None)), "/") is found
    assert asked == ["one", "two"]
    assert ask(chain(handler("none", None)), "/") is None
    assert ask(chain(), "/") is None
