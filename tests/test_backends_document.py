"""docs/backends.md tells of every backend what its class and its packages say themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from s2s.paths import CONF, PACKAGE
from s2s.testing.conformance import Backend, backends

DOCUMENT = (PACKAGE.parent / "docs" / "backends.md").read_text("utf-8")
ROWS = {
    word: [cell.strip() for cell in row.strip(" |").split("|")]
    for row, word in re.findall(r"^(\| `((?:stt|llm|tts)=[\w-]+)` \|.*)$", DOCUMENT, re.MULTILINE)
}
COLUMNS = 8
BACKENDS = [backend for backend in backends(CONF, ("stt", "llm", "tts"))]
EXTRAS = set(re.findall(r"^([a-z0-9-]+) = \[", Path(PACKAGE.parent, "pyproject.toml").read_text("utf-8"), re.MULTILINE))


def word(backend: Backend) -> str:
    return f"{backend.group}={backend.name}"


@pytest.mark.parametrize("backend", BACKENDS, ids=word)
def test_a_backend_has_a_row_that_names_its_extra(backend: Backend) -> None:
    row = ROWS[word(backend)]
    assert len(row) == COLUMNS and all(row)
    extra = type(backend.stage()).extra if "model: ???" not in backend.path.read_text("utf-8") else ""
    assert row[1] == (f"`{extra}`" if extra else "none")
    assert not extra or extra in EXTRAS


def test_no_row_is_of_a_backend_that_is_not_there() -> None:
    assert set(ROWS) == {word(backend) for backend in BACKENDS}


@pytest.mark.parametrize(
    "backend", [each for each in BACKENDS if "model: ???" not in each.path.read_text("utf-8")], ids=word
)
def test_weights_by_default_are_of_one_version(backend: Backend) -> None:
    for source in backend.stage().weights():
        assert re.search(r"@[0-9a-f]{40}(/|$)|^pip:.*==.*#sha256=", source), source
