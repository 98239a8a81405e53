"""picows: the core (callback) interface. It hands out frames, not messages, and
does not check the UTF-8 of text; the echo passes each frame's bytes on."""

from _common import MAX_SIZE, arguments, run
from picows import WSListener, WSMsgType, ws_create_server

members = set()
CLOSE, PING, PONG = WSMsgType.CLOSE, WSMsgType.PING, WSMsgType.PONG


class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        kind = frame.msg_type
        if kind == CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif kind != PONG:
            transport.send(kind, frame.get_payload_as_memoryview(), frame.fin)


class Fanout(WSListener):
    def on_ws_connected(self, transport):
        members.add(transport)

    def on_ws_disconnected(self, transport):
        members.discard(transport)

    def on_ws_frame(self, transport, frame):
        kind = frame.msg_type
        if kind == CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif kind != PONG:
            payload = frame.get_payload_as_bytes()
            for member in members:
                member.send(kind, payload, frame.fin)


def factory(request):
    return Fanout() if request.path == b"/fanout" else Echo()


async def main(port):
    server = await ws_create_server(factory, "127.0.0.1", port, max_frame_size=MAX_SIZE, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    args = arguments()
    run(main(args.port), args.loop)
