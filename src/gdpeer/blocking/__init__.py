"""WebSockets in threads that wait."""
