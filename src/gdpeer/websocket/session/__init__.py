"""Sessions of peers with ids, as the server and as a client have them."""
