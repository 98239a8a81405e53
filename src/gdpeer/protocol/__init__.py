"""RFC 6455 and RFC 7692 without I/O: bytes in, messages and bytes out.

It knows no socket and no clock. `handshake` opens a connection, `connection` runs it, `frames` and `deflate` are its
leaves.
"""
