"""No row of the contract is without a case."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.protocol.contract import ROWS

TESTS = Path(__file__).parent.parent


def covered() -> dict[str, list[str]]:
    """The cases of each row, as `file::test`."""
    found: dict[str, list[str]] = {}
    for path in [*TESTS.glob("protocol/test_*.py"), *TESTS.glob("modes/test_*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
                        for word in mark.args:
                            found.setdefault(ast.literal_eval(word), []).append(f"{path.name}::{node.name}")
    return found


def test_every_row_of_the_contract_has_a_case() -> None:
    assert set(ROWS) - set(covered()) == set()


def test_no_case_is_for_a_row_that_is_none() -> None:
    assert set(covered()) - set(ROWS) == set()
