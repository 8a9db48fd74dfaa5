"""What may be prepared in vain: the section of the config, and answers on trial that are held for those who wait."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.engine import Engine
from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.mistakes import ConfigError
from s2s.speculation import Speculation
from s2s.stage import Call
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from s2s.testing.stages import ScriptedLlm, ScriptedTurn
from tests.engine.graphs import graph

ASKED: list[str] = []


class Recorded(ScriptedLlm):
    """Notes whose answers it begins."""

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ToolCall | ReplyEnd]:
        ASKED.append(call.id)
        async for out in super().run(call, item):
            yield out


def asked_on_trial(speculation: Speculation) -> list[bool]:
    """Let two callers pause; return which of them the language model answers before their turn is over."""

    async def main() -> list[bool]:
        ASKED.clear()
        stages = {"turn": ScriptedTurn(silence_ms=9000, soft_ms=100), "llm": Recorded()}
        async with Engine(graph(**stages), speculation=speculation) as engine:
            callers = [Caller(engine) for _ in range(2)]
            for caller in callers:
                await caller.speak(600)
                await caller.be_silent(800)
            return [caller.call.id in ASKED for caller in callers]

    return run_virtual(main())


def test_answers_on_trial_are_as_many_at_once_as_the_config_says() -> None:
    assert asked_on_trial(Speculation(max_inflight=2)) == [True, True]
    assert asked_on_trial(Speculation(max_inflight=1)) == [True, False]
    assert asked_on_trial(Speculation(enabled=False)) == [False, False]


def test_what_was_held_is_asked_when_the_turn_is_over() -> None:
    async def main() -> list[str]:
        async with Engine(graph(turn=ScriptedTurn(soft_ms=100)), speculation=Speculation(max_inflight=0)) as engine:
            caller = Caller(engine)
            await caller.speak(600)
            await caller.be_silent(3000)
            return [type(fact).__name__ for _, fact in caller.heard if "Response" in type(fact).__name__]

    assert run_virtual(main()) == ["ResponseCreated", "ResponseDone"]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("speculation.enabld=true", "speculation.enabld: Speculation has no such option; did you mean 'enabled'?"),
        ("speculation.max_inflight=x", "speculation.max_inflight: input should be a valid integer, not 'x'"),
        ("speculation.max_extra_llm=-1", "speculation: max_extra_llm and max_inflight should be 0 or more"),
        ("turn.costs.cut_inn=1", "turn.costs.cut_inn: Costs has no such option; did you mean 'cut_in'?"),
        ("turn.costs.cut_in=-1", "turn.costs: delay_per_100ms should be more than 0, and cut_in 0 or more"),
    ],
)
def test_a_wrong_word_is_named(word: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        build(compose(word), packages=False)
    assert list(error.value.mistakes) == [line]


def test_the_config_says_what_holds_without_it() -> None:
    assert build(compose(), packages=False).speculation == Speculation()
