"""The proof. See `make help` for the commands."""
