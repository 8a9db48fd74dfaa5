"""Every invariant can fail: for each there is a story that breaks it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation import invariants
from s2s.conversation.invariants import Broken, Ledger, Monitor
from s2s.conversation.items import Item, Part
from s2s.conversation.state import Response, State, Turn
from s2s.settings import Settings

ITEM = Item(id="i")
STARTED = f.SpeechStarted(item_id="i", at_ms=0)
STOPPED = f.SpeechStopped(item_id="i", at_ms=0)
ADDED = f.ItemAdded(item=ITEM, previous_id=None)
DONE = f.ItemDone(item=ITEM, previous_id=None)
TEXT = f.TurnText(item_id="i", text="", seconds=0)
PLACE: dict[str, Any] = {"response_id": "r", "item_id": "i", "output_index": 0}
OUT_ADDED = f.OutputItemAdded(item=ITEM, **PLACE)
SOUND = f.SoundDelta(pcm=b"", rate=1, **PLACE)


def view(id: str = "r", status: Any = "in_progress") -> f.ResponseView:
    return f.ResponseView(id=id, status=status, settings=Settings())


CREATED = f.ResponseCreated(response=view())
ENDED = f.ResponseDone(response=view(status="completed"))

FACTS: list[tuple[str, list[f.Fact]]] = [
    ("speech_started and speech_stopped alternate", [STARTED, STARTED]),
    ("speech_started and speech_stopped alternate", [STARTED, STOPPED, STOPPED]),
    ("an item is added once", [ADDED, ADDED]),
    ("an item is added before it is done", [DONE]),
    ("an item is done once", [ADDED, DONE, DONE]),
    ("a turn has one final text", [TEXT, f.TurnTextFailed(item_id="i", reason="")]),
    ("no delta follows a turn's final text", [TEXT, f.TurnTextDelta(item_id="i", delta="x")]),
    ("a response is created once", [CREATED, CREATED]),
    ("a response is created once", [CREATED, ENDED, CREATED]),
    ("at most one response writes into the conversation", [CREATED, f.ResponseCreated(response=view("s"))]),
    ("a response ends exactly once", [CREATED, ENDED, ENDED]),
    ("every item of a response is closed before it ends", [CREATED, OUT_ADDED, ENDED]),
    ("a response that is done is not in progress", [CREATED, f.ResponseDone(response=view())]),
    ("nothing is told of a response that does not live", [SOUND]),
    ("nothing is told of a response that does not live", [CREATED, ENDED, SOUND]),
    ("nothing of an item is told outside its added and done", [CREATED, SOUND]),
    ("no sound follows the end of the sound", [CREATED, OUT_ADDED, f.SoundDone(**PLACE), SOUND]),
]


@pytest.mark.parametrize(("what", "facts"), FACTS)
def test_the_monitor_sees_it(what: str, facts: list[f.Fact]) -> None:
    monitor = Monitor()
    for fact in facts[:-1]:
        monitor.told(fact)
    with pytest.raises(Broken, match=what):
        monitor.told(facts[-1])


OPEN = ev.Open(scope=1, source="chat", settings=Settings())
COMMIT, END, REVOKE = ev.Commit(scope=1), ev.End(scope=1), ev.Revoke(scope=1)
RESPONSE = Response(id="r", scope=1, settings=Settings())
TURN = Turn(scope=1, item_id="i", began_ms=0)
EMPTY = State()
HEARD = Item(id="i", role="assistant", parts=(Part(kind="output_audio", text="ab cd"),), heard_ms=1.0)


class Misheard(Item, frozen=True, kw_only=True):
    """An item that claims to have been heard otherwise than it was said."""

    claim: str = ""

    @property
    def heard(self) -> str:
        return self.claim


def misheard(claim: str) -> Item:
    return Misheard(**{name: getattr(HEARD, name) for name in HEARD.__struct_fields__}, claim=claim)


def with_(**changes: Any) -> State:
    return msgspec.structs.replace(EMPTY, **changes)


STEPS: list[tuple[str, State, list[ev.Effect]]] = [
    (
        "at most one response writes into the conversation",
        with_(responses=(RESPONSE, msgspec.structs.replace(RESPONSE, id="s"))),
        [OPEN, COMMIT],
    ),
    ("a live response has a scope", with_(responses=(RESPONSE,)), []),
    ("a live response's scope is not revoked", with_(responses=(RESPONSE,)), [OPEN, COMMIT, REVOKE]),
    (
        "the settings of a scope do not change",
        with_(responses=(msgspec.structs.replace(RESPONSE, settings=Settings(voice="x")),)),
        [OPEN, COMMIT],
    ),
    ("what is told is committed", with_(responses=(RESPONSE,)), [OPEN]),
    ("an open turn's scope is not revoked", with_(turn=TURN), [OPEN, REVOKE]),
    ("history holds the beginning of what was said", with_(items=(misheard("cd"),)), []),
    ("every item has its own id", with_(items=(ITEM, ITEM)), []),
    ("a scope is opened once", EMPTY, [OPEN, OPEN]),
    ("a scope's source ends once", EMPTY, [OPEN, END, END]),
    ("a scope is committed once", EMPTY, [OPEN, COMMIT, COMMIT]),
    ("nothing is sent to a scope whose source has ended", EMPTY, [OPEN, END, ev.Replay(scope=1)]),
    ("a scope is opened before it is used", EMPTY, [COMMIT]),
    ("a revoked scope is not used", EMPTY, [OPEN, REVOKE, COMMIT]),
]


@pytest.mark.parametrize(("what", "state", "effects"), STEPS)
def test_the_ledger_sees_it(what: str, state: State, effects: list[ev.Effect]) -> None:
    with pytest.raises(Broken, match=what):
        Ledger().stepped(ev.Cleared(), state, tuple(effects))


def test_every_invariant_has_its_story() -> None:
    tree = ast.parse(inspect.getsource(invariants))
    named = {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require"
        if isinstance(node.args[1], ast.Constant)
    }
    told: set[str] = {what for what, _ in FACTS} | {what for what, _, _ in STEPS}
    assert named == told


def test_a_reducer_without_one_of_its_lines_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away that an interruption closes what it cuts off: the monitor must notice."""
    from s2s.conversation import output
    from tests.conversation.test_reducer import Bench, spoken_answer

    keep: Callable[..., Any] = lambda step, response, status, whole=True: response  # noqa: E731
    bench = Bench()
    for event in spoken_answer()[:8]:
        bench.do(event)
    monkeypatch.setattr(output, "close", keep)
    with pytest.raises(Broken, match="every item of a response is closed before it ends"):
        bench.do(ev.CancelResponse())
