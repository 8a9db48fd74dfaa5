"""Tests of backends run in environments of their own: `make test-backends`."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that lie here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.backends)
