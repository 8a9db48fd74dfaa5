"""A PulseAudio server with a virtual microphone and a virtual loudspeaker, and the local mode between them."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

HZ = 16000
SETUP = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={folder}/native
load-module module-null-sink sink_name=speaker rate=48000
load-module module-null-sink sink_name=mic_bus rate=48000
load-module module-remap-source master=mic_bus.monitor source_name=mic
set-default-sink speaker
set-default-source mic
"""
ALSA = "</usr/share/alsa/alsa.conf>\npcm.!default {type pulse}\nctl.!default {type pulse}\n"


def missing() -> str:
    """Say what this machine lacks, or nothing."""
    programs = [name for name in ("pulseaudio", "pactl", "paplay", "pacat", "parec") if shutil.which(name) is None]
    if programs:
        return f"{', '.join(programs)} not installed: apt-get install pulseaudio pulseaudio-utils"
    if not glob.glob("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so"):
        return "no PulseAudio for ALSA: apt-get install libasound2-plugins"
    if importlib.util.find_spec("sounddevice") is None:
        return "sounddevice not installed: pip install 's2s[mic]'"
    loads = subprocess.run([sys.executable, "-c", "import sounddevice"], capture_output=True, check=False)
    return "" if loads.returncode == 0 else "no PortAudio: apt-get install libportaudio2"


class SoundServer:
    """A running one: what is said reaches the virtual microphone, what the loudspeaker plays is recorded."""

    def __init__(self, folder: Path) -> None:
        (folder / "default.pa").write_text(SETUP.format(folder=folder))
        (folder / "asound.conf").write_text(ALSA)
        self.env = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        self._folder = folder
        self._said = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self._record = folder / "speaker.raw"
        self.begin()

    def begin(self) -> None:
        """Start the server, and what keeps it awake and records it."""
        folder = self._folder
        words = ["pulseaudio", "-n", f"--file={folder}/default.pa", "--exit-idle-time=-1", "--use-pid-file=no"]
        self._run(*words, "--daemonize=no")
        until((folder / "native").exists, 10, "no PulseAudio")
        for sink in ("mic_bus", "speaker"):  # a sink that nobody plays to sleeps, and wakes up too late
            self._run("pacat", "--playback", "-d", sink, "--latency-msec=40", "/dev/zero")
        form = [f"--rate={HZ}", "--channels=1", "--format=s16le", "--latency-msec=40"]
        with open(self._record, "ab") as file:
            self._run("parec", "-d", "speaker.monitor", *form, stdout=file)

    def _run(self, *words: str, stdout: object = subprocess.DEVNULL) -> None:
        process = subprocess.Popen(words, env=self.env, stdout=stdout, stderr=subprocess.DEVNULL)  # type: ignore[call-overload]
        self._processes.append(process)

    def say(self, samples: np.ndarray, hz: int) -> None:
        """Play 16-bit samples into the microphone, and return when they are over."""
        self.begin_to_say(samples, hz).wait(timeout=60)

    def begin_to_say(self, samples: np.ndarray, hz: int) -> subprocess.Popen[bytes]:
        """Play 16-bit samples into the microphone."""
        self._said += 1
        path = self._folder / f"said{self._said}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, hz, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        return subprocess.Popen(["paplay", "--device=mic_bus", str(path)], env=self.env)

    @contextlib.contextmanager
    def echo(self, volume: str) -> Iterator[None]:
        """Let the microphone hear the loudspeaker, as loud as PulseAudio's `volume`, until the block ends."""
        words = ("load-module", "module-loopback", "source=speaker.monitor", "sink=mic_bus", "latency_msec=60")
        module = self._control(*words).strip()
        inputs = [line.split() for line in self._control("list", "short", "sink-inputs").splitlines()]
        (number,) = (line[0] for line in inputs if "module-loopback.c" in line)
        self._control("set-sink-input-volume", number, volume)
        yield
        self._control("unload-module", module)

    def _control(self, *words: str) -> str:
        return subprocess.run(["pactl", *words], env=self.env, check=True, capture_output=True, text=True).stdout

    def heard(self, since: int = 0) -> np.ndarray:
        """What the loudspeaker has played by now, from a sample on, from -1 to 1."""
        data = self._record.read_bytes()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2")[since:].astype("f4") / 32768

    def silent_s(self) -> float:
        """For how long the loudspeaker has played nothing."""
        sound = np.flatnonzero(np.abs(self.heard()) > 0.002)
        return (len(self.heard()) - (sound[-1] if len(sound) else 0)) / HZ

    def close(self) -> None:
        """End all that was started here."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(timeout=10)
        self._processes.clear()
        (self._folder / "native").unlink(missing_ok=True)


class LocalProcess:
    """`s2s-run mode=local` with keys of a terminal; `captions` and `output` are its two streams."""

    def __init__(self, server: SoundServer, *words: str) -> None:
        self._keys, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "s2s", "mode=local", *words],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**server.env, "OMP_NUM_THREADS": "1"},
        )
        os.close(theirs)
        self.captions: list[str] = []
        self.output: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self.captions, self.process.stdout), (self.output, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def text(self) -> str:
        """All that it has told besides captions."""
        return "".join(self.output)

    def said(self, who: str) -> list[str]:
        """The captions of one side."""
        return [line.partition(":")[2].strip() for line in self.captions if line.startswith(f"{who}:")]

    @property
    def lost(self) -> tuple[int, ...]:
        """The blocks that were lost: by the microphone, on their way in, and late for the loudspeaker."""
        told = r"(\d+) by the microphone, (\d+) on their way in, (\d+) late"
        return tuple(sum(map(int, counts)) for counts in zip("000", *re.findall(told, self.text), strict=True))

    def type(self, key: str) -> None:
        """Press a key."""
        os.write(self._keys, key.encode())

    def latency_ms(self) -> float:
        """What it tells of the way through the devices."""
        found = re.search(r"(\d+) ms in the devices", self.text)
        assert found, self.text
        return float(found[1])

    def close(self) -> int:
        """Press Ctrl-C and return its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=20)
        os.close(self._keys)
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status


@contextlib.contextmanager
def talking(server: SoundServer, *words: str) -> Iterator[LocalProcess]:
    """Run the mode until the block ends, without a fault."""
    running = LocalProcess(server, *words)
    try:
        until(lambda: "ms in the devices" in running.text, 120, "it did not begin")
        yield running
    finally:
        status = running.close()
    assert status == 0, running.text
    assert "Traceback" not in running.text, running.text


def until(ready: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Return when `ready()`; fail after a while."""
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, otherwise
        time.sleep(0.02)
