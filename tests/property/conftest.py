"""One profile for all property tests: bounded in time, no database of examples.

The examples are the same in each run. GDPEER_EXAMPLES=5000 looks further, at other ones each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "gdpeer",
    max_examples=int(os.environ.get("GDPEER_EXAMPLES", "250")),
    derandomize="GDPEER_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("gdpeer")
