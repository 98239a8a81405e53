"""Methods that other sides may call: how they are declared, and which arguments they take."""
