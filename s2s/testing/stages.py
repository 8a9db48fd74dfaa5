"""Scripted stages: each says what it was told to, when it was told to, and needs no model."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator

from s2s.messages import (
    Activity,
    Asked,
    Audio,
    Clause,
    Prompt,
    Reply,
    ReplyEnd,
    Sound,
    Speech,
    ToolCall,
    ToolResult,
    Transcript,
)
from s2s.stage import Call, Stage


@dataclasses.dataclass(kw_only=True)
class ScriptedVad(Stage):
    """Takes the loudness of a sound for the probability that it is speech: a first byte other than 0 is speech."""

    takes_hz = 16000
    sends_hz = 16000

    def run(self, call: Call, item: Audio) -> Iterator[Activity]:
        """Pass every sound on, whatever its length."""
        loud = any(item.pcm[:2])
        yield Activity(pcm=item.pcm, rate=item.rate, speech=1.0 if loud else 0.0, at_ms=item.at_ms)


@dataclasses.dataclass(kw_only=True)
class ScriptedTurn(Stage):
    """Cuts turns at silence, without hysteresis: `silence_ms` of it ends one, `soft_ms` pauses it."""

    silence_ms: float = 300.0
    soft_ms: float | None = None

    def run(self, call: Call, item: Activity | Transcript | Asked) -> Iterator[Speech]:
        """Mark speech as it comes."""
        if not isinstance(item, Activity):
            return
        state = call.state
        length_ms = len(item.pcm) / 2 / item.rate * 1000
        end_ms = item.at_ms + length_ms
        if call.settings.detection is None:
            state.setdefault("held", []).append(item.pcm)
            state.setdefault("from_ms", item.at_ms)
            state["to_ms"] = end_ms
            state["rate"] = item.rate
            return
        if item.speech >= 0.5:
            state["quiet_ms"] = 0.0
            if not state.get("open"):
                state["open"] = True
                yield Speech(pcm=item.pcm, rate=item.rate, mark="start", at_ms=item.at_ms)
            elif state.pop("paused", False):
                yield Speech(pcm=item.pcm, rate=item.rate, mark="resume", at_ms=item.at_ms)
            else:
                yield Speech(pcm=item.pcm, rate=item.rate)
        elif state.get("open"):
            state["quiet_ms"] = state.get("quiet_ms", 0.0) + length_ms
            if state["quiet_ms"] >= self.silence_ms:
                state["open"] = state["paused"] = False
                yield Speech(pcm=item.pcm, rate=item.rate, mark="end", at_ms=end_ms, quiet_ms=state["quiet_ms"])
            elif self.soft_ms is not None and state["quiet_ms"] >= self.soft_ms and not state.get("paused"):
                state["paused"] = True
                yield Speech(pcm=item.pcm, rate=item.rate, mark="pause", at_ms=end_ms)
                yield Speech(pcm=b"", rate=item.rate, mark="ripe", at_ms=end_ms)
            elif not state.get("paused"):
                yield Speech(pcm=item.pcm, rate=item.rate)
        state["to_ms"], state["rate"] = end_ms, item.rate

    def commit(self, call: Call) -> Iterator[Speech]:
        """Cut the turn here."""
        state = call.state
        if state.get("open"):
            state["open"] = state["paused"] = False
            yield Speech(pcm=b"", rate=state.get("rate", 16000), mark="end", at_ms=state.get("to_ms", 0.0))
        elif state.get("held"):
            pcm = b"".join(state.pop("held"))
            yield Speech(pcm=pcm, rate=state["rate"], mark="start", at_ms=state.pop("from_ms"))
            yield Speech(pcm=b"", rate=state["rate"], mark="end", at_ms=state["to_ms"])


@dataclasses.dataclass(kw_only=True)
class ScriptedStt(Stage):
    """Hears the next of `texts` in every turn, `seconds` after its end; partials grow by a word a piece."""

    texts: list[str] = dataclasses.field(default_factory=lambda: ["hello"])
    seconds: float = 0.1
    partials: bool = False
    fails: list[int] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Say a partial for a piece."""
        pieces = call.state["pieces"] = call.state.get("pieces", 0) + 1
        if self.partials:
            words = self._text(call).split()[:pieces]
            said = " ".join(words)
            yield Transcript(text=said, final=False, stable=len(" ".join(words[:-1])))

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say the whole."""
        text = self._text(call)
        await asyncio.sleep(self.seconds)
        if call.memory["turns"] - 1 in self.fails:
            raise RuntimeError("the recogniser is out of order")
        yield Transcript(text=text)

    def _text(self, call: Call) -> str:
        if "turn" not in call.state:
            call.state["turn"] = call.memory.get("turns", 0)
            call.memory["turns"] = call.state["turn"] + 1
        turn: int = call.state["turn"]
        return self.texts[turn % len(self.texts)]


@dataclasses.dataclass(kw_only=True)
class ScriptedLlm(Stage):
    """Answers with `words`, one every `seconds`; a user text in `calls` asks for that tool instead.

    `hang_at`, `fail_at` stop it before the word of that number; `endless` begins again for ever.
    """

    words: str = "well, this is an answer. and it has two sentences."
    seconds: float = 0.02
    first_seconds: float = 0.1
    calls: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    hang_at: int | None = None
    fail_at: int | None = None
    endless: bool = False
    honours = frozenset({"tools", "tool_choice"})

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
        """Answer the last line."""
        await asyncio.sleep(self.first_seconds)
        last = item.lines[-1] if item.lines else None
        asked = self.calls.get(last.text, []) if last is not None and last.role == "user" else []
        if asked and call.settings.tool_choice != "none":
            for number, name in enumerate(asked):
                call_id = f"call_{call.scope}_{number}"
                arguments = json.dumps({"n": number})
                yield ToolCall(call_id=call_id, name=name, delta=arguments)
                yield ToolCall(call_id=call_id, name=name, arguments=arguments)
            yield ReplyEnd(reason="tool_calls", input_tokens=len(item.lines), output_tokens=len(asked))
            return
        said = 0
        while True:
            for word in self.words.split(" "):
                if said == self.fail_at:
                    raise RuntimeError("the model is out of order")
                if said == self.hang_at:
                    await asyncio.Event().wait()
                await asyncio.sleep(self.seconds)
                yield Reply(text=word if said == 0 else f" {word}")
                said += 1
            if not self.endless:
                break
        yield ReplyEnd(input_tokens=len(item.lines), output_tokens=said)


@dataclasses.dataclass(kw_only=True)
class ScriptedClauses(Stage):
    """Makes a clause of every sentence."""

    def run(self, call: Call, item: Reply | ReplyEnd) -> Iterator[Clause]:
        """Collect text up to a full stop."""
        if isinstance(item, Reply):
            text = call.state["text"] = call.state.get("text", "") + item.text
            if text.endswith("."):
                yield self._clause(call)

    def finish(self, call: Call) -> Iterator[Clause]:
        """Speak the rest."""
        if call.state.get("text"):
            yield self._clause(call)

    def _clause(self, call: Call) -> Clause:
        text = call.state.pop("text")
        index = call.state["index"] = call.state.get("index", -1) + 1
        until = call.state["until"] = call.state.get("until", 0) + len(text)
        return Clause(text=text.strip(), index=index, until=until)


@dataclasses.dataclass(kw_only=True)
class ScriptedTts(Stage):
    """Speaks `ms_per_word` of a constant for every word, in pieces of 100 ms, each `seconds` after the one before."""

    ms_per_word: float = 200.0
    seconds: float = 0.03
    rate: int = 24000
    level: int = 1000
    fail_at: int | None = None

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak a clause."""
        if item.index == self.fail_at:
            raise RuntimeError("the voice is out of order")
        left = round(len(item.text.split()) * self.ms_per_word * self.rate / 1000)
        while left > 0:
            await asyncio.sleep(self.seconds)
            samples = min(left, self.rate // 10)
            left -= samples
            yield Sound(pcm=self.level.to_bytes(2, "little", signed=True) * samples, rate=self.rate)


@dataclasses.dataclass(kw_only=True)
class ScriptedTools(Stage):
    """Runs every tool in `seconds` and returns its name and arguments."""

    seconds: float = 0.05
    commits = True

    async def run(self, call: Call, item: ToolCall) -> AsyncIterator[ToolResult]:
        """Return the call as its own result."""
        if item.arguments is not None:
            await asyncio.sleep(self.seconds)
            yield ToolResult(call_id=item.call_id, output=f"{item.name}{item.arguments}")
