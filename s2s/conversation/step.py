"""One step in the making: the state so far and the effects in order. It never leaves `reducer.step`."""

from __future__ import annotations

from typing import Any

import msgspec

from s2s.conversation.events import Effect, Tell
from s2s.conversation.facts import Fact, ItemAdded, ItemDone, Problem
from s2s.conversation.items import Item
from s2s.conversation.state import Response, State


class Step:
    """What the handlers of one event work on."""

    __slots__ = ("at", "effects", "state")

    def __init__(self, state: State, at: float) -> None:
        self.state = state
        self.effects: list[Effect] = []
        self.at = at

    def set(self, **changes: Any) -> None:
        """Replace fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)

    def do(self, effect: Effect) -> None:
        """Add an effect."""
        self.effects.append(effect)

    def tell(self, fact: Fact) -> None:
        """Add the effect of telling the client."""
        self.effects.append(Tell(fact=fact))

    def refuse(self, code: str, message: str, event_id: str | None, param: str | None = None) -> None:
        """Tell the client that its request changes nothing."""
        self.tell(Problem(code=code, message=message[:1000], param=param, event_id=event_id))

    def count(self) -> int:
        """Return a number that this conversation has not used yet."""
        self.set(counter=self.state.counter + 1)
        return self.state.counter

    def name(self, kind: str) -> str:
        """Return an id such as `item_x1f_7` that this conversation has not used yet."""
        return f"{kind}_{self.state.prefix}{self.count()}"

    def previous(self, item_id: str) -> str | None:
        """Return the id of the item before this one, of those that clients know."""
        ids = [item.id for item in self.state.items if not item.internal]
        at = ids.index(item_id) if item_id in ids else 0
        return ids[at - 1] if at > 0 else None

    def last(self) -> str | None:
        """Return the id of the last item that clients know."""
        return next((item.id for item in reversed(self.state.items) if not item.internal), None)

    def insert(self, item: Item, at: int | None = None) -> None:
        """Give an item its place and say so."""
        items = list(self.state.items)
        items.insert(len(items) if at is None else at, item)
        self.set(items=tuple(items))
        if not item.internal:
            self.tell(ItemAdded(item=item, previous_id=self.previous(item.id)))

    def put(self, item: Item) -> None:
        """Replace the item of the same id, in the conversation and in the response that is saying it."""
        self.set(items=tuple(item if old.id == item.id else old for old in self.state.items))
        for response in self.state.responses:
            if any(old.id == item.id for old in response.items):
                changed = tuple(item if old.id == item.id else old for old in response.items)
                self.respond(response, items=changed)

    def done(self, item: Item) -> None:
        """Put an item that is whole, and say so."""
        self.put(item)
        if self.state.item(item.id) is not None and not item.internal:
            self.tell(ItemDone(item=item, previous_id=self.previous(item.id)))

    def find(self, item_id: str) -> Item | None:
        """Return the newest version of an item: a response that is saying it knows it best."""
        for response in self.state.responses:
            for item in response.items:
                if item.id == item_id and response.in_conversation:
                    return item
        return self.state.item(item_id)

    def known(self, item_id: str) -> Item | None:
        """Return the newest version of an item that clients know."""
        item = self.find(item_id)
        return None if item is None or item.internal else item

    def respond(self, response: Response, **changes: Any) -> Response:
        """Replace fields of a live response and return the new one."""
        new = msgspec.structs.replace(response, **changes) if changes else response
        self.set(responses=tuple(new if r.scope == response.scope else r for r in self.state.responses))
        return new
