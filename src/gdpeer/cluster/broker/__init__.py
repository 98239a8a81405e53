"""Brokers: what all workers of a cluster share. One interface (`Broker`), and its forms for memory, Redis and NATS."""
