"""The presets: complete, with the right key, and understood by a real llama.cpp server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.llm.chat_completions import ChatCompletions
from s2s.llm.llamacpp import SMOLLM2
from s2s.llm.responses_api import ResponsesApi
from s2s.messages import Line, Prompt, Reply, ReplyEnd, ToolCall, ToolUse
from s2s.remote import Remote, is_local
from s2s.settings import Settings, Tool
from s2s.stage import Call
from s2s.testing.openai_server import OpenAIServer
from s2s.weights import resolve

LOCAL = ["vllm", "llamacpp-server", "ollama"]
REMOTE = ["openai", "hf", "openrouter", "deepseek"]
KEYS = {
    "openai": "OPENAI_API_KEY",
    "hf": "HF_TOKEN",
    "openrouter": "OPENROUTER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "vllm": "VLLM_API_KEY",
    "llamacpp-server": "LLAMA_API_KEY",
    "ollama": None,
}
PROMPT = Prompt(
    lines=(
        Line(role="system", text="You are a helpful assistant. Answer in one short sentence."),
        Line(role="user", text="Hello?"),
        Line(role="assistant", text="Hello, how can I help?"),
        Line(role="user", text="What is the capital of France?"),
    )
)


def preset(name: str, *overrides: str) -> Any:
    """The stage that a command line makes, in the graph of a text conversation."""
    config = compose("mode=show", "graph=text", f"llm={name}", *overrides)
    stage = build(config).graph.nodes["llm"].stage
    assert isinstance(stage, Remote)
    return stage


@pytest.mark.parametrize("name", [*LOCAL, *REMOTE])
def test_a_preset_needs_nothing_more(name: str) -> None:
    stage = preset(name)
    assert stage.api_key_env == KEYS[name]
    assert is_local(stage.base_url) is (name in LOCAL)
    assert (stage.model is None) is (name in LOCAL)
    assert type(stage) is (ResponsesApi if name == "openai" else ChatCompletions)


@pytest.mark.anyio
@pytest.mark.parametrize("name", [*LOCAL, *REMOTE])
async def test_a_preset_at_a_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if KEYS[name]:
        monkeypatch.setenv(KEYS[name] or "", "a-key")
    async with OpenAIServer() as server:
        stage = preset(name, f"llm.base_url={server.url}")
        stage.load()
        items = [item async for item in stage.run(Call("t", 1, Settings()), PROMPT)]
        assert "".join(item.text for item in items if isinstance(item, Reply)) == "Hello there."
        (request,) = server.requests
        assert request.headers["authorization"] == f"Bearer {'a-key' if KEYS[name] else 'none'}"
        assert request.body["model"] == (stage.model or "scripted")
        assert {field: request.body[field] for field in stage.extra_body} == stage.extra_body
        stage.close()


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """A real llama.cpp server's URL."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(resolve(SMOLLM2))
    params.hostnames, params.port, params.n_ctx, params.n_parallel = ["127.0.0.1"], 0, 1024, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity, params.sse_ping_interval = -1, 1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


@pytest.mark.embedded
@pytest.mark.anyio
@pytest.mark.parametrize("name", [*LOCAL, *REMOTE, "chat-completions", "responses-api"])
async def test_a_preset_at_a_real_server(name: str, llama: str) -> None:
    stage = preset(name, f"llm.base_url={llama}", "llm.temperature=0", "llm.max_tokens=24", "llm.model=null")
    stage.load()
    items = [item async for item in stage.run(Call("t", 1, Settings()), PROMPT)]
    assert "Paris" in "".join(item.text for item in items if isinstance(item, Reply))
    end = items[-1]
    assert isinstance(end, ReplyEnd)
    assert end.reason == "stop"
    assert 0 < end.output_tokens <= 24 < end.input_tokens
    stage.close()


@pytest.mark.embedded
@pytest.mark.anyio
@pytest.mark.parametrize("name", ["chat-completions", "responses-api"])
async def test_a_history_with_tools_at_a_real_server(name: str, llama: str) -> None:
    use = ToolUse(call_id="c1", name="weather", arguments='{"city": "Paris"}')
    lines = (*PROMPT.lines, Line(role="assistant", calls=(use,)), Line(role="tool", text="sunny", call_id="c1"))
    stage = preset(name, f"llm.base_url={llama}", "llm.max_tokens=8", "llm.model=null")
    stage.load()
    call = Call("t", 1, Settings(tools=(Tool(name="weather", description="The weather of a city"),)))
    items = [item async for item in stage.run(call, Prompt(lines=lines))]
    assert isinstance(items[0], (Reply, ToolCall))
    assert isinstance(items[-1], ReplyEnd)
    stage.close()


@pytest.mark.embedded
@pytest.mark.anyio
@pytest.mark.parametrize("name", ["chat-completions", "responses-api"])
async def test_barge_in_frees_a_real_server(name: str, llama: str) -> None:
    stage = preset(name, f"llm.base_url={llama}", "llm.max_tokens=900", "llm.model=null", "llm.timeout_s=5")
    stage.load()
    call = Call("t", 1, Settings())
    endless = Prompt(lines=(Line(role="user", text="Count from one to one thousand in words."),))
    items = stage.run(call, endless)
    assert isinstance(await items.__anext__(), Reply)
    await items.aclose()
    assert [item async for item in stage.run(Call("t", 2, Settings(max_tokens=1)), PROMPT)]
    stage.close()
