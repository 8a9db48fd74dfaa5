"""Other graphs by one word of YAML, run as a user runs them: on real models, through the stock `openai` package."""

from __future__ import annotations

import asyncio
import json
import wave
from pathlib import Path
from typing import Any

import pytest

from s2s.llm.llamacpp import LlamaCpp
from s2s.messages import Line, Prompt, Reply
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from tests.embedded.client import ENDED, HZ, Answer, SdkCaller
from tests.embedded.other_ears import transcribe
from tests.embedded.server import running
from tests.embedded.speech import TURNS, normalise, turn_sound, word_error_rate

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]


BRIEF = "You are a helpful assistant. Answer in one short sentence."


async def type_in(caller: SdkCaller, text: str) -> None:
    """Send a typed turn and ask for an answer."""
    message: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await caller.connection.conversation.item.create(item=message)
    await caller.connection.response.create()


async def answered(caller: SdkCaller, text: str) -> Answer:
    """Type a turn and return its answer once it is whole."""
    before = len(caller.answers)
    await type_in(caller, text)
    await caller.until(lambda: len(caller.answers) > before and caller.answers[before].done)
    return caller.answers[before]


def heard(answer: Answer) -> str:
    """The words of an answer's sound, by the recogniser that the server does not use."""
    return transcribe(answer.samples)


async def silent_until(caller: SdkCaller, ready: Any) -> None:
    """Send silence in real time until `ready()` is true."""
    began = caller.loop.time()
    while not ready():
        assert caller.loop.time() - began < 30, caller.types()[-8:]
        await asyncio.gather(caller.be_silent(0.2), asyncio.sleep(0.2))


async def test_text_a_typed_turn_is_answered_in_text() -> None:
    with running("recipe=text", "llm.temperature=0") as server:
        assert "chat=Chat llm=LlamaCpp\n" in "".join(server.output), "no speech model is loaded"
        async with SdkCaller(server.url) as caller:
            await caller.connection.session.update(
                session={"type": "realtime", "output_modalities": ["text"], "instructions": BRIEF}
            )
            answer = await answered(caller, "What is the capital of France?")
            assert answer.done.status in ENDED
            said = "".join(event.delta for _, event in caller.events if event.type == "response.output_text.delta")
            assert said == answer.done.output[0].content[0].text and "Paris" in said
            assert not [kind for kind in caller.types() if "audio" in kind]


async def test_captions_are_what_is_said_while_it_is_said_and_no_answer() -> None:
    with running("recipe=captions") as server:
        async with SdkCaller(server.url) as caller:
            await caller.speak(turn_sound(0, HZ))
            await silent_until(caller, lambda: caller.transcripts)
            assert word_error_rate([(TURNS[0][2], caller.transcripts[0])]) <= 0.1
            kind = "conversation.item.input_audio_transcription.delta"
            deltas = "".join(event.delta for _, event in caller.events if event.type == kind)
            assert normalise(caller.transcripts[0]).startswith(normalise(deltas)) and len(deltas.split()) >= 4
            assert caller.when(kind)[0] < caller.when("input_audio_buffer.speech_stopped")[0], "while it is said"
            await caller.connection.response.create()
            await caller.until(lambda: caller.types()[-1] == "error")
            assert "no 'chat' stage" in caller.events[-1][1].error.message
            assert not [kind for kind in caller.types() if kind.startswith("response.")]


async def test_an_interpreter_says_what_its_prompt_makes_of_each_turn() -> None:
    options = ("llm.temperature=0", "llm.max_tokens=12")
    with running("recipe=interpreter", "translate.to=en-GB", *options) as server:
        async with SdkCaller(server.url) as caller:
            await caller.speak(turn_sound(1, HZ))
            await silent_until(caller, lambda: caller.answers and caller.answers[0].done)
    (answer,) = caller.answers
    assert answer.done.status in ENDED
    assert word_error_rate([(TURNS[1][2], caller.transcripts[0])]) <= 0.1
    order = "Translate what the user says into English. Say only the translation, nothing else."
    lines = (Line(role="system", text=order), Line(role="user", text=caller.transcripts[0]))
    assert answer.words == await said_by_the_model(Prompt(lines=lines))
    assert word_error_rate([(answer.words, heard(answer))]) <= 0.34


async def said_by_the_model(prompt: Prompt) -> str:
    """What the language model says to a prompt, asked without a graph."""
    stage = LlamaCpp(temperature=0, max_tokens=12, slots=1)
    await asyncio.to_thread(stage.load)
    try:
        items = [item async for item in stage.run(Call("t", 1, Settings()), prompt)]
    finally:
        await asyncio.to_thread(stage.close)
    return "".join(item.text for item in items if isinstance(item, Reply))


async def test_a_recorder_keeps_both_sides_of_a_call(tmp_path: Path) -> None:
    with running("recipe=recorder", f"recorder.folder={tmp_path}", "llm.max_tokens=16") as server:
        async with SdkCaller(server.url) as caller:
            began = caller.loop.time()
            await caller.speak(turn_sound(4, HZ))
            await silent_until(caller, lambda: caller.answers and caller.answers[0].done)
            lasted_s = caller.loop.time() - began
    (answer,) = caller.answers
    mine, theirs, text = (only(tmp_path, name) for name in ("*-caller.wav", "*-agent.wav", "*.jsonl"))
    assert lasted_s - 0.5 < seconds(mine) < lasted_s + 0.5
    assert seconds(theirs) == pytest.approx(answer.seconds, abs=0.02) and answer.seconds > 0.5
    lines = [json.loads(line) for line in text.read_text().splitlines()]
    assert [(line["who"], line["text"]) for line in lines] == [
        ("caller", caller.transcripts[0]),
        ("agent", answer.words.strip()),
    ]
    spoken_ms = len(turn_sound(4, HZ)) / HZ * 1000
    assert spoken_ms - 200 < lines[0]["at_ms"] <= lines[1]["at_ms"] <= seconds(mine) * 1000 + 1


def only(folder: Path, pattern: str) -> Path:
    """The one file of this name."""
    (found,) = folder.glob(pattern)
    return found


def seconds(path: Path) -> float:
    """The length of a WAV file."""
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


async def test_two_voices_speak_their_parts_in_turn() -> None:
    mill, fox = "The river runs slowly past the old mill.", "Good morning to you, said the little fox."
    answers = [f"[tts] {mill}", f"[narrator] {mill}", f"[tts] {fox}", f"[narrator] {mill} [tts] {fox}"]
    even = [f"{voice}.{name}=0" for voice in ("tts", "narrator") for name in ("noise_scale", "noise_w_scale")]
    with OpenAIServer(*(Scripted(text=tuple(text)) for text in answers)) as scripted:
        llm = ("llm=vllm", f"llm.base_url={scripted.url}")
        with running("recipe=two-voices", *llm, *even, "narrator.speed=0.6", "tts.speed=1.2") as server:
            async with SdkCaller(server.url) as caller:
                quick, slow, other, both = [await answered(caller, "Tell me a story.") for _ in answers]
    assert [answer.done.status for answer in caller.answers] == ["completed"] * 4
    assert slow.seconds > 1.5 * quick.seconds, "the narrator speaks slowly"
    assert both.seconds == pytest.approx(slow.seconds + other.seconds, abs=0.1), "each part has its own voice"
    assert word_error_rate([(f"{mill} {fox}", heard(both))]) <= 0.15
