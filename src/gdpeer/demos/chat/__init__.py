"""A chat room for browsers, terminals and Godot programs.

`ChatServer` serves the room and its web page on one port. `TerminalChat` joins the room from a terminal. The messages
are those of Godot's own chat demo (sub-protocol `demo-chat`, one text message per line), so its clients join unchanged.

Layer: `demos`.
"""

from gdpeer.demos.chat.server import PORT, PROTOCOL, ChatServer, serve
from gdpeer.demos.chat.terminal import URL, TerminalChat
from gdpeer.terminal.lines import Lines, print_line

__all__ = ["PORT", "PROTOCOL", "URL", "ChatServer", "Lines", "TerminalChat", "print_line", "serve"]
