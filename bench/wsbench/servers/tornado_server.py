"""tornado: WebSocketHandler, no access log."""

import asyncio

import tornado.httpserver
import tornado.web
import tornado.websocket
from _common import MAX_SIZE, arguments, run

members = set()


class Echo(tornado.websocket.WebSocketHandler):
    def open(self):
        self.set_nodelay(True)

    def on_message(self, message):
        self.write_message(message, binary=not isinstance(message, str))


class Fanout(tornado.websocket.WebSocketHandler):
    def open(self):
        self.set_nodelay(True)
        members.add(self)

    def on_message(self, message):
        binary = not isinstance(message, str)
        for member in members:
            member.write_message(message, binary=binary)

    def on_close(self):
        members.discard(self)


async def main(port):
    app = tornado.web.Application(
        [(r"/", Echo), (r"/fanout", Fanout)], websocket_max_message_size=MAX_SIZE, log_function=lambda handler: None
    )
    server = tornado.httpserver.HTTPServer(app)
    server.listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    args = arguments()
    run(main(args.port), args.loop)
