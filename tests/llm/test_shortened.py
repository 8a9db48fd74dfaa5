"""What is left of a conversation that is too long."""

from __future__ import annotations

from s2s.llm.shortened import shorter
from s2s.messages import Line

SYSTEM = Line(role="system", text="Be brief.")


def said(*numbers: int) -> tuple[Line, ...]:
    return tuple(Line(role=role, text=str(n)) for n in numbers for role in ("user", "assistant"))  # type: ignore[arg-type]


def test_the_older_half_of_the_turns_goes() -> None:
    assert shorter((SYSTEM, *said(1, 2, 3, 4))) == (SYSTEM, *said(3, 4))
    assert shorter(said(1, 2)) == said(2)


def test_the_last_turn_stays() -> None:
    assert shorter((SYSTEM, *said(1))) == (SYSTEM, *said(1))
    assert shorter(()) == ()
