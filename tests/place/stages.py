"""Stages that a child process can import too."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from collections.abc import AsyncIterator, Iterator

from s2s.messages import Clause, Prompt, Reply, Sound, Speech, Transcript
from s2s.stage import Call, Stage


@dataclasses.dataclass(kw_only=True)
class Speller(Stage):
    """Says every letter of a clause; `!` fails."""

    honours = frozenset({"voice"})

    def load(self) -> None:
        """Note the thread."""
        self._loads = threading.get_ident()

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Spell."""
        for letter in item.text:
            if letter == "!":
                raise ValueError("can't say '!'")
            yield Sound(pcm=letter.encode() * 2, rate=8000)

    def finish(self, call: Call) -> Iterator[Sound]:
        """Say the end."""
        yield Sound(pcm=b"..", rate=8000)


class Missing(Speller):
    """Does not load."""

    def load(self) -> None:
        """Fail."""
        raise FileNotFoundError("no such voice")


class Endless(Speller):
    """Ends only when it is cancelled, and says so with its next item."""

    def load(self) -> None:
        """Begin."""
        self._cancelled = threading.Event()

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Go on and on."""
        if item.text == "?":
            yield Sound(pcm=b"yy" if self._cancelled.is_set() else b"nn", rate=8000)
            return
        while not self._cancelled.is_set():
            yield Sound(pcm=b"xx", rate=8000)

    def cancel(self, call: Call) -> None:
        """Stop."""
        self._cancelled.set()


class Batching(Speller):
    """Says how many items came at once."""

    def run_batch(self, calls: list[Call], items: list[Clause]) -> list[list[Sound]]:
        """Say the number of items and the text of each."""
        return [[Sound(pcm=f"{len(items)}{item.text}".encode(), rate=8000)] for item in items]


@dataclasses.dataclass(kw_only=True)
class Mortal(Stage):
    """Hears turns of letters; ends its process at `x`, as long as `deadly` is there; a file it takes along."""

    deadly: str = ""

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        """Add a piece to the turn."""
        if b"x" in item.pcm and os.path.exists(self.deadly):
            if os.path.isfile(self.deadly):
                os.remove(self.deadly)
            os.abort()
        call.state["heard"] = call.state.get("heard", "") + item.pcm.decode()
        call.memory["pieces"] = call.memory.get("pieces", 0) + 1
        yield Transcript(text=call.state["heard"], final=False)

    def finish(self, call: Call) -> Iterator[Transcript]:
        """Say what was heard, by whom, and in how many pieces of the whole call."""
        yield Transcript(text=f"{call.state.get('heard', '')} {os.getpid()} {call.memory.get('pieces', 0)}")


@dataclasses.dataclass(kw_only=True)
class Meeting(Stage):
    """Answers when `size` items are there at once."""

    size: int

    def load(self) -> None:
        """Begin."""
        self._there: list[asyncio.Event] = []

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Reply]:
        """Wait for the others."""
        mine = asyncio.Event()
        self._there.append(mine)
        if len(self._there) == self.size:
            for other in self._there:
                other.set()
        await mine.wait()
        yield Reply(text="all")


@dataclasses.dataclass(kw_only=True)
class Hanging(Stage):
    """Never answers; says in the file `log` when it begins, when it is told to stop, and when it is let go."""

    log: str

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply]:
        """Wait for ever."""
        self._note("began")
        try:
            await asyncio.Event().wait()
            yield Reply(text="never")
        finally:
            self._note("closed")

    def cancel(self, call: Call) -> None:
        """Note it."""
        self._note("cancelled")

    def _note(self, what: str) -> None:
        with open(self.log, "a") as file:
            file.write(f"{what}\n")


@dataclasses.dataclass(kw_only=True)
class Native(Stage):
    """Speaks in one long run, as native code does, which only `cancel` can stop; it says so in the file `log`."""

    log: str

    def load(self) -> None:
        """Begin."""
        self._stop = threading.Event()

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Speak for a minute."""
        self._note("began")
        self._note("stopped" if self._stop.wait(60) else "ended")
        yield Sound(pcm=b"xx", rate=8000)

    def cancel(self, call: Call) -> None:
        """Stop."""
        self._stop.set()

    def _note(self, what: str) -> None:
        with open(self.log, "a") as file:
            file.write(f"{what}\n")
