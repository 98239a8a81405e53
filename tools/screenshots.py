"""Takes the pictures of the pages (chat, roll, arena, inspect, lobby, monitor) for the docs, with real programs in
Chromium. The page of inspect shows a recorded game: `tests/browser` compares its pictures with the page.

    python -m tools.screenshots            all pages, into docs/pictures
    python -m tools.screenshots chat       one page

Each page is taken in a desktop's and in a phone's size. The tool needs Chromium, npm (for Pyodide) and Godot 4.
"""

from __future__ import annotations

import io
import json
import socket
import sys
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tests.support.chromium import chromium
from tests.support.engines import Engine
from tests.support.node import node_modules
from tests.support.processes import Process, gdpeer_command
from tools.programs import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = ROOT / "docs" / "pictures"
DESK: dict[str, Any] = {"viewport": {"width": 1080, "height": 680}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 1.5,
}
FORMS = {"desk": DESK, "phone": PHONE}
BOOT = 90_000
"""Milliseconds to wait for Pyodide, which starts slowly on a busy machine."""


def open_page(browser: Browser, address: str, form: str) -> Page:
    page: Page = browser.new_context(**FORMS[form], color_scheme="light", reduced_motion="reduce").new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    return page


def usual(port: int) -> str:
    """Returns the port that the documentation names, or 0 if another program uses it."""
    with socket.socket() as probe:
        return str(port if probe.connect_ex(("127.0.0.1", port)) else 0)


def take(page: Page, name: str) -> None:
    """Writes a picture of a page in at most 256 colours, which suffice for these pages."""
    from PIL import Image

    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(colors=256, dither=Image.Dither.NONE)
    path = PICTURES / f"{name}.png"
    few.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB", flush=True)


# -- the pages --------------------------------------------------------------------------------------------------------


def chat(browser: Browser, those: ExitStack) -> None:
    room = those.enter_context(Process(gdpeer_command("chat", "--port", usual(8000))))
    address = room.wait_for(r"(http://\S+)")[1]
    url = address.replace("http:", "ws:")
    pages = {form: open_page(browser, address, form) for form in FORMS}
    for page in pages.values():
        page.locator("#state[data-state=connected]").wait_for()

    def say(form: str, text: str) -> None:
        field = pages[form].get_by_label("Message", exact=True)
        field.fill(text)
        field.press("Enter")
        wait(text)

    def wait(text: str) -> None:
        for page in pages.values():
            page.locator(".entry", has_text=text).first.wait_for()

    terminal = those.enter_context(Process(gdpeer_command("connect", url, "--protocol", "demo-chat")))
    godot = ROOT / "demos" / "chat" / "godot4"
    say("desk", "Hello! Who is here?")
    terminal.say("Me, in a terminal: gdpeer connect")
    wait("in a terminal")
    game = those.enter_context(Engine("4", godot, "chat.tscn", f"--url={url}", "--say=And a Godot 4 game"))
    wait("And a Godot 4 game")
    say("phone", "I am on my phone. Same room, same port.")
    room.say("The server speaks too: this line was typed there.")
    wait("typed there")
    for form, page in pages.items():
        take(page, f"chat-{form}")
    game.kill()


def roll(browser: Browser, those: ExitStack) -> None:
    words = ("--port", usual(8080), "--dedicated", "--pyodide", str(node_modules() / "pyodide"))
    host = those.enter_context(Process(gdpeer_command("roll", *words)))
    url = host.wait_for(r"(ws://\S+)")[1]
    address = host.wait_for(r"(http://\S+)")[1]
    pages = {form: open_page(browser, address, form) for form in FORMS}
    for page, name in zip(pages.values(), ("Dora", "Phil"), strict=True):
        page.wait_for_selector("#seat:not([hidden])", timeout=BOOT)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Your name").press("Enter")
        page.locator("#players .name", has_text=name).first.wait_for()
    bot = gdpeer_command("roll", "--join", url, "--name", "Ben (terminal)", "--auto", "--pause", "0.3")
    those.enter_context(Process(bot))
    godot = ROOT / "demos" / "roll" / "godot4"
    game = Engine("4", godot, "start.tscn", f"--join={url.rstrip('/')}", "--name=Gerda (Godot 4)", "--auto")
    those.enter_context(game)
    for page in pages.values():
        for name in ("Ben", "Gerda"):
            page.locator("#players .name", has_text=name).first.wait_for()
    for _ in range(3):
        for page in pages.values():
            page.get_by_role("button", name="Roll", exact=True).click()
    pages["desk"].locator("#turn", has_text="our turn").wait_for()
    for form, page in pages.items():
        take(page, f"roll-{form}")


def arena(browser: Browser, those: ExitStack) -> None:
    words = ("--port", usual(8082), "--bots", "24", "--pyodide", str(node_modules() / "pyodide"))
    host = those.enter_context(Process(gdpeer_command("arena", *words)))
    address = host.wait_for(r"(http://\S+)")[1]
    pages = {form: open_page(browser, address, form) for form in FORMS}
    for page, name in zip(pages.values(), ("Dora", "Phil"), strict=True):
        page.wait_for_selector("#seat:not([hidden])", timeout=BOOT)
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Your name").press("Enter")
        page.locator("#score", has_text="Score").wait_for()
    for form, page in pages.items():
        take(page, f"arena-{form}")


def inspect(browser: Browser, those: ExitStack) -> None:
    from tests.browser.inspect_scene import open_game, open_message, played_game

    address = those.enter_context(played_game())
    for form in FORMS:
        page = open_page(browser, address, form)
        open_game(page)
        take(page, f"inspect-{form}")
        open_message(page)
        take(page, f"inspect-message-{form}")


def rooms(browser: Browser, those: ExitStack) -> None:
    token = "token-of-the-operator"
    words = ("serve", "gdpeer.demos.rooms:hall", "--port", usual(8910))
    server = those.enter_context(Process(gdpeer_command(*words), environment={"GDPEER_MONITOR_TOKEN": token}))
    start = server.wait_for(r"(ws://\S+)/room/CODE")[1]
    codes = {kind: [new_room(start, kind) for _ in range(count)] for kind, count in (("arena", 3), ("roll", 4))}
    for number, code in enumerate(codes["arena"]):
        bots = str((17, 5, 2)[number])
        those.enter_context(Process(gdpeer_command("arena", "--join", f"{start}/room/{code}", "--bots", bots)))
    for name in ("Ann", "Ben", "Gerda"):
        url = f"{start}/room/{codes['roll'][0]}?session={name * 6}"
        those.enter_context(Process(gdpeer_command("roll", "--join", url, "--name", name, "--auto", "--pause", "0.3")))
    address = start.replace("ws:", "http:")
    for form in FORMS:
        lobby, monitor = open_page(browser, f"{address}/", form), open_page(browser, f"{address}/monitor/", form)
        lobby.locator(".taken", has_text="17 of 64").wait_for()
        take(lobby, f"lobby-{form}")
        monitor.get_by_label("Token").fill(token)
        monitor.get_by_role("button", name="Open").click()
        monitor.locator(f"#rooms button[data-code='{codes['roll'][0]}']").click()
        monitor.locator("#places .here").nth(2).wait_for()
        take(monitor, f"monitor-{form}")


def new_room(start: str, kind: str) -> str:
    """Makes a room by the lobby, and returns its code."""
    answer = urllib.request.urlopen(f"{start.replace('ws:', 'http:')}/lobby/{kind}/create", b"{}")
    with answer:
        return str(json.load(answer)["url"]).partition("/room/")[2][:6]


SUBJECTS: dict[str, Callable[[Browser, ExitStack], None]] = {
    "chat": chat,
    "roll": roll,
    "arena": arena,
    "inspect": inspect,
    "rooms": rooms,
}


def main(words: list[str]) -> None:
    unknown = [word for word in words if word not in SUBJECTS]
    if unknown:
        raise SystemExit(f"no such page: {', '.join(unknown)}; there are: {', '.join(SUBJECTS)}")
    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser:
        for word in words or SUBJECTS:
            with ExitStack() as those:
                SUBJECTS[word](browser, those)


if __name__ == "__main__":
    main(sys.argv[1:])
