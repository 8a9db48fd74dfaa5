"""A language model's server that dies in the middle of an answer, and the model in the process that goes on for it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from s2s.testing.openai_script import Scripted
from s2s.testing.openai_server import OpenAIServer
from tests.embedded.client import ENDED, SdkCaller
from tests.embedded.server import Server
from tests.embedded.test_graphs import answered, running, type_in

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

WORDS = ("llm=vllm", "+llm@backup=llamacpp", "llm.fallback=backup", "llm.place.first_s=1.5", "llm.retries=0")
THEIRS = Scripted(text=("This is ", "the big ", "model. ", "It has ", "a lot ", "to say."))


async def served(*answers: Scripted, port: int = 0) -> OpenAIServer:
    """A server that is there until it is killed."""
    return await OpenAIServer(*answers, port=port).__aenter__()


async def kill(server: OpenAIServer) -> int:
    """End a server and all its connections, and return where it was."""
    await server.__aexit__(None, None, None)
    return int(server.url.split(":")[2].partition("/")[0])


async def on_fallback(caller: SdkCaller) -> int:
    """Whether the server says that the other model has taken over."""
    pool: Any = await caller.client.get("/pool", cast_to=object)
    return int(pool["units"]["llm"]["on_fallback"])


def said(server: Server, text: str) -> bool:
    """Whether it stands in the log."""
    return any(text in line for line in server.output)


async def from_the_other(caller: SdkCaller, text: str) -> None:
    """Type a turn; the model in the process answers it in time."""
    began, number = caller.loop.time(), len(caller.answers)
    await type_in(caller, text)
    await caller.until(lambda: len(caller.answers) > number and caller.answers[number].words)
    words_s = caller.loop.time() - began
    await caller.until(lambda: caller.answers[number].arrivals)
    sound_s = caller.loop.time() - began
    await caller.until(lambda: caller.answers[number].done)
    answer = caller.answers[number]
    print(f"\n{answer.words!r}: first words after {words_s:.2f} s, first sound after {sound_s:.2f} s")
    assert answer.done.status in ENDED and answer.seconds > 0.3
    assert words_s < 2.0 and sound_s < 3.0


async def test_a_server_killed_in_the_middle_of_an_answer_is_stood_in_for_and_taken_back() -> None:
    theirs = await served(THEIRS, Scripted(text=THEIRS.text, hold=4))
    with running(*WORDS, f"llm.base_url={theirs.url}") as server:
        async with SdkCaller(server.url) as caller:
            first = await answered(caller, "Who are you?")
            assert (first.done.status, first.words) == ("completed", "".join(THEIRS.text))

            await type_in(caller, "And what can you do?")
            await caller.until(lambda: len(caller.answers) > 1 and caller.answers[1].words)
            port = await kill(theirs)
            await caller.until(lambda: caller.answers[1].done)
            assert caller.answers[1].done.status == "failed"
            why = caller.answers[1].done.status_details.error
            assert "the connection was lost in the middle of the answer" in str(why), why

            await from_the_other(caller, "What is the capital of France?")
            assert await on_fallback(caller) == 1 and said(server, "'backup' takes over")
            began = caller.loop.time()
            while not said(server, "the next try is in 2 s"):  # one of these tries the server again, in vain
                assert caller.loop.time() - began < 20
                await from_the_other(caller, "And of Italy?")

            again = await served(THEIRS, THEIRS, THEIRS, port=port)
            began = caller.loop.time()
            while caller.answers[-1].words != "".join(THEIRS.text):
                assert caller.loop.time() - began < 20
                assert (await answered(caller, "And of Spain?")).done.status in ENDED
            print(f"taken back {caller.loop.time() - began:.1f} s after the server was there again")
            assert await on_fallback(caller) == 0 and said(server, "llm: the primary answers again")
            asked = [line["content"] for line in again.requests[0].body["messages"] if line["role"] == "user"]
            earlier = ["Who are you?", "And what can you do?", "What is the capital of France?", "And of Italy?"]
            assert [text for text, _ in itertools.groupby(asked)][:5] == [*earlier, "And of Spain?"], (
                "nothing is lost of what was said meanwhile"
            )
            await kill(again)
