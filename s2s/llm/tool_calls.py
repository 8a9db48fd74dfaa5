"""Tool calls put together from the pieces that servers send, each in its own manner."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from s2s.messages import ToolCall

LONGEST_ID = 32
"""Characters of a call's id: a client of the Realtime API hashes longer ones, and its results find no call then."""


def new_id() -> str:
    """Return an id that no other call has."""
    return f"call_{uuid.uuid4().hex[:24]}"


@dataclasses.dataclass
class _Open:
    call_id: str
    given: str | None = None
    name: str = ""
    arguments: str = ""
    sent: int = 0
    told: bool = False
    index: Any = None

    def piece(self, *, whole: bool = False) -> ToolCall:
        """Return what of the arguments was not sent yet, and all of them when they are whole."""
        if whole and not self.arguments.strip():
            self.arguments += "{}"
        delta, self.sent = self.arguments[self.sent :], len(self.arguments)
        return ToolCall(
            call_id=self.call_id,
            name=self.name,
            delta=delta,
            arguments=self.arguments if whole else None,
        )


class ToolCalls:
    """The calls of one answer, oldest first; every piece given out has the call's id and name."""

    def __init__(self) -> None:
        self._calls: list[_Open] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def feed(self, piece: Mapping[str, Any]) -> Iterator[ToolCall]:
        """Take a piece of a streamed `tool_calls` and give what it adds, once the name is known."""
        function = piece.get("function") or {}
        call = self._find(piece)
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        call.arguments += arguments or ""
        if call.name and (len(call.arguments) > call.sent or not call.told):
            call.told = True
            yield call.piece()

    def finish(self, *, cut: bool = False) -> Iterator[ToolCall]:
        """Give the last piece of every call; a call whose arguments were `cut` off is left unfinished."""
        for call in self._calls:
            if call.name and not (cut and not _is_json(call.arguments)):
                yield call.piece(whole=True)

    def arguments(self, call_id: str | None) -> str:
        """Return the arguments of a call as far as they have come."""
        return next((call.arguments for call in self._calls if call_id in (call.given, call.call_id)), "")

    def _find(self, piece: Mapping[str, Any]) -> _Open:
        """Return the call that a piece belongs to: by its id, else its index, else the latest.

        Servers leave out the index, or give every parallel call the index 0; a new id then begins a new call.
        """
        call_id, index = piece.get("id"), piece.get("index")
        for call in self._calls:
            if call_id and call.given == call_id:
                return call
        if not call_id and self._calls:
            same = [call for call in self._calls if call.index == index]
            if index is None or same:
                return (same or self._calls)[-1]
        short = call_id and len(call_id) <= LONGEST_ID
        call = _Open(str(call_id) if short else new_id(), call_id, index=index)
        self._calls.append(call)
        return call


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
