"""A bare RSGI application (granian's own interface): echo, and a broadcast on /fanout."""

members = set()


async def app(scope, protocol):
    if scope.proto != "ws":
        protocol.response_empty(404, [])
        return
    ws = await protocol.accept()
    fanout = scope.path == "/fanout"
    if fanout:
        members.add(ws)
    try:
        while True:
            message = await ws.receive()
            if message.kind == 0:
                return
            targets = list(members) if fanout else (ws,)
            for member in targets:
                if message.kind == 2:
                    await member.send_str(message.data)
                else:
                    await member.send_bytes(message.data)
    finally:
        members.discard(ws)
        protocol.close()
