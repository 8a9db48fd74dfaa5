"""Conversations drawn from seeds, in virtual time: every invariant holds, or a short story tells how it breaks."""

from __future__ import annotations

import msgspec
import pytest

from s2s.conversation import responses, trial
from s2s.testing.simulation.ear import marks
from s2s.testing.simulation.script import LEAST_S, TURNS, Act, draw
from s2s.testing.simulation.shrink import broken, shrunk
from s2s.testing.simulation.world import World


def test_three_hundred_conversations_keep_every_invariant() -> None:
    """`make simulation` plays 20,000."""
    for seed in range(300):
        what = broken(draw(seed))
        assert what is None, f"{what}\n{shrunk(draw(seed), what)}"


def test_a_script_is_long_and_something_goes_wrong_in_it() -> None:
    for seed in range(200):
        script = draw(seed)
        speech = [act for act in script.acts if act.kind == "speak"]
        assert len(speech) >= TURNS[0] and speech[-1].at + speech[-1].seconds > LEAST_S / 2 and script.faults


def test_a_seed_is_the_same_conversation_every_time() -> None:
    first, again = (World(draw(7)).run() for _ in range(2))
    assert first.state == again.state and first.steps == again.steps > 50


def test_speech_becomes_marks() -> None:
    acts = [Act("speak", 1.0, 1.0), Act("speak", 2.3, 0.7), Act("backchannel", 9.0, 0.05), Act("speak", 20.0, 1.0)]
    told = [(round(at, 3), mark) for at, mark in marks(acts)]
    assert told == [
        *(
            (1.064, "start"),
            (2.1, "pause"),
            (2.25, "ripe"),
            (2.3, "resume"),
            (3.1, "pause"),
            (3.25, "ripe"),
            (3.5, "end"),
        ),
        *((20.064, "start"), (21.1, "pause"), (21.25, "ripe"), (21.5, "end")),
    ]
    assert [mark for _, mark in marks([Act("mute", 1.0, 1.0)])] == ["start", "end"]


def test_a_turn_that_nobody_answers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "answer", lambda *_, **__: None)
    assert "the last turn is answered" in {broken(draw(seed)) for seed in range(400)}


def test_a_planted_fault_is_found_and_its_story_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(step: object) -> None:
        """Interrupt nothing."""

    monkeypatch.setattr(trial, "forget", forgetful)
    seed = next(seed for seed in range(200) if broken(draw(seed)))
    script = draw(seed)
    what = broken(script)
    assert what is not None
    short = shrunk(script, what)
    assert broken(short) == what and len(short.acts) <= 4 < len(script.acts)
    assert "Act(kind='speak'" in str(short)
    assert msgspec.structs.replace(short, acts=script.acts, faults=script.faults) == script
