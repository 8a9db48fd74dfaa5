"""Functions of a real MCP server: over its standard input and output, over HTTP, and when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item, Part
from s2s.engine import Engine
from s2s.messages import ToolCall, ToolUse
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.caller import Caller
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from s2s.text.mcp_servers import McpTools, Server
from tests.backends.suite import conforms

pytestmark = pytest.mark.anyio

COMMAND = [sys.executable, str(Path(__file__).with_name("server.py"))]


@contextlib.asynccontextmanager
async def loaded(**servers: Server) -> AsyncIterator[McpTools]:
    stage = McpTools(servers=servers, functions=["s2s.text.everyday.now"], timeout_s=10)
    await asyncio.to_thread(stage.load)
    try:
        yield stage
    finally:
        await asyncio.to_thread(stage.close)


async def called(stage: McpTools, name: str, /, **arguments: Any) -> str:
    call = Call("t", 1, Settings(tools=stage.offers()))
    item = ToolCall(call_id="c", name=name, arguments=json.dumps(arguments))
    (result,) = [out async for out in stage.run(call, item)]
    return result.output


async def test_a_server_s_functions_stand_beside_python_s() -> None:
    async with loaded(shop=Server(command=COMMAND)) as stage:
        offered = {tool.name: tool for tool in stage.offers()}
        assert set(offered) == {"now", "price", "stock_list", "fail", "die", "secret"}, "a name that APIs take"
        assert all(tool.here for tool in offered.values())
        assert offered["price"].description == "Tell the price of fruit."
        assert offered["price"].parameters["properties"]["kilos"]["type"] == "number"
        assert await called(stage, "price", fruit="apples", kilos=2) == "apples: 5 euros"
        assert await called(stage, "stock_list") in ("apples\npears", '["apples", "pears"]')
        assert "UTC" in await called(stage, "now", zone="UTC")


async def test_what_a_server_refuses_is_told_and_it_lives_on() -> None:
    async with loaded(shop=Server(command=COMMAND)) as stage:
        assert "the till is closed" in await called(stage, "fail")
        assert (await called(stage, "price", kilos="many")).startswith("error: ")
        assert await called(stage, "price", fruit="pears") == "pears: 2.5 euros"


async def test_a_server_that_dies_is_begun_again_at_the_next_call() -> None:
    async with loaded(shop=Server(command=COMMAND)) as stage:
        begun = time.monotonic()
        assert (await called(stage, "die")).startswith("error: ")
        assert time.monotonic() - begun < 5, "it is noticed, not waited for"
        assert await called(stage, "price", fruit="pears") == "pears: 2.5 euros"


async def test_a_command_is_given_the_variables_that_are_named_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "open")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    async with loaded(shop=Server(command=COMMAND, env=["SHOP_KEY"])) as stage:
        assert await called(stage, "secret", name="SHOP_KEY") == "open"
        assert await called(stage, "secret", name="OPENAI_API_KEY") == "unset"


async def test_two_servers_with_the_same_functions_are_told_apart_and_only_some_are_offered() -> None:
    one, two = Server(command=COMMAND, only=["price"]), Server(command=COMMAND, only=["price"])
    async with loaded(shop=one, market=two) as stage:
        assert [tool.name for tool in stage.offers()] == ["now", "price", "market_price"]
        assert await called(stage, "market_price", fruit="pears") == "pears: 2.5 euros"


@contextlib.contextmanager
def over_http() -> Iterator[str]:
    """The server as a process that listens; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*COMMAND, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


@pytest.mark.parametrize("token_env", ["", "SHOP_TOKEN"])
async def test_a_server_under_a_url(token_env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "abc")
    with over_http() as url:
        async with loaded(shop=Server(url=url, token_env=token_env)) as stage:
            assert await called(stage, "price", fruit="apples", kilos=2) == "apples: 5 euros"


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (Server(command=["/nowhere/server"]), "servers.shop: FileNotFoundError"),
        (Server(command=[sys.executable, "-c", "pass"]), "servers.shop: "),
        (Server(command=[sys.executable, "-c", "import time; time.sleep(60)"]), "servers.shop: no answer within 2 s"),
        (Server(url="http://127.0.0.1:9/mcp"), "servers.shop: "),
        (Server(url="http://127.0.0.1:9/mcp", token_env="NO_SUCH"), "servers.shop: ValueError: NO_SUCH is not set"),
        (Server(command=COMMAND, only=["cost"]), "servers.shop: ValueError: it has no function 'cost'; it has price"),
    ],
)
async def test_a_server_that_can_t_be_had_is_named(server: Server, said: str) -> None:
    stage = McpTools(servers={"shop": server}, start_s=2.0 if "within 2 s" in said else 30.0)
    with pytest.raises(OSError) as caught:
        await asyncio.to_thread(stage.load)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value) and "; " in str(caught.value)


def test_no_server_is_left_behind() -> None:
    async def talk() -> None:
        async with loaded(shop=Server(command=COMMAND)) as stage:
            await called(stage, "stock_list")

    asyncio.run(talk())
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if children.exists():
        left = [pid for pid in children.read_text().split() if "server.py" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert not left


def test_it_conforms() -> None:
    conforms("text", McpTools(servers={"shop": Server(command=COMMAND)}), {"missing-weights-are-named": "it has none"})


async def test_a_conversation_in_which_the_model_asks_a_server() -> None:
    use = ToolUse(call_id="c1", name="price", arguments='{"fruit": "apples", "kilos": 2}')
    async with OpenAIServer(Scripted(calls=(use,)), Scripted(text=("Five ", "euros."))) as model:
        words = ["graph=tools", "text@tools=mcp", "graph.voice=caller | chat | llm | caller", "graph.asked=null"]
        words += ["graph.captions=null", "graph.partials=null"]
        llm = ["llm=vllm", f"llm.base_url={model.url}"]
        command = json.dumps(COMMAND)
        made = build(compose(*words, *llm, f"+tools.servers.shop={{command: {command}}}"), packages=True)
        async with Engine(made.graph) as engine:
            caller = Caller(engine, Settings(outputs=("text",)))
            part = Part(kind="input_text", text="What do two kilos of apples cost?")
            caller.call.feed(ev.CreateItem(item=Item(id="", parts=(part,))))
            caller.call.feed(ev.CreateResponse(settings=Settings(outputs=("text",))))
            await asyncio.wait_for(caller.until(f.ResponseDone, 2), 20)
            assert caller.all(f.TextDone)[-1].text == "Five euros."
        offered = [tool["function"]["name"] for tool in model.requests[0].body["tools"]]
        assert offered == ["price", "stock_list", "fail", "die", "secret"]
        assert model.requests[1].body["messages"][-1]["content"] == "apples: 5 euros"
