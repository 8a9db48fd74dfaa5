"""The account of a call adds up, and every way in which it might not is found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from s2s.conversation import facts as f
from s2s.conversation.invariants import Broken
from s2s.testing.simulation.account import adds_up, all_ended
from s2s.testing.simulation.engine_world import EngineWorld
from s2s.testing.simulation.script import Act, Script

Facts = list[f.Fact]


@pytest.fixture(scope="module")
def told() -> Facts:
    """What is told of one turn and its answer of three clauses."""
    world = EngineWorld(Script(12, (Act("speak", 1.0, 1.0),), ())).run()
    facts = [fact for _, fact in world.heard]
    assert len([fact for fact in facts if isinstance(fact, f.SoundDelta)]) > 3
    return facts


def without(kind: type[f.Fact]) -> Callable[[Facts], Facts]:
    """Lose the first fact of a kind."""

    def lose(facts: Facts) -> Facts:
        lost = next(fact for fact in facts if isinstance(fact, kind))
        return [fact for fact in facts if fact is not lost]

    return lose


def backwards(facts: Facts) -> Facts:
    """Tell the sound from its end."""
    sounds = [fact for fact in facts if isinstance(fact, f.SoundDelta)]
    return [sounds.pop() if isinstance(fact, f.SoundDelta) else fact for fact in facts]


def twice(facts: Facts) -> Facts:
    """End the answer twice."""
    return [*facts, facts[-1]]


def written(facts: Facts) -> Facts:
    """Call the answer a written one."""
    return [msgspec.structs.replace(fact, kind="text") if isinstance(fact, f.PartAdded) else fact for fact in facts]


def failing(facts: Facts) -> Facts:
    """Tell of an error of the server's own."""
    return [*facts, f.Problem(code="server_error", message="vad: out of order")]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (without(f.WordsDelta), "the deltas of an answer are its text"),
        (without(f.SoundDelta), "a completed answer is spoken whole"),
        (without(f.ResponseDone), "every response ends exactly once"),
        (without(f.TurnText), "every turn is transcribed, or it is said why not"),
        (backwards, "clauses are heard in order"),
        (twice, "every response ends exactly once"),
        (written, "a written answer has no sound"),
        (failing, "listening does not fail"),
    ],
)
def test_what_does_not_add_up_is_found(told: Facts, change: Callable[[Facts], Facts], what: str) -> None:
    adds_up(told)
    all_ended(told)
    changed = change(told)
    check = all_ended if what.startswith("every") else adds_up
    with pytest.raises(Broken, match=f"^{what}$"):
        check(changed)


def test_a_voice_of_another_rate_is_found(told: Facts) -> None:
    slow = [msgspec.structs.replace(fact, rate=16000) if isinstance(fact, f.SoundDelta) else fact for fact in told]
    with pytest.raises(Broken, match="sound has the rate of its voice"):
        adds_up(slow)
