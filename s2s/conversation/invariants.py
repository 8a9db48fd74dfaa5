"""What always holds of a conversation, as code that can be run beside it: in tests, in simulation, in production.

`Monitor` watches what a client is told; `Ledger` watches the steps of the reducer.
"""

from __future__ import annotations

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.state import State
from s2s.settings import Settings


class Broken(AssertionError):
    """An invariant does not hold."""


def require(holds: bool, what: str) -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(what)


class Monitor:
    """Checks the order of what one client is told."""

    def __init__(self) -> None:
        self.speaking = False
        self.live: dict[str, bool] = {}
        self.ended_responses: set[str] = set()
        self.items: set[str] = set()
        self.open_items: dict[str, set[str]] = {}
        self.done_items: set[str] = set()
        self.silent_items: set[str] = set()
        self.transcribed: set[str] = set()

    def told(self, fact: f.Fact) -> None:
        """Check the next fact."""
        if isinstance(fact, f.SpeechStarted):
            require(not self.speaking, "speech_started and speech_stopped alternate")
            self.speaking = True
        elif isinstance(fact, f.SpeechStopped):
            require(self.speaking, "speech_started and speech_stopped alternate")
            self.speaking = False
        elif isinstance(fact, f.InputCleared):
            self.speaking = False
        elif isinstance(fact, f.ItemAdded):
            require(fact.item.id not in self.items, "an item is added once")
            self.items.add(fact.item.id)
        elif isinstance(fact, f.ItemDone):
            require(fact.item.id in self.items, "an item is added before it is done")
            require(fact.item.id not in self.done_items, "an item is done once")
            self.done_items.add(fact.item.id)
        elif isinstance(fact, f.ItemDeleted):  # its name is free again
            self.items.discard(fact.item_id)
            self.done_items.discard(fact.item_id)
            self.transcribed.discard(fact.item_id)
        elif isinstance(fact, (f.TurnText, f.TurnTextFailed)):
            require(fact.item_id not in self.transcribed, "a turn has one final text")
            self.transcribed.add(fact.item_id)
        elif isinstance(fact, f.TurnTextDelta):
            require(fact.item_id not in self.transcribed, "no delta follows a turn's final text")
        else:
            self._answer(fact)

    def _answer(self, fact: f.Fact) -> None:
        if isinstance(fact, f.ResponseCreated):
            response = fact.response
            require(response.id not in self.live | dict.fromkeys(self.ended_responses), "a response is created once")
            others = any(self.live.values())
            require(not (response.in_conversation and others), "at most one response writes into the conversation")
            self.live[response.id] = response.in_conversation
            self.open_items[response.id] = set()
        elif isinstance(fact, f.ResponseDone):
            require(fact.response.id in self.live, "a response ends exactly once")
            require(not self.open_items[fact.response.id], "every item of a response is closed before it ends")
            require(fact.response.status != "in_progress", "a response that is done is not in progress")
            del self.live[fact.response.id]
            self.ended_responses.add(fact.response.id)
        elif isinstance(fact, f.OutputFact):
            require(fact.response_id in self.live, "nothing is told of a response that does not live")
            open_items = self.open_items[fact.response_id]
            if isinstance(fact, f.OutputItemAdded):
                open_items.add(fact.item_id)
            require(fact.item_id in open_items, "nothing of an item is told outside its added and done")
            if isinstance(fact, f.SoundDone):
                self.silent_items.add(fact.item_id)
            if isinstance(fact, f.SoundDelta):
                require(fact.item_id not in self.silent_items, "no sound follows the end of the sound")
            if isinstance(fact, f.OutputItemDone):
                open_items.discard(fact.item_id)

    def ended(self) -> None:
        """Check nothing more: a call may be hung up at any time."""


class Ledger:
    """Checks the scopes that the reducer opens, and the state after every step."""

    def __init__(self) -> None:
        self.opened: dict[int, Settings] = {}
        self.ended: set[int] = set()
        self.committed: set[int] = set()
        self.revoked: set[int] = set()
        self.monitor = Monitor()

    def stepped(self, event: ev.Event, state: State, effects: tuple[ev.Effect, ...]) -> None:
        """Check a step."""
        for effect in effects:
            self._effect(effect)
        writing = [r for r in state.responses if r.in_conversation]
        require(len(writing) <= 1, "at most one response writes into the conversation")
        for response in state.responses:
            require(response.scope in self.opened, "a live response has a scope")
            require(response.scope not in self.revoked, "a live response's scope is not revoked")
            require(self.opened[response.scope] == response.settings, "the settings of a scope do not change")
            require(response.told == (response.scope in self.committed), "what is told is committed")
        if state.turn is not None and not state.turn.failed:
            require(state.turn.scope not in self.revoked, "an open turn's scope is not revoked")
        for item in state.items:
            if item.heard_ms is not None and item.role == "assistant":
                require(item.text.startswith(item.heard), "history holds the beginning of what was said")
        require(len({item.id for item in state.items}) == len(state.items), "every item has its own id")

    def _effect(self, effect: ev.Effect) -> None:
        if isinstance(effect, ev.Tell):
            self.monitor.told(effect.fact)
        elif isinstance(effect, ev.Open):
            require(effect.scope not in self.opened, "a scope is opened once")
            self.opened[effect.scope] = effect.settings
        elif isinstance(effect, ev.End):
            self._alive(effect.scope)
            require(effect.scope not in self.ended, "a scope's source ends once")
            self.ended.add(effect.scope)
        elif isinstance(effect, ev.Commit):
            self._alive(effect.scope)
            require(effect.scope not in self.committed, "a scope is committed once")
            self.committed.add(effect.scope)
        elif isinstance(effect, ev.Revoke):
            self._alive(effect.scope)
            self.revoked.add(effect.scope)
        elif isinstance(effect, (ev.Send, ev.Replay, ev.Hear)):
            self._alive(effect.scope)
            require(effect.scope not in self.ended, "nothing is sent to a scope whose source has ended")

    def _alive(self, scope: int) -> None:
        require(scope in self.opened, "a scope is opened before it is used")
        require(scope not in self.revoked, "a revoked scope is not used")
