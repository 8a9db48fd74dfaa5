"""Clients that come and go over all modes; `make test-churn` does it 5,000 times, and looks at memory too."""

from __future__ import annotations

import pytest

from tests.fuzz.churn import churn

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_nothing_stays_of_clients_that_come_and_go() -> None:
    found = await churn(300)
    assert found.calls == 0 and found.files[1] <= found.files[0] and found.tasks[1] <= found.tasks[0], str(found)
