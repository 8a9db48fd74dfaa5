"""A caller who stays silent after an answer, and speech that a client gives as an item."""

from __future__ import annotations

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.conversation.responses import SILENCE
from s2s.conversation.state import Wiring
from s2s.messages import Reply, Sound, Transcript
from s2s.settings import Detection, Settings
from tests.conversation.bench import Bench

PATIENT = Settings(detection=Detection(kind="silence", idle_ms=5000))


def answered(settings: Settings = PATIENT) -> Bench:
    """A conversation after an answer of 2 s of sound."""
    bench = Bench(settings=settings)
    bench.do(ev.CreateResponse(settings=settings))
    scope = bench.scopes[-1]
    bench.do(ev.Output(scope=scope, item=Reply(text="Hello.")))
    bench.do(ev.Output(scope=scope, item=Sound(pcm=bytes(96000), rate=24000, until=6, text="Hello.")))
    bench.do(ev.Drained(scope=scope))
    return bench


def kinds(told: list[f.Fact]) -> list[str]:
    return [type(fact).__name__ for fact in told]


def test_the_agent_speaks_again_once_the_answer_was_played_and_the_caller_was_silent() -> None:
    bench = answered()
    remind = bench.effects[-1]
    assert isinstance(remind, ev.Remind)
    assert remind.when == pytest.approx(2 + 5, abs=0.1), "after 2 s of playback, 5 s of silence"
    assert bench.do(ev.Reminded(heard_ms=100)) == [], "too early"
    bench.now = remind.when
    told = bench.do(ev.Reminded(heard_ms=7000))
    assert kinds(told) == ["TurnMissed", "TurnCommitted", "ItemAdded", "ItemDone", "ResponseCreated"]
    missed = told[0]
    assert isinstance(missed, f.TurnMissed) and (missed.from_ms, missed.to_ms) == (2000, 7000)
    sent = [effect.item for effect in bench.effects if isinstance(effect, ev.Send)]
    assert sent[-1].lines[-1].text == SILENCE
    bench.now += 60
    assert bench.do(ev.Reminded(heard_ms=67000)) == [], "once, until there is another answer"


@pytest.mark.parametrize("after", ["speech", "response"])
def test_nobody_is_asked_who_has_gone_on(after: str) -> None:
    bench = answered()
    bench.do(
        ev.Spoken(mark="start", at_ms=3000) if after == "speech" else ev.CreateResponse(settings=bench.state.settings)
    )
    bench.now += 60
    assert bench.do(ev.Reminded(heard_ms=60000)) == []


def test_without_a_limit_nobody_is_asked() -> None:
    bench = answered(Settings())
    assert not [effect for effect in bench.effects if isinstance(effect, ev.Remind)]


def test_where_the_client_answers_the_silence_only_becomes_an_item() -> None:
    bench = answered(Settings(detection=Detection(kind="silence", idle_ms=5000, create_response=False)))
    bench.now += 60
    assert kinds(bench.do(ev.Reminded(heard_ms=60000))) == ["TurnMissed", "TurnCommitted", "ItemAdded", "ItemDone"]


SPEECH = Item(id="mine", parts=(Part(kind="input_audio"),))


def test_speech_in_an_item_is_recognised_before_it_is_answered() -> None:
    bench = Bench()
    told = bench.do(ev.CreateItem(item=SPEECH, sound=bytes(480), rate=24000))
    assert kinds(told) == ["ItemAdded", "ItemDone"]
    turn = bench.scopes[-1]
    assert kinds(bench.do(ev.CreateResponse(settings=Settings()))) == ["ResponseCreated"]
    assert not [effect for effect in bench.effects if isinstance(effect, ev.Send)]
    assert bench.do(ev.Transcribed(scope=turn, transcript=Transcript(text="what is it"))) == [], "no captions of it"
    sent = [effect.item for effect in bench.effects if isinstance(effect, ev.Send)]
    assert [line.text for line in sent[-1].lines] == ["what is it"]
    assert bench.state.items[0].text == "what is it"


def test_speech_in_an_item_needs_a_recogniser() -> None:
    bench = Bench(wiring=Wiring(transcripts=False))
    told = bench.do(ev.CreateItem(item=SPEECH, sound=bytes(480), rate=24000, event_id="e"))
    assert isinstance(told[0], f.Problem) and (told[0].code, told[0].event_id) == ("invalid_value", "e")
    assert not bench.state.items


def test_a_response_out_of_band_has_a_lane_of_its_own() -> None:
    bench = Bench()
    bench.do(ev.CreateResponse(settings=Settings()))
    bench.do(ev.CreateResponse(settings=Settings(), in_conversation=False))
    opened = [effect.apart for effect in bench.effects if isinstance(effect, ev.Open)]
    assert opened == [False, True]
