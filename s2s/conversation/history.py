"""The items of a conversation under the client's hand: created, deleted, retrieved, truncated."""

from __future__ import annotations

import msgspec

from s2s.conversation import turns
from s2s.conversation.events import CreateItem, DeleteItem, Played, RetrieveItem, TruncateItem
from s2s.conversation.facts import ItemDeleted, ItemRetrieved, ItemTruncated
from s2s.conversation.items import Item, heard_text
from s2s.conversation.step import Step


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
        if event.previous_id not in ids:
            message = f"Error adding item: the previous item with id '{event.previous_id}' does not exist."
            step.refuse("item_create_invalid_previous_item_id", message, event.event_id, "previous_item_id")
            return
        at = ids.index(event.previous_id) + 1
    if event.sound and not step.state.wiring.transcripts:
        message = "This deployment recognises no speech: give the audio's transcript."
        step.refuse("invalid_value", message, event.event_id, "item.content")
        return
    step.insert(item, at)
    step.done(item)
    if event.sound:
        turns.recognise(step, item, event.sound, event.rate)


def on_delete(step: Step, event: DeleteItem) -> None:
    """Forget an item."""
    if step.state.item(event.item_id) is None:
        message = f"Error deleting item: the item with id '{event.item_id}' does not exist."
        step.refuse("item_delete_invalid_item_id", message, event.event_id, "item_id")
        return
    step.set(items=tuple(item for item in step.state.items if item.id != event.item_id))
    step.tell(ItemDeleted(item_id=event.item_id))


def on_retrieve(step: Step, event: RetrieveItem) -> None:
    """Show an item."""
    item = step.find(event.item_id)
    if item is None:
        message = f"Error retrieving item: the item with id '{event.item_id}' does not exist."
        step.refuse("item_retrieve_invalid_item_id", message, event.event_id, "item_id")
        return
    step.tell(ItemRetrieved(item=shown(item)))


def shown(item: Item) -> Item:
    """Return an item without the words that its truncation took away."""
    if not item.truncated or item.heard_ms is None:
        return item
    part = msgspec.structs.replace(item.parts[0], text=heard_text(item.text, item.spans, item.heard_ms))
    return msgspec.structs.replace(item, parts=(part,))


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
