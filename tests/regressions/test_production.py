"""What is tested is what is deployed."""

from __future__ import annotations

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.conversation import facts as f
from s2s.settings import Detection, Settings
from s2s.testing.simulation.ear import marks
from s2s.testing.simulation.script import Act, draw
from tests.regressions.calls import Attentive, serving, virtually

SPOKEN = ("speak", "backchannel")
FRAME_MS = 20
UNDISTURBED = Settings(detection=Detection(create_response=False))


@pytest.mark.parametrize("seed", range(6))
@virtually
async def test_a_simulated_caller_is_heard_as_the_deployed_turn_detector_hears(seed: int) -> None:
    """livekit-cli #937: turns of the simulation begin and end where those of `turn=silence` do, as it is shipped."""
    node = build(compose("turn=silence"), packages=False).graph.nodes["turn"]
    acts = [act for act in draw(seed).acts if act.kind in SPOKEN and act.seconds >= 2 * FRAME_MS / 1000]
    spoken = [(round(act.at * 1000 / FRAME_MS), round((act.at + act.seconds) * 1000 / FRAME_MS)) for act in acts]
    acts = [Act("speak", begin * FRAME_MS / 1000, (end - begin) * FRAME_MS / 1000) for begin, end in spoken]
    loud = {frame for begin, end in spoken for frame in range(begin, end)}
    async with serving(turn=node.stage) as engine:
        caller = Attentive(engine, UNDISTURBED)
        for frame in range(max(loud) + 100):
            await caller.speak(FRAME_MS, loud=frame in loud)
        heard = [(at, fact) for at, fact in caller.heard if isinstance(fact, (f.SpeechStarted, f.SpeechStopped))]
        wanted = [(at, mark) for at, mark in marks(acts) if mark in ("start", "end")]
        assert len(heard) == len(wanted) > 4
        for (at, fact), (wanted_at, mark) in zip(heard, wanted, strict=True):
            assert isinstance(fact, f.SpeechStarted) == (mark == "start")
            assert at == pytest.approx(wanted_at, abs=3 * FRAME_MS / 1000)
