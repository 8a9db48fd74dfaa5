"""The same graph on remote models, `s2s-run llm=vllm stt=openai tts=openai`, against servers that do as told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from s2s.llm.llamacpp import SMOLLM2
from s2s.messages import ToolUse
from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer, Request
from s2s.weights import resolve
from tests.embedded.client import ENDED, HZ, SdkCaller
from tests.embedded.server import Server
from tests.embedded.speech import turn_sound
from tests.embedded.test_graphs import BRIEF, answered, running, silent_until, type_in

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

SOON = (("retry-after", "0"),)
HALF_SECOND = (b"\x10\x00" * (HZ // 4),) * 2
SPEECH = turn_sound(0, HZ)[: 3 * HZ // 2]
PATHS = {"vllm": "/v1/chat/completions", "openai": "/v1/responses"}
WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


class Remotes:
    """Three scripted servers and the `s2s-run` that uses them."""

    def __init__(self, llm: str, servers: dict[str, OpenAIServer], server: Server) -> None:
        self.path = PATHS[llm]
        self.stt, self.llm, self.tts = servers["stt"], servers["llm"], servers["tts"]
        self.url = server.url

    def play(self, *answers: Scripted) -> int:
        """Let the language model say this, and return how often it was asked before."""
        self.llm.play(*answers)
        return len(self.llm.requests)


def options(llm: str, servers: dict[str, OpenAIServer]) -> list[str]:
    """The words of the command line."""
    urls = [f"{stage}.base_url={server.url}" for stage, server in servers.items()]
    return [f"llm={llm}", "stt=openai", "tts=openai", *urls]


@contextlib.contextmanager
def scripted(*stages: str) -> Iterator[dict[str, OpenAIServer]]:
    """A scripted server for each of these stages."""
    with contextlib.ExitStack() as stack:
        yield {stage: stack.enter_context(OpenAIServer()) for stage in stages}


@pytest.fixture(scope="module", params=PATHS)
def remotes(request: pytest.FixtureRequest) -> Iterator[Remotes]:
    """The graph with chat completions, then with responses."""
    with (
        scripted("stt", "llm", "tts") as servers,
        running(*options(request.param, servers), "stt.language=fr", "chat.enable_lang_prompt=true") as server,
    ):
        yield Remotes(request.param, servers, server)


@pytest.fixture(autouse=True, scope="module")
def key() -> Iterator[None]:
    """A key in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-of-a-test")
        yield


def user_text(request: Request) -> Any:
    """What the user said last, as the language model is told."""
    return (request.body.get("messages") or request.body["input"])[-1]["content"]


async def until(ready: Any) -> None:
    """Return when `ready()` is true; fail after a while."""
    for _ in range(500):
        if ready():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


async def test_a_spoken_turn_is_answered_with_sound(remotes: Remotes) -> None:
    asked = remotes.play(Scripted(text=("C'est ", "ici.")))
    remotes.stt.play(Scripted(text=("Où est", "-ce ?")))
    remotes.tts.play(Scripted(sound=HALF_SECOND))
    async with SdkCaller(remotes.url) as caller:
        await caller.speak(SPEECH)
        await silent_until(caller, lambda: caller.answers and caller.answers[0].done)
    (answer,) = caller.answers
    assert (answer.done.status, answer.words, answer.seconds) == ("completed", "C'est ici.", 0.5)
    assert caller.transcripts == ["Où est-ce ?"]
    request = remotes.llm.requests[asked]
    assert request.path == remotes.path
    assert "Où est-ce ?\n\nPlease reply to my message in French." in str(user_text(request)).replace("\\n", "\n")
    assert remotes.stt.requests[-1].body["language"] == "fr"
    assert remotes.tts.requests[-1].body["input"] == "C'est ici."


async def test_tool_calls_go_to_the_client_and_their_results_come_back(remotes: Remotes) -> None:
    uses = tuple(ToolUse(call_id=f"c{n}", name="weather", arguments=f'{{"day": {n}}}') for n in (1, 2))
    asked = remotes.play(Scripted(calls=uses), Scripted(text=("Sunny", ".")))
    async with SdkCaller(remotes.url) as caller:
        await caller.connection.session.update(session={"type": "realtime", "tools": [WEATHER]})
        answer = await answered(caller, "How will the weather be?")
        calls = answer.done.output
        assert [(call.type, call.call_id, call.arguments) for call in calls] == [
            ("function_call", use.call_id, use.arguments) for use in uses
        ]
        assert caller.types().count("response.function_call_arguments.done") == 2
        for call in calls:
            result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": f"sun {call.call_id}"}
            await caller.connection.conversation.item.create(item=result)
        await caller.connection.response.create()
        await caller.until(lambda: len(caller.answers) > 1 and caller.answers[1].done)
    assert caller.answers[1].words == "Sunny." and caller.answers[1].seconds > 0
    body = remotes.llm.requests[asked + 1].body
    lines = body.get("messages") or body["input"]
    assert [line.get("content", line.get("output")) for line in lines[-2:]] == ["sun c1", "sun c2"]


async def test_too_many_requests_are_waited_out(remotes: Remotes) -> None:
    asked = remotes.play(Scripted(status=429, headers=SOON), Scripted(status=503, headers=SOON))
    async with SdkCaller(remotes.url) as caller:
        answer = await answered(caller, "Hello?")
    assert (answer.done.status, answer.words) == ("completed", "Hello there.")
    assert len(remotes.llm.requests) == asked + 3


@pytest.mark.parametrize(
    ("stage", "failures", "reason"),
    [
        ("llm", [Scripted(status=500, message="out of memory", headers=SOON)] * 3, "500 Internal Server Error: out of"),
        ("llm", [Scripted(cut=4, text=tuple("abcdefgh"))], "the connection was lost in the middle of the answer"),
        ("tts", [Scripted(status=400, message="no such voice")], "400 Bad Request: no such voice"),
    ],
)
async def test_what_fails_for_good_fails_the_answer_with_the_reason(
    remotes: Remotes, stage: str, failures: list[Scripted], reason: str
) -> None:
    getattr(remotes, stage).play(*failures)
    async with SdkCaller(remotes.url) as caller:
        answer = await answered(caller, "Hello?")
        error = answer.done.status_details.error
        assert answer.done.status == "failed"
        assert error.message.startswith(f"{stage}: http://127.0.0.1:") and reason in error.message
        again = await answered(caller, "And now?")
        assert (again.done.status, again.words) == ("completed", "Hello there.")


async def test_a_turn_that_is_not_understood_is_said_to_be_so(remotes: Remotes) -> None:
    remotes.stt.play(Scripted(status=400, message="bad sound"))
    async with SdkCaller(remotes.url) as caller:
        await caller.speak(SPEECH)
        await silent_until(caller, lambda: caller.types()[-1].endswith("transcription.failed"))
        assert "400 Bad Request: bad sound" in caller.events[-1][1].error.message
        assert not caller.answers


@pytest.mark.parametrize("hold", [-1, 4])
async def test_a_cancelled_answer_closes_its_stream(remotes: Remotes, hold: int) -> None:
    asked = remotes.play(Scripted(text=("Well",) * 9, hold=hold))
    async with SdkCaller(remotes.url) as caller:
        await type_in(caller, "Hello?")
        await until(lambda: len(remotes.llm.requests) > asked and remotes.llm.requests[asked].held.is_set())
        await caller.connection.response.cancel()
        await until(lambda: remotes.llm.requests[asked].gone.is_set())
        await caller.until(lambda: caller.answers[0].done)
        assert caller.answers[0].done.status == "cancelled"
        assert (await answered(caller, "And now?")).words == "Hello there."


async def test_speech_over_an_answer_closes_its_streams(remotes: Remotes) -> None:
    asked = remotes.play(Scripted(text=("Well, ", "this is a sentence. ", "And ", "more."), hold=4))
    spoken = len(remotes.tts.requests)
    remotes.tts.play(Scripted(sound=HALF_SECOND * 2, hold=2))
    async with SdkCaller(remotes.url) as caller:
        await type_in(caller, "Hello?")
        await caller.until(lambda: caller.answers and caller.answers[0].seconds >= 0.5)
        assert not remotes.llm.requests[asked].gone.is_set()
        await caller.speak(SPEECH)
        await until(lambda: remotes.llm.requests[asked].gone.is_set() and remotes.tts.requests[spoken].gone.is_set())
        await silent_until(caller, lambda: len(caller.answers) > 1 and caller.answers[1].done)
    first, second = caller.answers
    assert (first.done.status, first.done.status_details.reason) == ("cancelled", "turn_detected")
    assert second.done.status == "completed" and second.seconds > 0


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


@pytest.mark.parametrize("llm", ["llamacpp-server", "vllm", "openai"])
async def test_a_turn_through_a_real_llama_cpp_server(llm: str, llama: str) -> None:
    more = (
        f"llm.base_url={llama}",
        f"chat.prompt='{BRIEF}'",
        "llm.model=null",
        "llm.temperature=0",
        "llm.max_tokens=24",
    )
    with scripted("stt", "tts") as servers, running(*options(llm, servers), *more) as server:
        async with SdkCaller(server.url) as caller:
            answer = await answered(caller, "What is the capital of France?")
        assert answer.done.status in ENDED and "Paris" in answer.words and answer.seconds > 0
        assert answer.done.usage.output_tokens > 0
        assert " ".join(request.body["input"] for request in servers["tts"].requests) == answer.words.strip()


@pytest.mark.parametrize(
    ("llm", "host", "variable"),
    [("openai", "api.openai.com", "OPENAI_API_KEY"), ("deepseek", "api.deepseek.com", "DEEPSEEK_API_KEY")],
)
def test_a_missing_key_is_named_before_anything_loads(llm: str, host: str, variable: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != variable}
    words = [sys.executable, "-m", "s2s", "mode.realtime.port=0", "graph=text", f"llm={llm}"]
    ended = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
    message = f"llm: https://{host}/v1: {variable} is not set; export {variable}=... before starting\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", message)
