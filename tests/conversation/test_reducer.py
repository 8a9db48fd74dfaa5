"""The conversation under any order of events: its invariants hold, and nothing of a revoked scope is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.conversation.state import Wiring
from s2s.messages import Reply, ReplyEnd, Sound, ToolCall, ToolResult, Transcript
from s2s.settings import Detection, Settings
from tests.conversation.bench import Bench

WORDS = st.sampled_from(["yes.", "one two", "and so on,", "well"])


class Conversation(RuleBasedStateMachine):
    """Speech, recognition, answers, faults and clients' requests in any order."""

    @initialize(
        chat=st.booleans(),
        words=st.booleans(),
        create=st.booleans(),
        interrupt=st.booleans(),
        transcribe=st.booleans(),
        idle_ms=st.sampled_from([None, 50]),
        hears=st.sampled_from([(False, True), (True, False), (True, True)]),
        tools=st.booleans(),
    )
    def begin(
        self,
        chat: bool,
        words: bool,
        create: bool,
        interrupt: bool,
        transcribe: bool,
        idle_ms: int | None,
        hears: tuple[bool, bool],
        tools: bool,
    ) -> None:
        detection = Detection(create_response=create, interrupt_response=interrupt, idle_ms=idle_ms)
        self.bench = Bench(
            wiring=Wiring(
                chat=chat, words=words, tool_rounds=3, hears=chat and hears[0], transcripts=hears[1], tools=tools
            ),
            settings=Settings(detection=detection, transcribe=transcribe),
        )
        self.speaking = False
        self.paused = False
        self.spent: set[int] = set()

    def _open(self, data: st.DataObject) -> int:
        live = [n for n in self.bench.scopes if n not in self.bench.ledger.revoked and n not in self.spent]
        return data.draw(st.sampled_from(live or [99]))

    @rule()
    @precondition(lambda self: not self.speaking)
    def speak(self) -> None:
        self.bench.do(ev.Spoken(mark="start", at_ms=self.bench.now * 1000))
        self.speaking, self.paused = True, False

    @rule()
    @precondition(lambda self: self.speaking and not self.paused)
    def pause(self) -> None:
        self.bench.do(ev.Spoken(mark="pause", at_ms=self.bench.now * 1000))
        self.paused = True

    @rule()
    @precondition(lambda self: self.speaking and self.paused)
    def ripen(self) -> None:
        self.bench.do(ev.Spoken(mark="ripe", at_ms=self.bench.now * 1000))

    @rule(ms=st.sampled_from([50, 500]))
    @precondition(lambda self: self.speaking and not self.paused)
    def speak_on(self, ms: float) -> None:
        self.bench.do(ev.Spoken(mark="more", at_ms=self.bench.now * 1000 + ms))

    @rule()
    @precondition(lambda self: self.speaking and self.paused)
    def resume(self) -> None:
        self.bench.do(ev.Spoken(mark="resume", at_ms=self.bench.now * 1000))
        self.paused = False

    @rule()
    @precondition(lambda self: self.speaking)
    def stop(self) -> None:
        self.bench.do(ev.Spoken(mark="end", at_ms=self.bench.now * 1000))
        self.speaking = False

    @rule()
    def clear(self) -> None:
        self.bench.do(ev.Cleared())
        self.speaking = self.paused = False

    @rule(data=st.data(), text=st.sampled_from(["", "hello", "hello there"]), final=st.booleans())
    def hear(self, data: st.DataObject, text: str, final: bool) -> None:
        said = Transcript(text=text, final=final, stable=0 if final else len(text) // 2)
        self.bench.do(ev.Transcribed(scope=self._open(data), transcript=said))

    @rule(data=st.data(), text=WORDS)
    def reply(self, data: st.DataObject, text: str) -> None:
        self._output(data, Reply(text=text))

    @rule(data=st.data(), index=st.integers(0, 2), until=st.integers(0, 20))
    def sound(self, data: st.DataObject, index: int, until: int) -> None:
        self._output(data, Sound(pcm=bytes(480), rate=24000, index=index, until=until, text="one two"))

    @rule(data=st.data(), name=st.sampled_from(["a", "b"]), last=st.booleans())
    def call(self, data: st.DataObject, name: str, last: bool) -> None:
        self._output(data, ToolCall(call_id=name, name=name, delta="{", arguments="{}" if last else None))

    @rule(data=st.data(), reason=st.sampled_from(["stop", "length", "tool_calls"]))
    def reply_end(self, data: st.DataObject, reason: Any) -> None:
        self._output(data, ReplyEnd(reason=reason))

    def _output(self, data: st.DataObject, item: Any) -> None:
        """The gate lets out only what is committed; a late item of a revoked scope may still try."""
        scope = data.draw(st.sampled_from(self.bench.scopes or [99]))
        if scope in self.bench.ledger.committed:
            self.bench.do(ev.Output(scope=scope, item=item))

    @rule(data=st.data())
    def result(self, data: st.DataObject) -> None:
        self.bench.do(ev.Resulted(scope=self._open(data), result=ToolResult(call_id="a", output="3")))

    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        scope = self._open(data)
        if scope in self.bench.ledger.ended:
            self.spent.add(scope)
            self.bench.do(ev.Drained(scope=scope))

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        scope = self._open(data)
        self.spent.add(scope)
        self.bench.do(ev.Failed(scope=scope, stage="llm", reason="out of order"))

    @rule(alone=st.booleans(), own=st.booleans())
    def create_response(self, alone: bool, own: bool) -> None:
        items = (Item(id="own", parts=(Part(kind="input_text", text="hi"),)),) if own else None
        self.bench.do(ev.CreateResponse(settings=self.bench.state.settings, in_conversation=not alone, items=items))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ids = [None, "resp_nobody", *(response.id for response in self.bench.state.responses)]
        self.bench.do(ev.CancelResponse(response_id=data.draw(st.sampled_from(ids))))

    @rule(data=st.data(), where=st.sampled_from([None, "root", "nobody"]), spoken=st.booleans())
    def create_item(self, data: st.DataObject, where: str | None, spoken: bool) -> None:
        name = data.draw(st.sampled_from(["", "mine", "yours"]))
        part = Part(kind="input_audio") if spoken else Part(kind="input_text", text="hi")
        sound = bytes(480) if spoken else b""
        self.bench.do(ev.CreateItem(item=Item(id=name, parts=(part,)), previous_id=where, sound=sound, rate=24000))

    @rule(late=st.booleans())
    def remind(self, late: bool) -> None:
        due = self.bench.state.idle_at
        if late and due is not None:
            self.bench.now = max(self.bench.now, due)
        self.bench.do(ev.Reminded(heard_ms=self.bench.now * 1000))

    @rule(data=st.data(), ms=st.integers(-10, 100))
    def truncate(self, data: st.DataObject, ms: int) -> None:
        self.bench.do(ev.TruncateItem(item_id=self._item(data), part=0, audio_end_ms=ms))

    @rule(data=st.data(), ms=st.floats(0, 100))
    def play(self, data: st.DataObject, ms: float) -> None:
        self.bench.do(ev.Played(item_id=self._item(data), ms=ms))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.bench.do(ev.DeleteItem(item_id=self._item(data)))

    def _item(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(["nobody", *(item.id for item in self.bench.state.items)]))

    @rule(outputs=st.sampled_from([("audio",), ("text",)]))
    def update(self, outputs: tuple[str, ...]) -> None:
        import msgspec

        self.bench.do(ev.Updated(settings=msgspec.structs.replace(self.bench.state.settings, outputs=outputs)))

    def teardown(self) -> None:
        """However it went, everything can be brought to an end, each thing once."""
        if not hasattr(self, "bench"):
            return
        for scope in self.bench.scopes:
            if scope not in self.bench.ledger.revoked and scope not in self.spent:
                self.bench.do(ev.Failed(scope=scope, stage="x", reason="the end"))
        for _ in range(10):
            for response in self.bench.state.responses:
                self.bench.do(ev.Failed(scope=response.scope, stage="x", reason="the end"))
        created = [fact.response.id for fact in self.bench.told if isinstance(fact, f.ResponseCreated)]
        ended = [fact.response.id for fact in self.bench.told if isinstance(fact, f.ResponseDone)]
        assert sorted(created) == sorted(ended), "exactly one end for every response"


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def spoken_answer() -> list[ev.Event]:
    """The events of one spoken turn and its answer; scope 2 is the turn's, 4 the answer's."""
    return [
        ev.Spoken(mark="start", at_ms=0),
        ev.Transcribed(scope=2, transcript=Transcript(text="what is", final=False, stable=4)),
        ev.Spoken(mark="end", at_ms=900),
        ev.Transcribed(scope=2, transcript=Transcript(text="what is it")),
        ev.Drained(scope=2),
        ev.Output(scope=4, item=Reply(text="It is ")),
        ev.Output(scope=4, item=Sound(pcm=bytes(480), rate=24000, index=0, until=6, text="It is")),
        ev.Output(scope=4, item=Reply(text="this.")),
        ev.Output(scope=4, item=ReplyEnd()),
        ev.Output(scope=4, item=Sound(pcm=bytes(480), rate=24000, index=1, until=11, text="this.")),
        ev.Drained(scope=4),
    ]


@given(at=st.integers(0, 11), how=st.sampled_from(["speech", "cancel", "failure"]))
def test_a_scope_revoked_at_any_boundary_is_never_heard_of_again(at: int, how: str) -> None:
    bench = Bench()
    events = spoken_answer()
    for event in events[:at]:
        bench.do(event)
    if how == "speech" and bench.state.turn is None:
        bench.do(ev.Spoken(mark="start", at_ms=2000))
    elif how == "cancel":
        bench.do(ev.CancelResponse())
    else:
        for scope in list(bench.scopes):
            if scope not in bench.ledger.revoked:
                bench.do(ev.Failed(scope=scope, stage="llm", reason="gone"))
    revoked = set(bench.ledger.revoked)
    told = len(bench.told)
    for event in events[at:]:
        if getattr(event, "scope", None) in revoked:
            bench.do(event)
    deltas = (f.SoundDelta, f.WordsDelta, f.TextDelta, f.TurnTextDelta)
    assert not [fact for fact in bench.told[told:] if isinstance(fact, deltas)]
    created = [fact.response.id for fact in bench.told if isinstance(fact, f.ResponseCreated)]
    ended = [fact.response.id for fact in bench.told if isinstance(fact, f.ResponseDone)]
    assert len(ended) == len(set(ended)) and set(ended) <= set(created)
    if revoked & {4}:
        closing = [type(fact).__name__ for fact in bench.told if isinstance(fact, (f.OutputFact, f.ResponseDone))]
        assert closing[-1] == "ResponseDone" and closing.count("ResponseDone") == 1


def asks(bench: Bench) -> list[tuple[str, str]]:
    """The language and the last words of each prompt so far."""
    sent = [effect.item for effect in bench.effects if isinstance(effect, ev.Send)]
    return [(ask.language, ask.lines[-1].text) for ask in sent]


@pytest.mark.parametrize("early", [True, False])
def test_a_prompt_says_in_which_language_its_last_turn_was(early: bool) -> None:
    bench = Bench()
    for language, text in (("fr", "bonjour"), ("", "hm")):
        bench.do(ev.Spoken(mark="start", at_ms=0))
        turn = bench.scopes[-1]
        heard = ev.Transcribed(scope=turn, transcript=Transcript(text=text, language=language))
        if early:
            bench.do(ev.Spoken(mark="pause", at_ms=700))
            bench.do(heard)
            bench.do(ev.Spoken(mark="ripe", at_ms=800))
        bench.do(ev.Spoken(mark="end", at_ms=900))
        if not early:
            bench.do(heard)
        bench.do(ev.Drained(scope=turn))
        answer = bench.scopes[-1]
        bench.do(ev.Output(scope=answer, item=ToolCall(call_id=text, name="now", arguments="{}")))
        bench.do(ev.Resulted(scope=answer, result=ToolResult(call_id=text, output="noon")))
        bench.do(ev.Drained(scope=answer))
        bench.do(ev.CancelResponse())
    assert asks(bench) == [("fr", "bonjour"), ("fr", "noon"), ("", "hm"), ("", "noon")]


def test_a_typed_turn_has_no_language() -> None:
    bench = Bench()
    for event in spoken_answer():
        bench.do(event)
    item = Item(id="typed", parts=(Part(kind="input_text", text="hello"),))
    bench.do(ev.CreateItem(item=item))
    bench.do(ev.CreateResponse(settings=Settings()))
    assert asks(bench)[-1] == ("", "hello")


def test_the_last_words_of_a_cancelled_answer_are_its_closing_facts_in_contract_order() -> None:
    bench = Bench()
    for event in spoken_answer()[:8]:
        bench.do(event)
    told = bench.do(ev.CancelResponse())
    assert [type(fact).__name__ for fact in told] == [
        *("SoundDone", "WordsDone", "PartDone", "ItemDone", "OutputItemDone", "ResponseDone")
    ]
    done = told[-1]
    assert isinstance(done, f.ResponseDone)
    assert (done.response.status, done.response.reason) == ("cancelled", "client_cancelled")
    assert done.response.items[0].status == "incomplete"


@pytest.mark.parametrize(("ms", "heard"), [(0, ""), (10, "It is"), (15, "It is this."), (12, "It is")])
def test_a_truncated_answer_holds_the_words_that_were_heard(ms: int, heard: str) -> None:
    bench = Bench()
    for event in spoken_answer():
        bench.do(event)
    answer = bench.state.items[-1]
    bench.do(ev.TruncateItem(item_id=answer.id, part=0, audio_end_ms=ms))
    assert bench.state.items[-1].heard == heard
    told = bench.do(ev.RetrieveItem(item_id=answer.id))
    assert isinstance(told[0], f.ItemRetrieved)
    assert told[0].item.parts[0].text == heard


def calling() -> Bench:
    """A conversation whose answer has called a function and is not over yet; its scope is the last."""
    bench = Bench()
    bench.do(ev.CreateItem(item=Item(id="asked", parts=(Part(kind="input_text", text="weather?"),))))
    bench.do(ev.CreateResponse(settings=Settings()))
    bench.do(ev.Output(scope=bench.scopes[-1], item=ToolCall(call_id="a", name="look", arguments="{}")))
    return bench


def test_an_answer_that_is_asked_for_with_a_functions_result_waits_for_the_end_of_the_call() -> None:
    bench = calling()
    scope = bench.scopes[-1]
    result = Item(id="", kind="function_call_output", call_id="a", output="sun")
    assert [type(fact).__name__ for fact in bench.do(ev.CreateItem(item=result))] == ["ItemAdded", "ItemDone"]
    assert bench.do(ev.CreateResponse(settings=Settings(), metadata={"n": "2"})) == []
    (problem,) = bench.do(ev.CreateResponse(settings=Settings(), event_id="third"))
    assert isinstance(problem, f.Problem) and problem.code == "conversation_already_has_active_response"
    told = bench.do(ev.Drained(scope=scope))
    assert [type(fact).__name__ for fact in told] == ["ResponseDone", "ResponseCreated"]
    assert isinstance(told[1], f.ResponseCreated) and told[1].response.metadata == {"n": "2"}
    assert asks(bench)[-1] == ("", "sun")


def test_an_answer_asked_for_early_is_refused_when_the_caller_interrupts() -> None:
    bench = calling()
    bench.do(ev.CreateResponse(settings=Settings(), event_id="early"))
    told = bench.do(ev.Spoken(mark="start", at_ms=0))
    assert [type(fact).__name__ for fact in told] == ["SpeechStarted", "ResponseDone", "Problem"]
    assert isinstance(told[2], f.Problem) and told[2].event_id == "early"
    assert bench.state.default is None


def test_an_item_of_audio_that_is_deleted_while_it_is_answered_leaves_the_answer_alone() -> None:
    bench = Bench(wiring=Wiring(chat=False, words=False))
    spoken = Item(id="spoken", parts=(Part(kind="input_audio"),))
    bench.do(ev.CreateItem(item=spoken, sound=bytes(480), rate=24000))
    scope = bench.scopes[-1]
    bench.do(ev.Output(scope=scope, item=Reply(text="yes.")))
    bench.do(ev.DeleteItem(item_id="spoken"))
    told = bench.do(ev.Drained(scope=scope))
    assert type(told[-1]) is f.ResponseDone and told[-1].response.status == "completed"
