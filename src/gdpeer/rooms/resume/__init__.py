"""Resume: a player whose connection was lost comes back with the same peer id."""
