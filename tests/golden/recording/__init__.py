"""Records the golden vectors anew, from real engines.

    python -m tests.golden.recording                     everything, some five minutes
    python -m tests.golden.recording values math         some of: values, math, calls, replication
    python -m tests.golden.recording --out FOLDER        elsewhere than in tests/golden

The ids of peers are drawn anew each time, so look at what else changes in the diff.
"""
