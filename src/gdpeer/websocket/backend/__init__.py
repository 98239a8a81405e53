"""One connection: the contract of a backend, the native one, and the browser's."""
