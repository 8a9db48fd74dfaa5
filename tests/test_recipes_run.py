"""The routes that every recipe ships, run in virtual time with scripted models in the places of the real ones."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.engine import Engine
from s2s.graph import Graph, compile_graph
from s2s.messages import Sound, Speech
from s2s.paths import RECIPES
from s2s.place.options import Place
from s2s.place.pool import is_async
from s2s.plan import is_chat
from s2s.settings import Detection, Settings
from s2s.stage import Stage
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts, ScriptedTurn, ScriptedVad

WORDS = "well, this is an answer. and it has two sentences."
RATES = {"tts": 24000, "narrator": 16000}


def scripted(recipe: str, *overrides: str, **changes: Any) -> Graph:
    """A recipe's own routes and text stages, around models that say what they are told."""
    drawn = build(compose(f"recipe={recipe}", "turn=silence", *overrides), packages=False).graph
    models: dict[str, Callable[[], Stage]] = {
        "vad": ScriptedVad,
        "turn": ScriptedTurn,
        "stt": lambda: ScriptedStt(texts=["bonjour"], partials=True),
        "llm": lambda: ScriptedLlm(words=WORDS),
        "tts": lambda: ScriptedTts(rate=RATES["tts"]),
        "narrator": lambda: ScriptedTts(rate=RATES["narrator"]),
    }
    stages: dict[str, tuple[Stage, Place]] = {}
    for name, node in drawn.nodes.items():
        if node.stage is None or "@" in name:
            continue
        stage = changes.get(name) or (models[name]() if name in models else dataclasses.replace(node.stage))
        waits = Speech in node.takes or Sound in node.sends or name == "llm" or is_async(stage)
        waits = waits and not is_chat(stage)
        stages[name] = (stage, Place(kind="loop" if waits else "inline"))
    return compile_graph(drawn.routes, stages)


def talk(main: Callable[[Engine], Coroutine[Any, Any, None]], recipe: str, *overrides: str, **changes: Any) -> None:
    """Run a conversation on a recipe's graph."""

    async def call() -> None:
        async with Engine(scripted(recipe, *overrides, **changes)) as engine:
            await main(engine)

    run_virtual(call())


async def ask(caller: Caller) -> None:
    """Speak one turn."""
    await caller.speak(1000)
    await caller.be_silent(400)


def rates(caller: Caller) -> list[int]:
    """The sample rates of the sound that came, one for each change."""
    found: list[int] = []
    for fact in caller.all(f.SoundDelta):
        if found[-1:] != [fact.rate]:
            found.append(fact.rate)
    return found


@pytest.mark.parametrize("recipe", [path.stem for path in sorted(RECIPES.glob("*.yaml"))])
def test_a_call_of_a_recipe_begins_and_ends(recipe: str, tmp_path: Path) -> None:
    options = [f"recorder.folder={tmp_path}"] if recipe == "recorder" else []

    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        if "turn" in engine.graph.nodes:
            await ask(caller)
            if "stt" in engine.graph.nodes:
                await caller.until(f.TurnText)
            said = ["bonjour"] if "stt" in engine.graph.nodes else []
            assert [fact.text for fact in caller.all(f.TurnText)] == said
        if "tts" in engine.graph.nodes:
            done = await caller.until(f.ResponseDone)
            assert done.response.status == "completed"
            assert caller.all(f.SoundDelta)
            assert "".join(fact.delta for fact in caller.all(f.WordsDelta)) == WORDS
        await caller.hangup()

    talk(main, recipe, *options)


def test_captions_are_never_answered() -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        await ask(caller)
        await caller.until(f.TurnText)
        caller.call.feed(ev.CreateResponse(settings=Settings()))
        assert "no 'chat' stage" in (await caller.until(f.Problem)).message
        assert not caller.all(f.ResponseCreated)

    talk(main, "captions")


def test_a_typed_turn_is_answered_in_text() -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine, Settings(outputs=("text",)))
        caller.call.feed(ev.CreateItem(item=Item(id="typed", parts=(Part(kind="input_text", text="hello"),))))
        caller.call.feed(ev.CreateResponse(settings=Settings(outputs=("text",))))
        done = await caller.until(f.ResponseDone)
        assert done.response.status == "completed"
        assert [fact.text for fact in caller.all(f.TextDone)] == [WORDS]
        assert not caller.all(f.SoundDelta)

    talk(main, "text")


def test_speech_over_an_interpreter_stops_it_and_is_translated_itself() -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        await ask(caller)
        await caller.until(f.SoundDelta)
        await ask(caller)
        await caller.until(f.ResponseDone, 2)
        views = [fact.response for fact in caller.all(f.ResponseDone)]
        assert [(view.status, view.reason) for view in views] == [("cancelled", "turn_detected"), ("completed", "")]
        assert not [item for item in caller.call.state.items if item.status == "in_progress"]

    talk(main, "interpreter")


STORY = "[narrator] a fox came by. [tts] good day to you. [narrator] said the fox."


def test_each_voice_speaks_its_part_in_turn_however_slow_the_other_is() -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        await ask(caller)
        assert (await caller.until(f.ResponseDone)).response.status == "completed"
        assert rates(caller) == [RATES["narrator"], RATES["tts"], RATES["narrator"]]

    slow = ScriptedTts(rate=RATES["narrator"], seconds=0.2)
    talk(main, "two-voices", llm=ScriptedLlm(words=STORY), narrator=slow)


def test_a_recorder_writes_what_was_said_once(tmp_path: Path) -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        for turn in (1, 2):
            await ask(caller)
            await caller.until(f.ResponseDone, turn)
        await caller.hangup()

    talk(main, "recorder", f"recorder.folder={tmp_path}")
    (text,) = tmp_path.glob("*.jsonl")
    lines = [json.loads(line) for line in text.read_text("utf-8").splitlines()]
    assert [(line["who"], line["text"]) for line in lines] == [("caller", "bonjour"), ("agent", WORDS)] * 2


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_recorder_keeps_an_answer_whole_that_is_spoken_into(tmp_path: Path, interrupts: bool) -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine, Settings(detection=Detection(interrupt_response=interrupts)))
        await ask(caller)
        await caller.until(f.SoundDelta)
        await ask(caller)
        await caller.until(f.ResponseDone, 2 if interrupts else 1)
        await caller.hangup()

    talk(main, "recorder", f"recorder.folder={tmp_path}", llm=ScriptedLlm(words=WORDS, seconds=0.2))
    said = [json.loads(line) for path in tmp_path.glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    answers = [line["text"].strip() for line in said if line["who"] == "agent"]
    assert answers[-1] == WORDS
    assert len(answers) == (2 if interrupts else 1)
    assert WORDS.startswith(answers[0])


def test_a_voice_far_ahead_of_the_other_does_not_stop_it() -> None:
    """What waits for its turn must not count as room that the voice whose turn it is would need."""
    story = "[narrator] a fox came by. and then one more came too. [tts] " + "good day to you my dear old friend. " * 20

    async def main(engine: Engine) -> None:
        caller = Caller(engine)
        await ask(caller)
        done = await asyncio.wait_for(caller.until(f.ResponseDone), 600)
        assert done.response.status == "completed"
        assert rates(caller) == [RATES["narrator"], RATES["tts"]]

    slow = ScriptedTts(rate=RATES["narrator"], seconds=2.0)
    talk(main, "two-voices", llm=ScriptedLlm(words=story.strip()), narrator=slow)


def test_a_turn_spoken_into_an_answer_that_goes_on_is_heard() -> None:
    async def main(engine: Engine) -> None:
        caller = Caller(engine, Settings(detection=Detection(interrupt_response=False)))
        await ask(caller)
        await caller.until(f.SoundDelta)
        await asyncio.wait_for(ask(caller), 5)
        await asyncio.wait_for(caller.until(f.TurnText, 2), 1)
        assert not caller.all(f.ResponseDone)

    slow = ScriptedLlm(words=WORDS, seconds=0.5)
    talk(main, "interpreter", llm=slow)
