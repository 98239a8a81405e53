"""The backends, one for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends.runners import BACKENDS, Backend


@pytest.fixture(scope="session", params=list(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path_factory.mktemp("page")) as found:
        yield found
