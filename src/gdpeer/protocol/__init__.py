"""RFC 6455 and RFC 7692 without I/O: bytes in, messages and bytes out.

No module here opens a socket or reads a clock. `handshake` opens a connection, `connection` runs an open connection.
`frames` and `deflate` hold the wire formats that both build on.
"""
