"""One server of the embedded stack for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded.server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The embedded stack; its turns end after a constant, since these recordings pause between sentences."""
    running = Server("turn=silence")
    yield running
    assert running.close() == 0, "".join(running.output)
    assert "Traceback" not in "".join(running.output), "".join(running.output)
