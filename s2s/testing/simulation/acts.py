"""What a script's caller does besides speaking, as the event that the conversation is told."""

from __future__ import annotations

import msgspec

from s2s.conversation import events as ev
from s2s.conversation.items import Item, Part
from s2s.conversation.state import State
from s2s.settings import Settings
from s2s.testing.simulation.script import Act


def event(act: Act, state: State) -> ev.Event | None:
    """Return what the conversation is told of an act; None where more than the conversation takes part in it."""
    ids = [item.id for item in state.items] or ["nobody"]
    named = ids[act.number % len(ids)]
    if act.kind == "type":
        item = Item(id="", parts=(Part(kind="input_text", text="and?"),))
        return ev.CreateItem(item=item, previous_id=(None, "root", named)[act.number % 3])
    if act.kind in ("create", "aside"):
        return ev.CreateResponse(settings=state.settings, in_conversation=act.kind == "create")
    if act.kind == "cancel":
        return ev.CancelResponse()
    if act.kind == "truncate":
        return ev.TruncateItem(item_id=named, part=0, audio_end_ms=act.number * 100)
    if act.kind == "delete":
        return ev.DeleteItem(item_id=named)
    return None


def updated(act: Act, state: State) -> Settings:
    """Return the settings that an `update` asks for."""
    return msgspec.structs.replace(state.settings, outputs=("text",) if act.number % 2 else ("audio",))
