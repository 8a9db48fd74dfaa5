"""The one interface behind every placement: all callers' access to the loaded copies of one stage."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from s2s.messages import Message
from s2s.place.options import Place
from s2s.stage import Call, Stage


class StageDown(RuntimeError):
    """No loaded copy of the stage can take the item now."""


class Ticket(Protocol):
    """What a `post` is known by."""

    done: bool


class Pool(Protocol):
    """Loaded copies of a stage, shared by every caller."""

    name: str
    stage: Stage
    place: Place
    callers: int
    """How many calls are open: a batch need not wait for company when there is one."""
    batches: bool
    """Whether items of several callers share a model call; then they may be posted."""
    first: Stage | None
    """The resampler that items go through on the way, in the same batch."""
    patient: bool
    """Whether items wait while no copy is there, instead of ending with StageDown: they do unless it has a fallback."""

    async def start(self) -> None:
        """Load every copy."""

    def run(self, call: Call, item: Message | None) -> AsyncIterator[Any]:
        """Run the stage on an item, or its `finish` for None, and yield what it gives.

        The most urgent (`Call.urgency`) goes first. Closing the iterator cancels the work.
        """

    def post(
        self, call: Call, item: Message, put: Callable[[Any], None], end: Callable[[BaseException | None], None]
    ) -> Ticket:
        """Run the stage on an item, as `run` does but without a task: `put` gets each output, `end` ends it.

        Neither is called before this returns, nor after a `drop`.
        """

    def drop(self, ticket: Ticket) -> None:
        """Cancel what was posted."""

    def hangup(self, call: Call) -> None:
        """Let the stage forget a caller who is gone."""

    async def close(self) -> None:
        """Let every copy go; safe to call twice."""

    @property
    def live(self) -> bool:
        """Whether an item would be taken now."""

    def statistics(self) -> dict[str, int]:
        """How many items wait and run, and how many replicas there are."""


def is_async(stage: Stage) -> bool:
    """Whether the stage's `run` is an async generator."""
    return inspect.isasyncgenfunction(type(stage).run)  # type: ignore[attr-defined]


def finishes(stage: Stage) -> bool:
    """Whether the stage gives something when its input has ended."""
    return type(stage).finish is not Stage.finish


def loaded(stage: Stage) -> Stage:
    """Load a stage and freeze its options."""
    stage.load()
    stage.__dict__["_loaded"] = True
    return stage
