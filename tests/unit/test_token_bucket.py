"""A token bucket fills up to its burst."""

from __future__ import annotations

from gdpeer.token_bucket import TokenBucket


def test_a_bucket_fills_up_to_its_burst() -> None:
    bucket = TokenBucket(rate=2.0, burst=4.0, now=10.0)
    assert bucket.is_full(10.0)
    assert [bucket.take(1, 10.0) for _ in range(5)] == [3.0, 2.0, 1.0, 0.0, -1.0]
    assert bucket.debt(10.0) == 0.5
    assert bucket.debt(10.5) == 0.0
    assert not bucket.is_full(12.4)
    assert bucket.is_full(100.0)
    assert bucket.take(1, 100.0) == 3.0
