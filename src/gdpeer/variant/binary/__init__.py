"""Values as bytes, as the engine writes them."""
