"""Real clients, unmodified, in environments of their own, go a whole round with the embedded stack by real speech.

Each script under `node/` and `python/` speaks and hears at the pace of sound, calls a function, interrupts, keeps a
history and pushes to talk; it prints what happened as JSON and ends with 0 only where nothing was dropped or refused.
`make test-clients` sets the environments up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.tls import self_signed
from tests.embedded.server import Server
from tests.embedded.speech import TURNS, normalise, turn_sound, word_error_rate

pytestmark = pytest.mark.embedded

HERE = Path(__file__).parent
ENVIRONMENTS = Path(sys.prefix) / "clients"
KEY = "sk-for-the-tests"
HZ = 24000

CLIENTS: dict[str, tuple[str, ...]] = {
    "openai-python async": ("python", "", "openai_ga.py"),
    "openai-python sync": ("python", "", "openai_ga.py", "--sync"),
    "openai-python 1.x beta": ("python", "openai-1", "openai_beta.py"),
    "openai-python 2.x async": ("python", "openai-2", "openai_ga.py"),
    "openai-python 2.x sync": ("python", "openai-2", "openai_ga.py", "--sync"),
    "pipecat": ("python", "pipecat", "pipecat_realtime.py"),
    "livekit": ("python", "livekit", "livekit_realtime.py"),
    "openai-node": ("node", "node", "openai_ws.mjs"),
    "openai-agents-realtime": ("node", "node", "agents_realtime.mjs"),
    "openai-realtime-api beta": ("node", "node", "openai_realtime_api.mjs"),
}
"""What runs each client: its language, its environment, its script and further arguments."""

ALWAYS = ("openai-python async", "openai-python 1.x beta")
"""Those that `make test` runs."""
CASES = [
    pytest.param("wss" if how[0] == "node" else "ws", name, marks=() if name in ALWAYS else pytest.mark.clients)
    for name, how in CLIENTS.items()
]
"""Each client with the server that it is for: those of Node want TLS."""


@pytest.fixture(scope="module")
def wavs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two turns of real human speech."""
    paths = []
    for number in (0, 1):
        path = tmp_path_factory.mktemp("speech") / f"turn{number}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, HZ, 0, "NONE", ""))
            file.writeframes(turn_sound(number, HZ).tobytes())
        paths.append(str(path))
    return paths


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The embedded stack behind a key, in the clear or by a certificate of its own; a constant silence ends turns."""
    options = ["mode.realtime.tls=self-signed"] if request.param == "wss" else []
    running = Server("turn=silence", *options, env={"S2S_API_KEYS": KEY})
    yield running
    assert running.close() == 0, "".join(running.output)
    assert "Traceback" not in "".join(running.output), "".join(running.output)


def command(name: str) -> list[str] | None:
    """The command that runs a client, None where its environment was not set up."""
    language, environment, script, *more = CLIENTS[name]
    path = str(HERE / language / script)
    if language == "node":
        modules = ENVIRONMENTS / environment / "node_modules"
        return ["node", str(ENVIRONMENTS / environment / script), *more] if modules.is_dir() else None
    python = ENVIRONMENTS / environment / "bin" / "python" if environment else Path(sys.executable)
    return [str(python), path, *more] if python.exists() else None


@pytest.mark.parametrize(("server", "name"), CASES, indirect=["server"], scope="module")
def test_a_client_goes_a_whole_round_cleanly(name: str, server: Server, wavs: list[str]) -> None:
    line = command(name)
    if line is None:
        pytest.skip("its environment is not here; make test-clients sets it up")
    trust = ["--ca", self_signed("127.0.0.1").cert] if server.url.startswith("https") else []
    run = subprocess.run(
        [*line, "--url", server.url, "--key", KEY, *trust, "--wav", wavs[0], "--wav2", wavs[1]],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    assert run.stdout.strip(), run.stderr[-3000:]
    told = json.loads(run.stdout.strip().splitlines()[-1])
    print(json.dumps(told, indent=1, ensure_ascii=False))
    assert run.returncode == 0, json.dumps(told, indent=1) + run.stderr[-2000:]
    assert not told["errors"] and not told["dropped"] and all(part["ok"] for part in told["rounds"].values())
    heard = told["rounds"]["voice"]["heard"]
    assert word_error_rate([(normalise(TURNS[0][2]), normalise(heard))]) <= 0.1, heard
