"""Three MLX models in one process, each in a worker thread of its own as `place: thread` has it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from s2s.llm.mlx_lm import MlxLm
from s2s.messages import Clause, Line, Message, Prompt, ReplyEnd, Sound, Speech, Transcript
from s2s.place.options import Place
from s2s.place.thread import ThreadPool
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.stt.mlx_parakeet import MlxParakeet
from s2s.testing.speech import sample
from s2s.tts.mlx_qwen3 import MlxQwen3
from tests.backends.mlx import llama, parakeet, qwen3
from tests.backends.suite import built

CALLERS = 2


def test_models_run_in_the_thread_that_loaded_them_at_the_same_time_and_the_process_ends_well() -> None:
    # In a process of its own: what MLX does not like it ends with, after all tests have passed.
    made = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True, timeout=240, check=False)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == "all there", made.stdout


async def everything() -> None:
    """Run two replicas of the language model, and a recogniser and a voice besides."""
    prompt = Prompt(lines=(Line(role="user", text="hello"),))
    pools = [
        pool(MlxLm(model=str(built("llama", llama.build)), temperature=0.8, max_tokens=24), replicas=2),
        pool(MlxParakeet(model=str(built("parakeet", parakeet.build)))),
        pool(MlxQwen3(model=str(built("qwen3", qwen3.build)), quantization=None, max_tokens=2, chunk_frames=2)),
    ]
    await asyncio.gather(*(one.start() for one in pools))
    speech = Speech(pcm=sample(16000).pcm[:32000], rate=16000, mark="start")
    try:
        for _ in range(2):
            given = await asyncio.gather(
                *(outputs(pools[0], Call(str(n), 1, Settings(temperature=0.8)), prompt) for n in range(CALLERS)),
                *(outputs(pools[1], Call(str(n), 1, Settings()), speech, None) for n in range(CALLERS)),
                outputs(pools[2], Call("0", 1, Settings()), Clause(text="Hello.")),
            )
            assert [type(out[-1]) for out in given] == [ReplyEnd] * CALLERS + [Transcript] * CALLERS + [Sound]
    finally:
        for one in pools:
            await one.close()


def pool(stage: Stage, replicas: int = 1) -> ThreadPool:
    """Place a stage as the engine does."""
    return ThreadPool(type(stage).__name__, stage, Place(replicas=replicas))


async def outputs(pool: ThreadPool, call: Call, *items: Message | None) -> list[object]:
    """Return what a stage gives for the items."""
    return [out for item in items async for out in pool.run(call, item)]


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    asyncio.run(everything())
    print("all there")
