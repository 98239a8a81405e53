"""A server with a chosen fault, to check that the load generator notices it.

--fault: none, corrupt, truncate, drop, repeat, swap, type, mask, vanish, noclose, badaccept
The fault happens once, at the message with the number --at, or at the handshake or close.
"""

import asyncio
import base64
import hashlib
import struct

from _common import arguments

members = []
seen = 0


def frame(opcode, payload, mask=False):
    n = len(payload)
    head = bytes([0x80 | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += struct.pack(">BH", bit | 126, n)
    else:
        head += struct.pack(">BQ", bit | 127, n)
    return head + (b"\0\0\0\0" if mask else b"") + payload


async def client(reader, writer):
    global seen
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        lines = request.split(b"\r\n")
        [key] = [line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"sec-websocket-key")]
        if ARGS.fault == "badaccept":
            key = b"x" * 24
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        fanout = request.startswith(b"GET /fanout ")
        if fanout:
            members.append(writer)
        held = None
        while True:
            b0, b1 = await reader.readexactly(2)
            n = b1 & 127
            if n == 126:
                n = int.from_bytes(await reader.readexactly(2), "big")
            elif n == 127:
                n = int.from_bytes(await reader.readexactly(8), "big")
            mask = await reader.readexactly(4)
            data = bytearray(await reader.readexactly(n))
            whole = (
                int.from_bytes(mask * (n // 4 + 1), "big") >> (8 * (4 - n % 4))
                if n % 4
                else int.from_bytes(mask * (n // 4), "big")
            )
            data = (int.from_bytes(data, "big") ^ whole).to_bytes(n, "big")
            opcode = b0 & 15
            if opcode == 8:
                if ARGS.fault == "noclose":
                    return
                writer.write(frame(8, data))
                return
            seen += 1
            out = [frame(opcode, data)]
            if seen == AT:
                f = ARGS.fault
                if f == "corrupt":
                    bad = bytearray(data)
                    bad[-1] ^= 1
                    out = [frame(opcode, bytes(bad))]
                elif f == "truncate":
                    out = [frame(opcode, data[:-1])]
                elif f == "drop":
                    out = []
                elif f == "repeat":
                    out *= 2
                elif f == "type":
                    out = [frame(3 - opcode, data)]
                elif f == "mask":
                    out = [frame(opcode, data, True)]
                elif f == "vanish":
                    return
                elif f == "swap":
                    held, out = out[0], []
            elif held:
                out.append(held)
                held = None
            for m in members if fanout else [writer]:
                for o in out:
                    m.write(o)
                if fanout and seen == AT:  # the fault hits one subscriber only
                    out = [frame(opcode, data)]
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        if writer in members:
            members.remove(writer)
        writer.close()


async def main():
    server = await asyncio.start_server(client, "127.0.0.1", ARGS.port)
    await server.serve_forever()


if __name__ == "__main__":
    ARGS = arguments(fault="none", at="500")
    AT = int(ARGS.at)
    asyncio.run(main())
