"""Records the golden vectors from real engines.

    python -m tests.golden.recording                     records everything in about five minutes
    python -m tests.golden.recording values math         records some of: values, math, calls, replication, scenes
    python -m tests.golden.recording --out FOLDER        writes into FOLDER instead of tests/golden

Peer ids are random, so they differ in each recording; look at all other changes in the diff.
"""
