"""How a connection begins: the upgrade, redirects, and the choice of a proxy."""
