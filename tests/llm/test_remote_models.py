"""Remote language models against a scripted server: answers, tools, failures, patience, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.llm.chat_completions import ChatCompletions
from s2s.llm.responses_api import ResponsesApi
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall, ToolUse
from s2s.remote import Remote, backoff_s, is_local
from s2s.remote_errors import RemoteError
from s2s.settings import Settings, Tool
from s2s.stage import Call
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer

pytestmark = pytest.mark.anyio

PROMPT = Prompt(lines=(Line(role="system", text="Be brief."), Line(role="user", text="Hello?")))
KINDS = [ChatCompletions, ResponsesApi]
SOON = (("retry-after", "0"),)


@contextlib.asynccontextmanager
async def loaded(kind: type[Any], url: str, **options: Any) -> AsyncIterator[Any]:
    stage = kind(**{"model": "m", "base_url": url, **options})
    await asyncio.get_running_loop().run_in_executor(None, stage.load)
    try:
        yield stage
    finally:
        await asyncio.get_running_loop().run_in_executor(None, stage.close)


def a_call(**settings: Any) -> Call:
    return Call("t", 1, Settings(**settings))


async def ask(stage: Any, call: Call | None = None) -> list[Reply | ToolCall | ReplyEnd]:
    return [item async for item in stage.run(call or a_call(), PROMPT)]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer(kind: type[Remote]) -> None:
    async with OpenAIServer() as server, loaded(kind, server.url, temperature=0.5, max_tokens=9) as stage:
        assert await ask(stage) == [
            Reply(text="Hello"),
            Reply(text=" there"),
            Reply(text="."),
            ReplyEnd(input_tokens=20, cached_tokens=16, output_tokens=3),
        ]
        await ask(stage, a_call(temperature=1.5, max_tokens=7))
        await ask(stage, a_call(max_tokens=4096))
        first, second, third = (request.body for request in server.requests)
        limit = "max_tokens" if kind is ChatCompletions else "max_output_tokens"
        assert (first["model"], first["stream"], first["temperature"], first[limit]) == ("m", True, 0.5, 9)
        assert (second["temperature"], second[limit]) == (1.5, 7)
        assert third[limit] == 9, "never more than the deployment gives"
        assert "tools" not in first
        assert "top_p" not in first


@pytest.mark.parametrize("kind", KINDS)
async def test_parallel_tool_calls(kind: type[Remote]) -> None:
    uses = (ToolUse(call_id="c1", name="sum", arguments='{"a": 1}'), ToolUse(call_id="c2", name="now", arguments="{}"))
    tools = (Tool(name="sum"), Tool(name="now"))
    async with OpenAIServer(Scripted(calls=uses)) as server, loaded(kind, server.url) as stage:
        items = await ask(stage, a_call(tools=tools, tool_choice="required"))
        calls = [item for item in items if isinstance(item, ToolCall)]
        for use in uses:
            pieces = [call for call in calls if call.call_id == use.call_id]
            assert {call.name for call in pieces} == {use.name}
            assert "".join(call.delta for call in pieces) == use.arguments
            assert [call.arguments for call in pieces if call.arguments is not None] == [use.arguments]
        assert isinstance(items[-1], ReplyEnd)
        assert items[-1].reason == "tool_calls"
        body = server.requests[0].body
        assert (body["tool_choice"], body["parallel_tool_calls"], len(body["tools"])) == ("required", True, 2)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_is_too_long(kind: type[Remote]) -> None:
    async with OpenAIServer(Scripted(finish="length")) as server, loaded(kind, server.url) as stage:
        assert (await ask(stage))[-1] == ReplyEnd(reason="length", input_tokens=20, cached_tokens=16, output_tokens=3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", [Scripted(status=429, headers=SOON), Scripted(status=500, headers=SOON)])
async def test_what_may_pass_is_tried_again(kind: type[Remote], failure: Scripted) -> None:
    async with OpenAIServer(failure, failure) as server, loaded(kind, server.url) as stage:
        assert (await ask(stage))[0] == Reply(text="Hello")
        assert len(server.requests) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_cut_before_the_first_token_is_tried_again(
    kind: type[Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2s.remote.backoff_s", lambda tries, headers: 0.0)
    async with OpenAIServer(Scripted(cut=0), Scripted(cut=1)) as server, loaded(kind, server.url) as stage:
        assert (await ask(stage))[0] == Reply(text="Hello")
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("failure", "asked", "message"),
    [
        (
            Scripted(status=500, message="CUDA out of memory", headers=SOON),
            3,
            "500 Internal Server Error: CUDA out of memory; look at the log of the server at {url} (after 3 tries)",
        ),
        (
            Scripted(status=429, message="Too many", headers=(("retry-after", "60"),)),
            1,
            "429 Too Many Requests: Too many; wait, or raise the account's limits",
        ),
        (
            Scripted(status=429, message="No money", code="insufficient_quota"),
            1,
            "429 Too Many Requests: No money; wait, or raise the account's limits",
        ),
        (
            Scripted(status=401, message="Incorrect key\nsk-secret"),
            1,
            "401 Unauthorized: Incorrect key ***; set A_KEY to a valid key",
        ),
        (
            Scripted(status=404, message="No model m."),
            1,
            "404 Not Found: No model m; check 'model', and that 'base_url' is right (it mostly ends in /v1)",
        ),
        (
            Scripted(status=400, message="No such role"),
            1,
            "400 Bad Request: No such role; check the options of this stage against what the server takes",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_failures_say_where_what_and_the_remedy(
    kind: type[Remote], failure: Scripted, asked: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "sk-secret")
    async with OpenAIServer(*[failure] * 3) as server, loaded(kind, server.url, api_key_env="A_KEY") as stage:
        with pytest.raises(RemoteError) as caught:
            await ask(stage)
        assert str(caught.value) == f"{server.url} (model m): {message.format(url=server.url)}"
        assert len(server.requests) == asked
        assert server.requests[0].headers["authorization"] == "Bearer sk-secret"


async def test_a_failed_response() -> None:
    failure = Scripted(finish="error", message="too hot", text=())
    async with OpenAIServer(failure) as server, loaded(ResponsesApi, server.url, retries=0) as stage:
        with pytest.raises(RemoteError, match=r"\(model m\): 500 Internal Server Error: too hot; look at the log"):
            await ask(stage)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_cut_after_the_first_token_is_not_tried_again(kind: type[Remote]) -> None:
    async with OpenAIServer(Scripted(cut=3)) as server, loaded(kind, server.url) as stage:
        with pytest.raises(RemoteError, match="lost in the middle of the answer; look at the server's log"):
            await ask(stage)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hold", [-1, 0, 1])
async def test_a_hang_before_the_first_token(kind: type[Remote], hold: int) -> None:
    async with OpenAIServer(Scripted(hold=hold)) as server, loaded(kind, server.url, timeout_s=0.05) as stage:
        with pytest.raises(RemoteError, match=r"nothing came for 0.05 s; look at the server's load, or raise 'timeout"):
            await ask(stage)
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hang_after_the_first_token(kind: type[Remote]) -> None:
    async with OpenAIServer(Scripted(hold=3)) as server, loaded(kind, server.url, stall_s=0.05) as stage:
        with pytest.raises(RemoteError, match=r"nothing more came for 0.05 s; look at the server's load, or raise 'st"):
            await ask(stage)
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)


@pytest.mark.parametrize("kind", KINDS)
async def test_closing_the_generator_closes_the_http_stream(kind: type[Remote]) -> None:
    async with OpenAIServer(Scripted(hold=3)) as server, loaded(kind, server.url) as stage:
        items = stage.run(a_call(), PROMPT)
        assert await items.__anext__() == Reply(text="Hello")
        await items.aclose()
        await asyncio.wait_for(server.requests[0].gone.wait(), 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hold", [-1, 0, 3])
async def test_cancelling_the_task_closes_the_http_stream(kind: type[Remote], hold: int) -> None:
    async with OpenAIServer(Scripted(hold=hold)) as server, loaded(kind, server.url) as stage:
        task = asyncio.create_task(ask(stage))
        request = await server.asked()
        await request.held.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(request.gone.wait(), 5)
        assert (await ask(stage))[0] == Reply(text="Hello")


async def test_no_server() -> None:
    async with OpenAIServer() as server:
        url = server.url
    async with loaded(ChatCompletions, url, retries=0) as stage:
        with pytest.raises(RemoteError) as caught:
            await ask(stage)
    assert str(caught.value).startswith(f"{url} (model m): no connection (")
    assert str(caught.value).endswith(f"; is the server running at {url}?")


async def test_the_model_that_the_server_has() -> None:
    async with OpenAIServer(models=["qwen"]) as server, loaded(ChatCompletions, server.url, model=None) as stage:
        await ask(stage)
        assert server.requests[0].body["model"] == "qwen"


async def test_the_server_has_several_models() -> None:
    async with OpenAIServer(models=["a", "b"]) as server, loaded(ChatCompletions, server.url, model=None) as stage:
        with pytest.raises(RemoteError) as caught:
            await ask(stage)
        assert str(caught.value) == f"{server.url}: the server names 2 models (a, b); choose one with 'model'"


def test_a_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RemoteError) as caught:
        ChatCompletions(model="m").load()
    assert str(caught.value) == (
        "https://api.openai.com/v1: OPENAI_API_KEY is not set; export OPENAI_API_KEY=... before starting"
    )


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://vllm:8000/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8/v1", False),
    ],
)
def test_where_no_key_is_needed(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_backoff() -> None:
    assert backoff_s(1, {"retry-after": "3"}) == 3.0
    assert backoff_s(1, {"retry-after-ms": "20", "retry-after": "3"}) == 0.02
    assert 0.1875 <= backoff_s(1, {}) <= 0.25
    assert 0.75 <= backoff_s(3, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}) <= 1.0


async def test_fields_of_ones_own() -> None:
    extra = {"reasoning_effort": "none", "service_tier": None}
    async with OpenAIServer() as server, loaded(ChatCompletions, server.url, extra_body=extra) as stage:
        await ask(stage)
        body = server.requests[0].body
        assert body["reasoning_effort"] == "none"
        assert "service_tier" not in body


@pytest.mark.parametrize("kind", KINDS)
async def test_thoughts_are_never_said(kind: type[Remote]) -> None:
    script = Scripted(reasoning=("I wonder", " why."), text=("<thi", "nk>Hm.</think>", "\n\nHello", "."))
    async with OpenAIServer(script) as server, loaded(kind, server.url) as stage:
        *said, end = await ask(stage)
        assert said == [Reply(text="Hello"), Reply(text=".")]
        assert isinstance(end, ReplyEnd)


@pytest.mark.parametrize("kind", KINDS)
async def test_pictures_reach_a_model_that_sees(kind: type[Remote]) -> None:
    url = "data:image/png;base64,AA=="
    prompt = Prompt(lines=(Line(role="user", text="Look", images=(url,)),))
    for images in (True, False):
        async with OpenAIServer() as server, loaded(kind, server.url, images=images) as stage:
            assert [item async for item in stage.run(a_call(), prompt)]
            sent = str(server.requests[0].body)
            assert (url in sent, "a picture, which you can't see" in sent) == (images, not images)
