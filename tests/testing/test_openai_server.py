"""The scripted server, asked by the stock client from another thread."""

from __future__ import annotations

import openai
import pytest

from s2s.messages import ToolUse
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer

USER = [{"role": "user", "content": "Hello?"}]


def client(server: OpenAIServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url, api_key="k", max_retries=0)


def test_the_stock_client_understands_every_endpoint() -> None:
    use = ToolUse(call_id="c1", name="sum", arguments='{"a": 1}')
    with OpenAIServer(Scripted(), Scripted(calls=(use,)), models=["one", "two"]) as server, client(server) as ask:
        assert [model.id for model in ask.models.list()] == ["one", "two"]
        chunks = list(ask.chat.completions.create(model="m", messages=USER, stream=True))  # type: ignore[call-overload]
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there."
        assert chunks[-1].usage.total_tokens == 23
        calls = [
            tool
            for chunk in ask.chat.completions.create(model="m", messages=USER, stream=True)  # type: ignore[call-overload]
            for choice in chunk.choices
            for tool in choice.delta.tool_calls or ()
        ]
        assert (calls[0].id, calls[0].function.name) == ("c1", "sum")
        assert "".join(tool.function.arguments for tool in calls) == use.arguments
        events = list(ask.responses.create(model="m", input="Hello?", stream=True))
        assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "Hello there."
        assert events[-1].type == "response.completed"
        heard = ask.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF"))
        assert heard.text == "Hello there."
        assert ask.audio.speech.create(model="m", voice="ash", input="Hi").read() == b"\x00\x01" * 240
        assert server.requests[-2].body["file"] == b"RIFF"


def test_errors_and_lost_connections() -> None:
    failure = Scripted(status=429, message="Slow down", code="rate_limit_exceeded", headers=(("retry-after", "7"),))
    with OpenAIServer(failure, Scripted(cut=1)) as server, client(server) as ask:
        with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
            ask.responses.create(model="m", input="Hello?")
        assert caught.value.response.headers["retry-after"] == "7"
        assert caught.value.code == "rate_limit_exceeded"
        # The client's older releases let the transport's own error through.
        with pytest.raises(Exception, match=r"Connection error|peer closed connection"):
            list(ask.responses.create(model="m", input="Hello?", stream=True))
