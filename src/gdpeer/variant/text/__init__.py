"""Values as text, as the engine writes them."""
