"""Python functions as tools: what the model is told of them, what they return, and everything that can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.messages import ToolCall
from s2s.mistakes import ConfigError
from s2s.settings import Settings, Tool
from s2s.stage import Call
from s2s.text.functions import Function, explained
from s2s.text.tools import Tools

pytestmark = pytest.mark.anyio

SOURCE = '''
from __future__ import annotations

import asyncio
import datetime
import enum
import sys
import threading
from typing import Annotated, Any

from pydantic import Field

HELD = threading.Event()
THREADS: list[str] = []


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


def weather(city: str, days: int = 1, unit: Unit = Unit.CELSIUS, on: datetime.date | None = None) -> dict[str, Any]:
    """Look up the weather
    of a city.

    Args:
        city: its name,
            in English
        days (int): how many

    Returns:
        what was asked
    """
    return {"city": city, "days": days, "unit": unit, "on": on}


def noted(text: Annotated[str, Field(description="what to note")]) -> None:
    """Note something.

    :param text: not this
    """


async def waited(seconds: float) -> str:
    """Wait."""
    THREADS.append(threading.current_thread().name)
    await asyncio.sleep(seconds)
    return "waited"


def hang() -> None:
    HELD.wait()


def fail() -> None:
    raise KeyError("no such city\\nand more")


def leave() -> None:
    sys.exit(3)


async def leave_too() -> None:
    sys.exit(3)


async def cancelled() -> None:
    raise asyncio.CancelledError


def long() -> str:
    return "x" * 20_000


def unnamed(*cities: str) -> None:
    pass


class Odd:
    pass


def odd(thing: Odd) -> None:
    pass
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of functions."""
    path = tmp_path / "mine.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def loaded(source: Path, *names: str, **options: Any) -> AsyncIterator[Tools]:
    stage = Tools(functions=[f"{source}:{name}" for name in names], **options)
    await asyncio.to_thread(stage.load)
    try:
        yield stage
    finally:
        await asyncio.to_thread(stage.close)


async def called(stage: Tools, name: str, arguments: Any = None, more: tuple[Tool, ...] = ()) -> str | None:
    """What a call returns; None where it is left to the client."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    own = {tool.name for tool in more}
    tools = (*more, *(tool for tool in stage.offers() if tool.name not in own))
    call = Call("t", 1, Settings(tools=tools))
    found = [result async for result in stage.run(call, ToolCall(call_id="c", name=name, arguments=text))]
    assert all(result.call_id == "c" for result in found) and len(found) < 2
    return found[0].output if found else None


async def test_annotations_and_docstring_describe_a_function(source: Path) -> None:
    weather, noted = Function(f"{source}:weather").tool, Function(f"{source}:noted").tool
    assert (weather.name, weather.description, weather.here) == ("weather", "Look up the weather of a city.", True)
    properties = weather.parameters["properties"]
    assert properties["city"] == {"type": "string", "description": "its name, in English"}
    assert properties["days"] == {"type": "integer", "default": 1, "description": "how many"}
    assert weather.parameters["required"] == ["city"]
    assert noted.description == "Note something."
    assert noted.parameters["properties"]["text"]["description"] == "what to note", "an annotation wins"


@pytest.mark.parametrize(
    ("doc", "text", "arguments"),
    [
        ("", "", {}),
        ("Do it.", "Do it.", {}),
        ("Do it.\n\n:param a: one\n:param int b: two\n    more\n:returns: c", "Do it.", {"a": "one", "b": "two more"}),
        (
            "Do it.\n\nArgs:\n    a: see: this\n    other: no\nRaises:\n    b: no",
            "Do it.",
            {"a": "see: this other: no"},
        ),
        ("a: no argument here.", "a: no argument here.", {}),
    ],
)
def test_docstrings(doc: str, text: str, arguments: dict[str, str]) -> None:
    assert explained(doc, {"a", "b"}) == (text, arguments)


async def test_arguments_are_checked_and_results_are_text(source: Path) -> None:
    async with loaded(source, "weather", "noted", "waited") as stage:
        given = {"city": "Rome", "days": "2", "unit": "f", "on": "2026-01-31"}
        assert await called(stage, "weather", given) == '{"city":"Rome","days":2,"unit":"f","on":"2026-01-31"}'
        assert await called(stage, "noted", {"text": "milk"}) == "done"
        assert await called(stage, "waited", {"seconds": 0}) == "waited"
        wrong = await called(stage, "weather", {"days": "many", "where": 1})
        assert wrong is not None and wrong.startswith("error: ")
        for part in ("city: Missing required argument", "days: Input should be a valid integer", "where: Unexpected"):
            assert part in wrong
        assert await called(stage, "weather", "[1]") == (
            "error: ValueError: the arguments should be a JSON object, not [1]"
        )
        cut = await called(stage, "weather", '{"city": "Ro')
        assert cut is not None and cut.startswith("error: JSONDecodeError")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fail", "error: KeyError: 'no such city\\nand more'"),
        ("leave", "error: RuntimeError: SystemExit: 3"),
        ("leave_too", "error: SystemExit: 3"),
        ("cancelled", "error: CancelledError"),
    ],
)
async def test_what_goes_wrong_is_told_to_the_model_and_the_next_call_works(source: Path, name: str, said: str) -> None:
    async with loaded(source, name, "noted") as stage:
        assert await called(stage, name) == said
        assert await called(stage, "noted", {"text": "milk"}) == "done"


async def test_a_function_that_hangs_is_given_up_and_holds_up_no_other(source: Path) -> None:
    async with loaded(source, "hang", "waited", "noted", timeout_s=0.2) as stage:
        hanging = asyncio.create_task(called(stage, "hang"))
        assert await called(stage, "noted", {"text": "milk"}) == "done"
        assert await called(stage, "waited", {"seconds": 60}) == "error: waited gave no result within 0.2 s"
        assert await hanging == "error: hang gave no result within 0.2 s"
    threads = [thread for thread in threading.enumerate() if thread.name in ("tools", "function hang")]
    assert [thread.name for thread in threads] == ["function hang"] and threads[0].daemon


async def test_an_asynchronous_function_does_not_run_where_callers_are_heard(source: Path) -> None:
    async with loaded(source, "waited") as stage:
        await called(stage, "waited", {"seconds": 0})
        threads: Any = Function(f"{source}:waited")._function.__globals__["THREADS"]
        assert threads == ["tools"] and threading.current_thread().name != "tools"


async def test_a_long_result_is_cut(source: Path) -> None:
    async with loaded(source, "long", longest=100) as stage:
        assert await called(stage, "long") == f"{'x' * 100}... (cut: it had 20000 characters)"


async def test_a_client_s_own_function_is_left_to_it_and_an_unknown_one_is_answered(source: Path) -> None:
    async with loaded(source, "noted", "waited") as stage:
        assert await called(stage, "book", more=(Tool(name="book"),)) is None
        assert await called(stage, "noted", more=(Tool(name="noted"),)) is None, "the client has one of that name"
        unknown = await called(stage, "call_mum")
        assert unknown == "error: there is no function 'call_mum'; there are: noted, waited"
        piece = ToolCall(call_id="c", name="noted", delta="{")
        assert not [out async for out in stage.run(Call("t", 1, Settings(tools=stage.offers())), piece)]


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (
            ["nowhere.to.be.found"],
            "functions: 'nowhere.to.be.found': ModuleNotFoundError: No module named 'nowhere'; give",
        ),
        (
            ["/nowhere/mine.py:f"],
            "functions: '/nowhere/mine.py:f': FileNotFoundError: no file '/nowhere/mine.py'; give",
        ),
        (["json.nothing"], "functions: 'json.nothing': there is no function 'nothing'; it has dump, dumps"),
        (["SOURCE:unnamed"], "its arguments have no names"),
        (["SOURCE:odd"], "annotate its arguments with types that JSON can give"),
        (["SOURCE:noted", "SOURCE:noted"], "functions: there are two of the name 'noted'; rename one"),
    ],
)
def test_what_can_t_be_loaded_is_named(source: Path, functions: list[str], said: str) -> None:
    stage = Tools(functions=[name.replace("SOURCE", str(source)) for name in functions])
    with pytest.raises(ValueError) as caught:
        stage.load()
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert "tools" not in [thread.name for thread in threading.enumerate()]


def test_mistakes_are_named_before_anything_loads() -> None:
    with pytest.raises(ConfigError) as caught:
        build(compose("graph=tools", "tools.functions=['mine.py:1f']"), packages=False)
    assert str(caught.value) == (
        "tools: functions: 'mine.py:1f' names no function; write package.module.function, or path/to/file.py:function"
    )


def test_functions_are_run_in_the_process_whose_model_is_told_of_them() -> None:
    with pytest.raises(ConfigError) as caught:
        build(compose("graph=tools", "tools.place.kind=process"), packages=False)
    assert str(caught.value) == (
        "tools.place.kind: the language model has to know what Tools offers; input should be 'loop', not 'process'"
    )


def test_everyday_functions() -> None:
    tool = Function("s2s.text.everyday.now").tool
    assert tool.parameters["properties"]["zone"]["description"].startswith("a time zone such as Europe/Paris")
    assert "UTC" in asyncio.run(Function("s2s.text.everyday.now").call({"zone": "UTC"}))
    with pytest.raises(ValueError, match="there is no time zone 'Mars'"):
        asyncio.run(Function("s2s.text.everyday.now").call({"zone": "Mars"}))
