"""One server of the embedded stack for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded.server import Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The embedded stack; its turns end after a constant, since these recordings pause between sentences."""
    with running("turn=silence") as found:
        yield found
