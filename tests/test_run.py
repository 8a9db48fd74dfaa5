"""The process: what it says when it can't begin, and how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets
from websockets.sync.client import ClientConnection, connect

from s2s.paths import PACKAGE

STAGES = {
    "vad": "ScriptedVad",
    "turn": "ScriptedTurn",
    "stt": "ScriptedStt",
    "llm": "ScriptedLlm",
    "tts": "ScriptedTts",
}
OPTIONS = {"llm": "endless: true"}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A config folder with the option `scripted` for every stage, and one that never finishes loading."""
    for group, name in STAGES.items():
        place = "inline" if group in ("vad", "turn") else "loop"
        text = f"_target_: s2s.testing.stages.{name}\nplace: {{kind: {place}}}\n{OPTIONS.get(group, '')}\n"
        (tmp_path / group).mkdir()
        (tmp_path / group / "scripted.yaml").write_text(text)
    weights = "_target_: tests.loading.Weighty\nplace: {kind: thread}\nsource: ???\n"
    (tmp_path / "vad" / "weighty.yaml").write_text(weights)
    (tmp_path / "vad" / "loading.yaml").write_text("_target_: tests.loading.Loading\nplace: {kind: thread}\n")
    return tmp_path


def command(conf: Path, *words: str) -> list[str]:
    chosen = [f"{group}=scripted" for group in STAGES if not any(word.startswith(f"{group}=") for word in words)]
    port = [] if any("port" in word for word in words) else ["mode.realtime.port=0"]
    port += [] if any("drain_s" in word for word in words) else ["drain_s=0"]
    return [sys.executable, "-m", "s2s", "--config-dir", str(conf), *chosen, *port, *words]


ENV = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}


def ends(conf: Path, *words: str) -> tuple[int, str]:
    """Run to the end; return the exit status and what it said."""
    done = subprocess.run(command(conf, *words), env=ENV, capture_output=True, text=True, timeout=30)
    assert done.stdout == ""
    return done.returncode, done.stderr


class Running:
    """A process that runs until it is told to end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, pattern: str) -> re.Match[str]:
        """Return the first match in what it says; fail when it ends before."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError("it ended:\n" + "".join(self.lines))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit status and all that it said."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        self.lines += self.process.stderr.readlines()
        return self.process.wait(timeout=10), "".join(self.lines)


@contextlib.contextmanager
def running(conf: Path, *words: str) -> Iterator[Running]:
    """Run a process, which is killed at the end of the block or after 30 s."""
    process = subprocess.Popen(
        command(conf, *words), env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    watch = threading.Timer(30, process.kill)
    watch.start()
    try:
        yield Running(process)
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def begin_an_answer(client: ClientConnection) -> None:
    """Have the agent speak."""
    client.send('{"type": "response.create"}')
    while "output_audio.delta" not in str(client.recv(timeout=5)):
        pass


def read_on(client: ClientConnection) -> None:
    """Read until the connection is closed."""
    while True:
        client.recv(timeout=5)


def test_a_port_in_use_is_said_before_any_model_loads(conf: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = ends(conf, f"mode.realtime.port={port}", "vad=loading")
    text = f"mode.realtime.port: {port} is in use on 127.0.0.1; choose another, or stop what listens there\n"
    assert (status, said) == (2, text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_closes_every_socket(conf: Path, number: signal.Signals) -> None:
    with running(conf) as server:
        url = server.until(r"(ws://\S+/v1/realtime)")[1]
        with connect(url) as idle, connect(url, max_size=None) as busy:
            assert "session.created" in str(idle.recv(timeout=5)) and "session.created" in str(busy.recv(timeout=5))
            begin_an_answer(busy)
            status, said = server.end(number)
            for client in (idle, busy):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    read_on(client)
                assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
        assert status == 0, said
        assert "Traceback" not in said and "Error" not in said, said


SHORT = ("drain_s=20", "llm.endless=false", "tts.seconds=0.05")


def turned_away(url: str) -> str:
    """Connect until nobody is let in, since a signal takes a moment to arrive; return what is said then."""
    told = "session.created"
    while "session.created" in told:
        with connect(url) as late:
            told = str(late.recv(timeout=5))
    return told


def test_an_answer_under_way_is_finished_before_the_end_and_nobody_is_let_in(conf: Path) -> None:
    with running(conf, *SHORT) as server:
        url = server.until(r"(ws://\S+/v1/realtime)")[1]
        with connect(url, max_size=None) as busy:
            begin_an_answer(busy)
            server.process.send_signal(signal.SIGTERM)
            told = turned_away(url)
            assert "session_limit_reached" in told and "about to end" in told
            frame = ""
            while "response.done" not in frame:
                frame = str(busy.recv(timeout=5))
            assert '"status":"completed"' in frame.replace(" ", "")
            with pytest.raises(websockets.ConnectionClosed):
                read_on(busy)
        assert server.process.wait(timeout=10) == 0


def test_a_second_signal_ends_it_at_once(conf: Path) -> None:
    with running(conf, "drain_s=60") as server:
        url = server.until(r"(ws://\S+/v1/realtime)")[1]
        with connect(url, max_size=None) as busy:
            begin_an_answer(busy)
            server.process.send_signal(signal.SIGINT)
            assert "about to end" in turned_away(url)
            assert server.end(signal.SIGINT)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_models_load(conf: Path, number: signal.Signals) -> None:
    with running(conf, "vad=loading") as server:
        server.until("loading for ever")
        status, said = server.end(number)
        assert status == 0 and said.endswith("stopped before the models were loaded\n")
        assert "Traceback" not in said


def flood(plain: socket.socket, data: bytes) -> None:
    """Send it until the other side takes no more."""
    while True:
        plain.sendall(data)


def test_a_client_that_does_not_read_does_not_keep_it_from_ending(conf: Path) -> None:
    with running(conf, "tts.seconds=0.0", "tts.ms_per_word=5000", "llm.seconds=0.001") as server:
        host, port = server.until(r"ws://([\d.]+):(\d+)/v1/realtime").groups()
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((host, int(port)))
        plain.settimeout(None)
        plain.sendall(
            b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert plain.recv(12) == b"HTTP/1.1 101"
        plain.sendall(b'\x81\x9b\0\0\0\0{"type": "response.create"}')
        update = b'{"type": "session.update", "session": {"type": "realtime", "instructions": "%s"}}' % (b"x" * 60_000)
        plain.settimeout(0.5)
        with pytest.raises(TimeoutError):
            flood(plain, b"\x81\xfe" + len(update).to_bytes(2, "big") + bytes(4) + update)
        status, said = server.end(signal.SIGTERM)
        plain.close()
        assert status == 0 and "Traceback" not in said, said


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{folder}/no.bin", "no such file or folder"),
        ("{folder}/wrong.bin#sha256=" + 64 * "0", "wrong sha256: expected " + 64 * "0"),
    ],
)
def test_weights_that_cant_be_had_are_said_without_a_traceback(conf: Path, source: str, reason: str) -> None:
    (conf / "wrong.bin").write_bytes(b"other")
    status, said = ends(conf, "vad=weighty", f"vad.source='{source.format(folder=conf)}'")
    assert status == 1
    assert said.startswith("vad: ") and reason in said and said.count("\n") == 1, said


def test_several_stages_that_fail_are_said_together(conf: Path) -> None:
    (conf / "turn" / "failing.yaml").write_text("_target_: tests.loading.Failing\nplace: {kind: inline}\n")
    status, said = ends(conf, "vad=weighty", f"vad.source={conf}/no.bin", "turn=failing")
    assert status == 1
    assert [line.split(":")[0] for line in said.splitlines()] == ["vad", "turn"], said
