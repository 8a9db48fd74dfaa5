"""The same conversations through the engine: nothing breaks or is left, and what is broken on purpose is found."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from s2s.call import LiveCall
from s2s.conversation import facts as f
from s2s.conversation import responses, trial
from s2s.hearing import Hearing
from s2s.jobs import Jobs
from s2s.pump import Pump
from s2s.rush import Rush
from s2s.scope import Scope
from s2s.testing.simulation.engine_world import EngineWorld
from s2s.testing.simulation.mouth import RATE, frames
from s2s.testing.simulation.script import Act, Fault, Script, draw
from s2s.testing.simulation.seeds import breaks
from s2s.testing.simulation.shrink import shrunk

at_engine = partial(breaks, "engine")
TURN = Act("speak", 1.0, 1.0)
LONG = Act("speak", 10.0, 2.0)


def played(*acts: Act, faults: tuple[Fault, ...] = (), seed: int = 0, **options: Any) -> EngineWorld:
    """Play a short script in which nothing breaks."""
    return EngineWorld(Script(seed, acts, faults, **options)).run()


def ends(world: EngineWorld) -> list[tuple[str, str]]:
    """How the answers ended, and why."""
    done = [fact.response for _, fact in world.heard if isinstance(fact, f.ResponseDone)]
    return [(response.status, response.error or response.reason) for response in done]


@pytest.mark.parametrize("first", range(100, 140, 10))
def test_forty_conversations_through_the_engine(first: int) -> None:
    """`make simulation` plays 500."""
    for seed in range(first, first + 10):
        what = at_engine(draw(seed))
        assert what is None, f"{what}\n{shrunk(draw(seed), what, at_engine)}"


@pytest.mark.parametrize("seed", [3, 11, 19])
def test_a_seed_is_the_same_conversation_every_time(seed: int) -> None:
    first, again = (EngineWorld(draw(seed)).run() for _ in range(2))
    assert first.heard == again.heard and first.steps == again.steps > 50


def test_a_turn_is_answered_and_one_over_an_answer_interrupts_it() -> None:
    assert ends(played(TURN)) == [("completed", "")]
    over = played(TURN, Act("speak", 3.3, 1.0), faults=(Fault("llm", "endless", 0),))
    assert ends(over) == [("cancelled", "turn_detected"), ("completed", "")]
    assert ends(played(TURN, LONG, chat=False)) == [("completed", ""), ("completed", "")]


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (Fault("llm", "fail", 0), [("failed", "llm: out of order")]),
        (Fault("tts", "fail", 0), [("failed", "tts: out of order")]),
        (Fault("llm", "length", 0), [("incomplete", "max_output_tokens")]),
        (Fault("llm", "endless", 0), [("cancelled", "client_cancelled")]),
        *((Fault(at, "stall", 0), [("completed", "")]) for at in ("llm", "tts")),
        *((Fault(at, "late", 0), [("completed", "")]) for at in ("stt", "llm", "tts")),
        (Fault("stt", "duplicate", 0), [("completed", "")]),
        (Fault("llm", "call", 0), [("completed", "")]),
        (Fault("stt", "silent", 0), []),
        (Fault("stt", "fail", 0), []),
    ],
    ids=lambda value: f"{value.at}-{value.kind}" if isinstance(value, Fault) else "",
)
def test_a_fault_happens_where_the_script_says(fault: Fault, end: list[tuple[str, str]]) -> None:
    world = played(TURN, faults=(fault,), seed=4)
    assert ends(world) == end
    failed = [fact for _, fact in world.heard if isinstance(fact, f.TurnTextFailed)]
    assert len(failed) == (fault == Fault("stt", "fail", 0))


def test_sound_is_as_long_as_the_script_says_and_stops_after_a_mute() -> None:
    acts = [Act("speak", 0.5, 1.0), Act("speak", 4.0, 0.25), Act("mute", 6.0, 0.33), Act("speak", 12.0, 1.0)]
    found = list(frames(acts, 0.1, 3.0))
    assert sum(frame.samples for frame in found if frame.loud) == round(2.58 * RATE)
    assert sum(frame.samples for frame in found) == round((16.0 - (12.0 - 6.33)) * RATE)
    assert [frame.at for frame in found] == sorted(frame.at for frame in found)
    assert max(frame.samples for frame in found if frame.loud) == RATE // 10


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


async def nobody(*_: Any, **__: Any) -> None:
    """Wait for nothing."""


async def forever(*_: Any, **__: Any) -> None:
    """Wait for ever, while time goes on."""
    while True:
        await asyncio.sleep(100.0)


DROPPED = Script(0, (TURN, Act("drop", 4.0)), (Fault("tts", "stall", 0),))
MUTED = Script(0, (Act("mute", 1.0, 1.0),), ())
ANSWERED = Script(0, (TURN, LONG), (Fault("llm", "length", 5),))
ON_TRIAL = Script(0, (TURN, Act("speak", 2.45, 1.0)), ())


@pytest.mark.parametrize(
    ("where", "name", "instead", "script", "what"),
    [
        (Hearing, "_watch_mute", nothing, MUTED, "no turn stays open"),
        (responses, "answer", nothing, ANSWERED, "the last turn is answered"),
        (responses, "drained", nothing, ANSWERED, "every response comes to its end"),
        (LiveCall, "_over", nothing, ANSWERED, "every scope is let go"),
        (Jobs, "close", nobody, DROPPED, "tts has no job left"),
        (Rush, "leave", nothing, DROPPED, "no timer is left"),
        (Pump, "_over", nothing, ANSWERED, "every turn comes to its end"),
        (Hearing, "audio", forever, ANSWERED, "sound is taken in the end"),
        (Scope, "drain", nothing, ANSWERED, "every turn comes to its end"),
        (trial, "forget", nothing, ON_TRIAL, "an answer is to what was said"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0] in "_abcdefghijklmnopqrstuvwxyz" else "",
)
def test_what_is_broken_on_purpose_is_found(
    where: Any, name: str, instead: Any, script: Script, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_engine(script) is None
    monkeypatch.setattr(where, name, instead)
    assert at_engine(script) == what


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_an_answer_without_chat_keeps_the_settings_of_its_turn(numbers: tuple[int, int]) -> None:
    acts = (Act("update", 0.5, number=numbers[0]), TURN, Act("update", 1.9, number=numbers[1]))
    assert at_engine(Script(0, acts, (), chat=False)) is None


def test_a_call_that_is_hung_up_holds_nothing() -> None:
    assert at_engine(Script(12, (TURN, Act("drop", 6.0)), (Fault("tts", "stall", 0),))) is None


def test_an_effect_that_fails_and_an_error_that_nobody_catches_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Hearing, "replay", lambda *_: 1 / 0)
        assert at_engine(ON_TRIAL) == "ZeroDivisionError: division by zero"

    monkeypatch.setattr(Hearing, "take_turn", lambda _: asyncio.get_running_loop().call_later(1.0, lambda: 1 / 0))
    assert at_engine(ANSWERED) == "uncaught: ZeroDivisionError('division by zero')"
