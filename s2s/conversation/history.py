"""The items of a conversation under the client's hand: created, deleted, retrieved, truncated."""

from __future__ import annotations

import msgspec

from s2s.conversation import turns
from s2s.conversation.events import CreateItem, DeleteItem, Keep, Played, RetrieveItem, TruncateItem
from s2s.conversation.facts import ItemDeleted, ItemRetrieved, ItemTruncated
from s2s.conversation.items import Item, heard_text
from s2s.conversation.step import Step

ITEMS = 2000
WEIGHT_BYTES = 64 * 1024 * 1024
"""What a client may add to a conversation, images above all."""
UNHEARD = 4
"""A client's items of audio that may wait for their words."""


def on_create(step: Step, event: CreateItem) -> None:
    """Give the client's item its place."""
    item = event.item if event.item.id else msgspec.structs.replace(event.item, id=step.name("item"))
    if step.find(item.id) is not None:
        message = f"Error adding item: an item with id '{item.id}' already exists."
        step.refuse("item_create_duplicate_item_id", message, event.event_id, "item.id")
        return
    at: int | None = None
    if event.previous_id == "root":
        at = 0
    elif event.previous_id:
        ids = [old.id for old in step.state.items]
        if step.known(event.previous_id) is None or event.previous_id not in ids:
            message = f"Error adding item: the previous item with id '{event.previous_id}' does not exist."
            step.refuse("item_create_invalid_previous_item_id", message, event.event_id, "previous_item_id")
            return
        at = ids.index(event.previous_id) + 1
    if item.kind == "function_call_output" and not _called(step, item.call_id):
        message = f"Tool call ID '{item.call_id}' not found in conversation."
        step.refuse("invalid_tool_call_id", message, event.event_id, "item.call_id")
        return
    if len(step.state.items) >= ITEMS or _weight(item) + sum(map(_weight, step.state.items)) > WEIGHT_BYTES:
        message = f"A conversation may have {ITEMS} items and {WEIGHT_BYTES} bytes: delete some first."
        step.refuse("conversation_full", message, event.event_id, "item")
        return
    if event.sound and sum(turn.given for turn in step.state.due) >= UNHEARD:
        message = f"{UNHEARD} items of audio are being recognised already; wait for one of them."
        step.refuse("too_many_unheard_items", message, event.event_id, "item.content")
        return
    wiring = step.state.wiring
    if event.sound and not wiring.transcripts and not wiring.hears:
        message = "This deployment recognises no speech: give the audio's transcript."
        step.refuse("invalid_value", message, event.event_id, "item.content")
        return
    step.insert(item, at)
    step.done(item)
    if event.sound and wiring.hears:
        step.do(Keep(item_id=item.id, pcm=event.sound, rate=event.rate))
    if event.sound and wiring.transcripts:
        turns.recognise(step, item, event.sound, event.rate)


def _weight(item: Item) -> int:
    return (
        len(item.output) + len(item.arguments) + sum(len(part.text or "") + len(part.image_url) for part in item.parts)
    )


def _called(step: Step, call_id: str) -> bool:
    """Whether a function was called by this name: in the conversation, or by a response that writes into none."""
    items = [*step.state.items, *(item for response in step.state.responses for item in response.items)]
    return any(item.kind == "function_call" and item.call_id == call_id and not item.internal for item in items)


def on_delete(step: Step, event: DeleteItem) -> None:
    """Forget an item."""
    if step.state.item(event.item_id) is None or step.known(event.item_id) is None:
        message = f"Error deleting item: the item with id '{event.item_id}' does not exist."
        step.refuse("item_delete_invalid_item_id", message, event.event_id, "item_id")
        return
    step.set(items=tuple(item for item in step.state.items if item.id != event.item_id))
    turns.forget(step, event.item_id)
    step.tell(ItemDeleted(item_id=event.item_id))


def on_retrieve(step: Step, event: RetrieveItem) -> None:
    """Show an item."""
    item = step.known(event.item_id)
    if item is None:
        message = f"Error retrieving item: the item with id '{event.item_id}' does not exist."
        step.refuse("item_retrieve_invalid_item_id", message, event.event_id, "item_id")
        return
    step.tell(ItemRetrieved(item=shown(item)))


def shown(item: Item) -> Item:
    """Return an item without the words that its truncation took away."""
    if not item.truncated or item.heard_ms is None:
        return item
    heard = heard_text(item.text, item.spans, item.heard_ms)
    parts = (msgspec.structs.replace(p, text=heard) if p.kind == "output_audio" else p for p in item.parts)
    return msgspec.structs.replace(item, parts=tuple(parts))


def on_truncate(step: Step, event: TruncateItem) -> None:
    """Cut an answer where the client stopped its sound."""
    item = step.find(event.item_id)
    if item is None:
        message = f"Error truncating item: the item with id '{event.item_id}' does not exist."
        step.refuse("item_truncate_invalid_item_id", message, event.event_id, "item_id")
        return
    if item.role != "assistant" or not any(part.kind == "output_audio" for part in item.parts):
        step.refuse("invalid_value", "Only model output audio messages can be truncated", event.event_id, "item_id")
        return
    if event.part != 0:
        step.refuse("invalid_value", "The only content part of an answer is 0.", event.event_id, "content_index")
        return
    if event.audio_end_ms < 0 or event.audio_end_ms > round(item.sound_ms):
        message = f"Audio content of {round(item.sound_ms)}ms is already shorter than {event.audio_end_ms}ms"
        step.refuse("invalid_value", message, event.event_id, "audio_end_ms")
        return
    step.put(msgspec.structs.replace(item, heard_ms=float(event.audio_end_ms), truncated=True))
    step.tell(ItemTruncated(item_id=item.id, part=event.part, audio_end_ms=event.audio_end_ms))


def on_played(step: Step, event: Played) -> None:
    """A paced output says how much of an answer was heard."""
    item = step.find(event.item_id)
    if item is not None and not item.truncated:
        step.put(msgspec.structs.replace(item, heard_ms=None if event.ms >= item.sound_ms else event.ms))
