"""Keeps both sides of every call on disk: two WAV files, and the text as JSON lines."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from s2s.messages import Audio, Reply, Sound, Transcript
from s2s.stage import Call, Stage

log = logging.getLogger("s2s.recorder")


@dataclass(kw_only=True)
class Recorder(Stage):
    """Writes `<call>-caller.wav`, `<call>-agent.wav` and `<call>.jsonl` into `folder`; sends nothing.

    A file ends where its sound changes its rate, and `-2` follows. A disk that fills up ends the recording, not the
    call.
    """

    folder: str = "recordings"
    audio: bool = True
    text: bool = True
    least_free_mb: int = 500

    commits = True

    def load(self) -> None:
        """Make the folder; raise OSError if it can't be written to or its disk is nearly full."""
        folder = Path(self.folder).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
            free_mb = shutil.disk_usage(folder).free >> 20
        except OSError as error:
            raise OSError(
                f"recorder.folder: can't write to '{folder}': {error.strerror or error}; choose another folder"
            ) from error
        if free_mb < self.least_free_mb:
            raise OSError(
                f"recorder.folder: {free_mb} MB free at '{folder}', less than least_free_mb={self.least_free_mb}; "
                "make room, or choose another folder"
            )
        self._folder = folder

    def run(self, call: Call, item: Audio | Sound | Transcript | Reply) -> Iterator[None]:
        """Write one item."""
        tape = self._tape(call)
        try:
            if isinstance(item, Transcript):
                if self.text and item.final:
                    tape.say("caller", item.text)
            elif isinstance(item, Reply):
                if self.text:
                    tape.reply(call.scope, item.text)
            elif self.audio:
                tape.sound("caller" if isinstance(item, Audio) else "agent", item.pcm, item.rate)
        except OSError as error:
            log.warning("the recording of call %s ends here: %s", call.id, error.strerror or error)
            tape.close()
        return iter(())

    def finish(self, call: Call) -> Iterator[None]:
        """Write the answer whose text is now whole."""
        self._tape(call).flush(call.scope)
        return iter(())

    def hangup(self, call: Call) -> None:
        """Close the files."""
        self._tape(call).close()

    def _tape(self, call: Call) -> _Tape:
        tape: _Tape | None = call.memory.get("recorder")
        if tape is None:
            tape = call.memory["recorder"] = _Tape(self._folder / re.sub(r"[^\w.-]", "_", call.id))
        return tape


class _Tape:
    """The open files of one call; once closed it takes nothing more."""

    def __init__(self, stem: Path) -> None:
        self._stem = stem
        self._closed = False
        self._sounds: dict[str, _Wav] = {}
        self._lines: TextIO | None = None
        self._scope = 0
        self._reply = ""

    def sound(self, who: str, pcm: bytes, rate: int) -> None:
        """Append sound to the file of `who`."""
        if self._closed:
            return
        if who not in self._sounds:
            self._sounds[who] = _Wav(self._stem.with_name(f"{self._stem.name}-{who}"))
        self._sounds[who].write(pcm, rate)

    def reply(self, scope: int, text: str) -> None:
        """Collect a piece of the answer in `scope`."""
        if scope != self._scope:
            self.flush()
        self._scope = scope
        self._reply += text

    def say(self, who: str, text: str) -> None:
        """Append a line of text, without the space around it, with its place on the caller's clock."""
        text = text.strip()
        if self._closed or not text:
            return
        if self._lines is None:
            self._lines = self._stem.with_name(f"{self._stem.name}.jsonl").open("a", encoding="utf-8", buffering=1)
        at_ms = round(self._sounds["caller"].ms) if "caller" in self._sounds else None
        self._lines.write(json.dumps({"at_ms": at_ms, "who": who, "text": text}, ensure_ascii=False) + "\n")

    def flush(self, scope: int | None = None) -> None:
        """Write the answer that was collected, if it is the one of `scope`."""
        if scope in (None, self._scope):
            text, self._reply = self._reply, ""
            self.say("agent", text)

    def close(self) -> None:
        """Write what is left and close the files."""
        if self._closed:
            return
        try:
            self.flush()
        except OSError as error:
            log.warning("the last words of %s are lost: %s", self._stem.name, error.strerror or error)
        self._closed = True
        for file in (*self._sounds.values(), self._lines):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()


class _Wav:
    """One side's sound: a WAV file for as long as the rate stays the same, then the next."""

    def __init__(self, stem: Path) -> None:
        self.ms = 0.0
        self._stem = stem
        self._file: wave.Wave_write | None = None
        self._rate = self._files = 0
        self._odd = b""

    def write(self, pcm: bytes, rate: int) -> None:
        """Append mono s16le sound; half a sample waits for its other half."""
        if self._file is None or rate != self._rate:
            self._next(rate)
        assert self._file is not None
        pcm = self._odd + pcm
        even = len(pcm) & ~1
        self._odd = pcm[even:]
        self._file.writeframesraw(pcm[:even])
        self.ms += even / 2 / rate * 1000

    def close(self) -> None:
        """Finish the header and close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _next(self, rate: int) -> None:
        self.close()
        self._files += 1
        number = f"-{self._files}" if self._files > 1 else ""
        file = wave.open(str(self._stem.with_name(f"{self._stem.name}{number}.wav")), "wb")  # noqa: SIM115
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        self._file, self._rate, self._odd = file, rate, b""
