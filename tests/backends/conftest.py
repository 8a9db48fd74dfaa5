"""Tests of backends run in environments of their own, each named as the folder of its tests: `make test-backends`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the tests of another environment: their library is not here."""
    other = (
        collection_path.is_dir() and collection_path.parent == HERE and collection_path.name != Path(sys.prefix).name
    )
    return other or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that lie here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.backends)
