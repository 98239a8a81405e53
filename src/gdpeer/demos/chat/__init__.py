"""A chat: browsers, terminals and Godot programs in one room.

`ChatServer` serves the room and its web page on one port, `TerminalChat` joins it from a terminal. The conversation is
that of Godot's own chat demo (sub-protocol `demo-chat`, one text message a line), so a Godot program joins unchanged.

Layer: `demos`.
"""

from gdpeer.demos.chat.server import PORT, PROTOCOL, ChatServer, serve
from gdpeer.demos.chat.terminal import URL, TerminalChat
from gdpeer.terminal.lines import Lines, print_line

__all__ = ["PORT", "PROTOCOL", "URL", "ChatServer", "Lines", "TerminalChat", "print_line", "serve"]
