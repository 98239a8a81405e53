"""A bare ASGI application: echo, and a broadcast on /fanout. Served by uvicorn and granian."""

members = set()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    fanout = scope["path"] == "/fanout"
    if fanout:
        members.add(send)
    try:
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return
            text = event.get("text")
            if text is not None:
                reply = {"type": "websocket.send", "text": text}
            else:
                reply = {"type": "websocket.send", "bytes": event["bytes"]}
            if fanout:
                for member in list(members):
                    await member(reply)
            else:
                await send(reply)
    finally:
        members.discard(send)
