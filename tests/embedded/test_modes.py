"""Every mode of the network at once over one engine of real models, each spoken to by the client that we ship."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2s.build import build
from s2s.call import LiveCall
from s2s.compose import compose
from s2s.engine import Engine
from s2s.paths import PACKAGE
from tests.embedded.other_ears import heard_back
from tests.embedded.speech import TURNS, turn_sound, word_error_rate
from tests.modes.lines import until

pytestmark = [pytest.mark.anyio, pytest.mark.embedded]

HZ = 16000
CLIENTS = PACKAGE.parent / "clients"
MODES = ("realtime", "socket", "websocket")
LONGEST_S = 60.0
"""After which a caller who got no answer hangs up."""


class Deployment:
    """A running engine and its modes; `calls` are all that there were."""

    def __init__(self, engine: Engine, modes: dict[str, Any]) -> None:
        self.engine = engine
        self.modes = modes
        self.calls: dict[str, LiveCall] = {}
        self.most = 0

    def command(self, mode: str) -> list[str]:
        """The client of a mode, and where it connects."""
        served = self.modes[mode]
        if mode == "realtime":
            return ["listen_and_play_realtime.py", "--port", str(served._listener.port)]
        if mode == "websocket":
            return ["listen_and_play.py", "--url", f"ws://{served.address}/"]
        ports = served._receiving.port, served._sending.port
        return ["listen_and_play.py", "--send_port", str(ports[0]), "--recv_port", str(ports[1])]

    async def talk(
        self, mode: str, said: np.ndarray, folder: Path, enough: Callable[[LiveCall], bool]
    ) -> tuple[LiveCall, np.ndarray]:
        """Let the client of a mode say something and end it once its call has `enough`.

        Returns the call, and what the client's speaker played as float samples.
        """
        spoken, heard = folder / f"{mode}-in.wav", folder / f"{mode}-out.wav"
        write(spoken, said)
        words = [*self.command(mode), "--input-wav", str(spoken), "--output-wav", str(heard), "--tail", str(LONGEST_S)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CLIENTS / words[0]),
            *words[1:],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        while process.returncode is None and not any(map(enough, self._of(mode))):
            await asyncio.sleep(0.02)
            self.most = max(self.most, len(self.engine.calls))
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        out, errors = await process.communicate()
        assert process.returncode == 0, (out + errors).decode()
        with wave.open(str(heard)) as file:
            assert file.getframerate() == HZ
            return self._of(mode)[-1], np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768

    def _of(self, mode: str) -> list[LiveCall]:
        """The calls of a mode, by what carries them."""
        kinds = {"realtime": "Connection", "socket": "Line", "websocket": "Line"}
        found = [call for call in self.calls.values() if type(call._sink).__name__ == kinds[mode]]
        told = [call for call in found if (call._sink.__dict__.get("_tell_also") is not None) == (mode == "websocket")]
        return told if mode != "realtime" else found


def write(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, HZ, 0, "NONE", ""))
        file.writeframes(np.concatenate([np.zeros(HZ // 2, "<i2"), samples]).astype("<i2").tobytes())


@contextlib.asynccontextmanager
async def deployed(*words: str) -> AsyncIterator[Deployment]:
    ports = ["mode.realtime.port=0", "mode.websocket.port=0", "mode.socket.recv_port=0", "mode.socket.send_port=0"]
    made = build(compose(f"mode=[{','.join(MODES)}]", *ports, "turn=silence", *words))
    for name, mode in made.modes.items():
        mode.bind(f"mode.{name}")
    async with Engine(made.graph, made.sessions, speculation=made.speculation) as engine:
        for mode in made.modes.values():
            mode.open()
        serving = [asyncio.create_task(mode.serve(engine)) for mode in made.modes.values()]
        deployment = Deployment(engine, made.modes)
        opened = engine.call

        def call(*arguments: Any, **options: Any) -> LiveCall:
            found = opened(*arguments, **options)
            deployment.calls[found.id] = found
            return found

        engine.call = call  # type: ignore[method-assign]
        try:
            yield deployment
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)


def lines(call: LiveCall, role: str) -> list[str]:
    """What was said in a call by one side."""
    return [item.text for item in items(call, role)]


def answer(call: LiveCall) -> str:
    """All that the assistant said in a call."""
    return " ".join(lines(call, "assistant"))


def items(call: LiveCall, role: str) -> list[Any]:
    return [item for item in call.state.items if item.role == role]


def played(call: LiveCall) -> bool:
    """Whether an answer was said to its end, and its sound has had the time to be played."""
    playing = call.state.playing
    return playing is not None and call._clock() > playing.since + playing.sound_ms / 1000 + 0.5


async def test_callers_of_all_modes_are_heard_and_answered_at_once_over_one_copy_of_the_models(tmp_path: Path) -> None:
    async with deployed() as deployment:
        talks = [deployment.talk(mode, turn_sound(number, HZ), tmp_path, played) for number, mode in enumerate(MODES)]
        results = await asyncio.gather(*talks)
        assert deployment.most == len(MODES), "all at once"
        assert {pool["replicas"] for pool in deployment.engine.statistics().values()} == {1}
        await until(lambda: not deployment.engine.calls, 20)
    heard = [(TURNS[number][2], " ".join(lines(call, "user"))) for number, (call, _) in enumerate(results)]
    said = [(words, heard_back(words, sound)) for words, sound in ((answer(call), sound) for call, sound in results)]
    for mode, one, other in zip(MODES, heard, said, strict=True):
        print(f"\n{mode}: {word_error_rate([one]):.3f} in, {word_error_rate([other]):.3f} back", one, other)
    assert word_error_rate(heard) <= 0.10, heard
    assert word_error_rate(said) <= 0.15, said


@pytest.mark.parametrize("mode", MODES)
async def test_who_speaks_into_an_answer_stops_it_and_is_answered(mode: str, tmp_path: Path) -> None:
    pause = np.zeros(round(1.4 * HZ), "<i2")
    both = np.concatenate([turn_sound(0, HZ), pause, turn_sound(1, HZ)])
    async with deployed("llm.enough=null", "llm.max_tokens=80") as deployment:
        told = "Tell a very long story with many sentences."
        deployment.modes[mode].instructions = told
        call, sound = await deployment.talk(mode, both, tmp_path, lambda call: len(items(call, "assistant")) == 2)
    first, *_ = items(call, "assistant")
    assert len(items(call, "user")) == 2 and len(items(call, "assistant")) == 2
    assert first.heard_ms is not None and first.heard_ms < first.sound_ms, "it was cut off, and history knows where"
    print(f"\n{mode}: {first.heard_ms:.0f} of {first.sound_ms:.0f} ms heard; {len(sound) / HZ:.1f} s played")


def test_a_client_without_a_server_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    write(path, turn_sound(0, HZ))
    for words in (["listen_and_play.py", "--send_port", "9"], ["listen_and_play_realtime.py", "--port", "9"]):
        told = subprocess.run(
            [sys.executable, str(CLIENTS / words[0]), *words[1:], "--input-wav", str(path), "--output-wav", os.devnull],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert told.returncode == 1 and "no server at" in told.stderr and "Traceback" not in told.stderr
