"""What the tests have in common: child processes, real engines, certificates, ports, a browser, missing pieces."""
