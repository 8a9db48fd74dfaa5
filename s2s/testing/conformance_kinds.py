"""What a loaded backend of each kind must keep: functions on a bench that raise AssertionError."""

from __future__ import annotations

import time
from itertools import chain

from s2s.messages import Clause, Line, Message, Prompt, Reply, ReplyEnd, Sound, ToolCall
from s2s.options import options
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.bench import Bench, Skipped
from s2s.testing.conformance_hearing import HEARING, Check

SOON_S = 2.0
"""How long a stage may go on after it was told to stop."""
SENTENCE = "Hello there, how are you today?"
LONG = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. " * 5
FOREIGN = "Ça va? Γειά σου, 你好，世界。 😀 “Straße” — naïve #1 \u200b ½"


def names_missing_weights(bench: Bench) -> None:
    """A path without weights is named, and so is what to do, on one line."""
    bench.loaded()
    sources = bench.stage.weights()
    named = [name for name in options(type(bench.stage)) if getattr(bench.stage, name) in sources]
    if not named:
        raise Skipped("no option holds the source of its weights")
    wrong = "/nonexistent/weights.bin"
    try:
        bench.fresh(**{named[0]: wrong}).load()
    except Exception as error:
        said = str(error)
    else:
        raise AssertionError(f"{named[0]}={wrong} is not noticed by load")
    assert wrong in said, f"{wrong} should be named: {said}"
    assert "\n" not in said, f"should be one line: {said}"
    assert ";" in said, f"what to do should follow a semicolon: {said}"


def _stops(bench: Bench, call: Call, items: list[Message | None]) -> None:
    """Revoke a scope at its first output; what runs ends or yields soon, and `cancel` returns at once."""
    out = chain.from_iterable(bench.stream(call, item) for item in items)
    assert next(out, None) is not None, "it sent nothing that could be cancelled"
    call.live = False
    begun = time.monotonic()
    bench.stage.cancel(call)
    next(out, None)
    took = time.monotonic() - begun
    assert took < SOON_S, f"it went on for {took:.1f} s after it was cancelled"


# Text to speech


def _say(bench: Bench, text: str, call: Call | None = None) -> list[Sound]:
    sounds = bench.drain(call or bench.call(), Clause(text=text, until=len(text)), None)
    for sound in sounds:
        assert isinstance(sound, Sound), f"{sound!r} is no Sound"
        assert len(sound.pcm) % 2 == 0, f"{len(sound.pcm)} bytes are no whole number of 16-bit samples"
        assert sound.rate > 0, f"{sound.rate} is no sample rate"
    rates = {sound.rate for sound in sounds}
    assert len(rates) <= 1, f"one clause, several rates: {rates}"
    assert bench.stage.sends_hz is None or rates <= {bench.stage.sends_hz}, f"{rates} is not its sends_hz"
    return sounds


def _seconds(sounds: list[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.rate for sound in sounds)


def _speaks(bench: Bench) -> None:
    sounds = _say(bench, SENTENCE)
    assert _seconds(sounds) > 0.2, f"{_seconds(sounds):.2f} s of sound for {SENTENCE!r}"
    assert any(any(sound.pcm) for sound in sounds), "it is digital silence"


def _speaks_nothing(bench: Bench) -> None:
    for text in ("", " ", "..."):
        assert _seconds(_say(bench, text)) < 5, f"more than 5 s of sound for {text!r}"
    assert _seconds(_say(bench, SENTENCE)) > 0.2


def _speaks_anything(bench: Bench) -> None:
    for text in (FOREIGN, "😀", "<speak>&amp;</speak>", "1/2 3.14 $5 50% a@b.c"):
        _say(bench, text)
    assert _seconds(_say(bench, SENTENCE)) > 0.2


def _speaks_long(bench: Bench) -> None:
    assert _seconds(_say(bench, LONG)) > _seconds(_say(bench, SENTENCE))


def _stops_speaking(bench: Bench) -> None:
    _stops(bench, bench.call(), [Clause(text=LONG)])
    assert _seconds(_say(bench, SENTENCE)) > 0.2, "after a cancelled clause the next one is not spoken"


def _speaks_for_two(bench: Bench) -> None:
    calls = bench.call("one"), bench.call("two")
    for call in calls * 2:
        assert _seconds(_say(bench, SENTENCE, call)) > 0.2


# Language model


def _prompt(text: str) -> Prompt:
    return Prompt(lines=(Line(role="system", text="You are brief."), Line(role="user", text=text)))


def _answer(bench: Bench, prompt: Prompt, call: Call | None = None) -> str:
    sent = bench.drain(call or bench.call(settings=Settings(max_tokens=24)), prompt)
    ends = [out for out in sent if isinstance(out, ReplyEnd)]
    assert len(ends) == 1, f"{len(ends)} ReplyEnds of one answer"
    assert sent[-1] is ends[0], f"{sent[-1]!r} after the ReplyEnd"
    assert all(isinstance(out, (Reply, ReplyEnd, ToolCall)) for out in sent)
    return "".join(out.text for out in sent if isinstance(out, Reply))


def _answers(bench: Bench) -> None:
    assert _answer(bench, _prompt("Say hello.")).strip(), "an answer without text"


def _answers_nothing(bench: Bench) -> None:
    for prompt in (Prompt(lines=()), Prompt(lines=(Line(role="user"),))):
        try:
            _answer(bench, prompt)
        except AssertionError:
            raise
        except Exception as refusal:
            if not str(refusal):
                raise
    _answers(bench)


def _answers_anything(bench: Bench) -> None:
    _answer(bench, _prompt(FOREIGN))
    _answer(bench, _prompt(LONG))


def _stops_answering(bench: Bench) -> None:
    _stops(bench, bench.call(settings=Settings(max_tokens=200)), [_prompt("Tell me a long story about a fox.")])
    _answers(bench)


def _answers_two(bench: Bench) -> None:
    calls = [bench.call(name, Settings(max_tokens=16)) for name in ("one", "two")]
    for call in (*calls, bench.call(of=calls[0])):
        assert _answer(bench, _prompt("Say hello."), call).strip(), f"no text for call {call.id}"


KINDS: dict[str, dict[str, Check]] = {
    **HEARING,
    "llm": {
        "answers-and-ends-once": _answers,
        "survives-an-empty-prompt": _answers_nothing,
        "takes-any-text": _answers_anything,
        "stops-when-cancelled": _stops_answering,
        "answers-two-callers": _answers_two,
    },
    "tts": {
        "speaks": _speaks,
        "survives-empty-text": _speaks_nothing,
        "takes-any-text": _speaks_anything,
        "takes-long-text": _speaks_long,
        "stops-when-cancelled": _stops_speaking,
        "speaks-for-two-callers": _speaks_for_two,
    },
}
