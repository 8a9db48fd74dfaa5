"""Hears turns by a NeMo of another interpreter: python -m tests.backends.nemo.elsewhere MODEL PYTHON COUNT."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys

from s2s.messages import Speech
from s2s.place.options import Place
from s2s.place.process import ProcessPool
from s2s.settings import Settings
from s2s.stage import Call
from s2s.stt.parakeet_nemo import ParakeetNemo
from s2s.stt.recognizer import RATE
from tests.embedded.speech import turn_sound


async def heard(model: str, python: str, count: int) -> list[str]:
    """Return the transcripts of turns of the recording, made by a process of `python`."""
    pool = ProcessPool("stt", ParakeetNemo(model=model), Place(kind="process", python=python, timeout_s=120))
    try:
        await pool.start()
        texts = []
        for number in range(count):
            call = Call("caller", number, Settings(transcribe=False))
            speech = Speech(pcm=turn_sound(number, RATE).tobytes(), rate=RATE, mark="start")
            texts += [out.text for item in (speech, None) async for out in pool.run(call, item)]
        return texts
    finally:
        await pool.close()


if __name__ == "__main__":
    assert importlib.util.find_spec("nemo") is None, "NeMo is in this interpreter too"
    print(json.dumps(asyncio.run(heard(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
