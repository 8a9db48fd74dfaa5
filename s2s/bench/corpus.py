"""Speech to measure with: clips of known words, put together to turns whose true end is known to the sample.

A folder holds a `manifest.json` like the shipped one, or just WAV files, each with its words in a `.txt` beside it.
"""

from __future__ import annotations

import json
import random
import wave
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2s.audio import Resampler
from s2s.paths import PACKAGE

SHIPPED = PACKAGE / "bench" / "corpus"
QUIET = 10 ** (-42 / 20)
"""Loudness of a block of 10 ms, of 1, below which a WAV file without a manifest is taken as silent."""
SEEDS = 1_000_003
"""How far the seeds of two rounds lie apart."""
FLOOR = 10 ** (-66 / 20)
"""Loudness of the noise that lies under every turn, pauses included: no room is quieter."""


class Turn(NamedTuple):
    """What a caller says in one go: mono s16le at `rate` Hz, which begins with speech and ends with it."""

    kind: str
    voice: str
    text: str
    pcm: bytes
    rate: int
    pauses_ms: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate


class CorpusError(ValueError):
    """A corpus that can't be read; the message says which file, and what is wrong."""


class Corpus:
    """The turns of a folder, the same for the same `seed`."""

    def __init__(self, folder: str | Path | None = None, seed: int = 1, rate: int = 24000) -> None:
        self.folder = SHIPPED if folder is None else Path(folder).expanduser()
        self.rate = rate
        self.seed = seed
        self._random = random.Random(seed)
        self._files: dict[str, tuple[NDArray[np.int16], int]] = {}

    @cached_property
    def turns(self) -> list[Turn]:
        """Every turn, in the order of the manifest."""
        path = self.folder / "manifest.json"
        if not self.folder.is_dir():
            raise CorpusError(f"{self.folder}: no such folder of speech")
        found = self._of_manifest(path) if path.is_file() else self._of_files()
        if not found:
            raise CorpusError(f"{self.folder}: no manifest.json and no WAV file in it")
        return found

    def of(self, *kinds: str, least: int = 0) -> list[Turn]:
        """The turns of these kinds, again until there are `least` of them, each time with other pauses."""
        found = [turn for turn in self.turns if turn.kind in kinds]
        rounds = 0
        while found and len(found) < least:
            rounds += 1
            again = Corpus(self.folder, self.seed + SEEDS * rounds, self.rate)
            found += [turn for turn in again.turns if turn.kind in kinds]
        return found

    def _of_manifest(self, path: Path) -> list[Turn]:
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            return [self._turn(manifest, entry) for entry in manifest["turns"]]
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise CorpusError(f"{path}: not a manifest of speech: {error!r}") from error

    def _turn(self, manifest: dict[str, Any], entry: dict[str, Any]) -> Turn:
        clips = [manifest["clips"][name] for name in entry["clips"]]
        shortest, longest = manifest["pauses_ms"].get(entry["kind"], (0, 0))
        pauses = tuple(self._random.randint(shortest, longest) for _ in clips[1:])
        pieces: list[NDArray[np.int16]] = []
        rate = 0
        for number, clip in enumerate(clips):
            samples, rate = self._file(self.folder / clip["file"])
            if number:
                pieces.append(np.zeros(rate * pauses[number - 1] // 1000, np.int16))
            pieces.append(samples[round(clip["from_s"] * rate) : round(clip["to_s"] * rate)])
        text = " ".join(clip["text"] for clip in clips)
        voice = clips[0]["file"].rpartition(".")[0]
        return Turn(entry["kind"], voice, text, self._made(np.concatenate(pieces), rate), self.rate, pauses)

    def _of_files(self) -> list[Turn]:
        turns = []
        for path in sorted(self.folder.glob("*.wav")):
            samples, rate = self._file(path)
            words = path.with_suffix(".txt")
            text = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
            size = rate // 100
            blocks = samples[: len(samples) // size * size].reshape(-1, size) / 32768
            loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > QUIET)
            if len(loud):
                speech = samples[loud[0] * size : (loud[-1] + 1) * size]
                turns.append(Turn("plain", path.stem, text, self._made(speech, rate), self.rate))
        return turns

    def _file(self, path: Path) -> tuple[NDArray[np.int16], int]:
        if path.name not in self._files:
            try:
                with wave.open(str(path)) as file:
                    shape = (file.getnchannels(), file.getsampwidth())
                    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                    self._files[path.name] = samples, file.getframerate()
            except (OSError, EOFError, wave.Error) as error:
                raise CorpusError(f"{path}: {error}") from error
            if shape != (1, 2):
                raise CorpusError(f"{path}: a mono WAV file of 16 bits is needed, not {shape[0]} of {shape[1] * 8}")
        return self._files[path.name]

    def _made(self, samples: NDArray[np.int16], rate: int) -> bytes:
        noise = np.random.default_rng(self._random.getrandbits(32)).normal(0, FLOOR * 32768, len(samples))
        pcm = np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes()
        if rate == self.rate:
            return pcm
        resampler = Resampler(self.rate)
        return resampler.push(pcm, rate) + resampler.flush()
