"""Qwen3-TTS by its makers' package: voices by name, by description or cloned; sound comes while it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from s2s.stage import Call
from s2s.torch_models import Dtype, check_torchaudio, device, dtype, folder, limit_threads, quieten
from s2s.tts.loudness import Floats
from s2s.tts.qwen3_frames import Decoder, frames
from s2s.tts.qwen3_voice import Qwen3Voice
from s2s.weights import WeightsError

SILENCE_S = 0.5
"""Put after a recording that is cloned: its last sound would go on in the first word."""


@dataclass(kw_only=True)
class Qwen3(Qwen3Voice):
    """A Qwen3-TTS model of 12 Hz through torch, on a GPU or, far slower than speech, on a CPU."""

    model: str = "hf:Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice@0c0e3051f131929182e2c023b9537f8b1c68adfe"
    device: str = "auto"
    dtype: Dtype = "auto"
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    first_frames: int = 4
    threads: int = 1

    needs = ("qwen_tts", "torch")
    extra = "qwen3"

    def _models(self) -> list[str]:
        return [self.model]

    def load(self) -> None:
        """Load the model, and speak a few words into the void."""
        path = folder(self.model, "config.json", "speech_tokenizer/config.json")
        self._fit_folder(path)
        where = device(self.device)
        check_torchaudio()
        from qwen_tts import Qwen3TTSModel

        quieten()
        if where == "cpu":
            limit_threads(self.threads)
        # It was made in bfloat16, and is published so.
        kind = dtype("bfloat16" if self.dtype == "auto" and where != "cpu" else self.dtype, where)
        self._tts = Qwen3TTSModel.from_pretrained(
            str(path), device_map=where, dtype=kind, attn_implementation=self.attention
        )
        self._clone = self._cloned() if self._kind == "base" else None
        super().load()

    def close(self) -> None:
        """Let the model go."""
        self._tts = self._clone = None

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a text, the first ones soon."""
        model, clone = self._tts.model, self._clone
        decoder = Decoder(model.speech_tokenizer, clone["voice_clone_prompt"]["ref_code"][0] if clone else None)
        generate = partial(model.generate, **self._asked(call, text))
        size, new = self.first_frames, list[Any]()
        for frame in frames(model.talker, generate, partial(self.stopped, call)):
            new.append(frame)
            if len(new) >= size:
                yield decoder.sound(new)
                size, new = min(2 * size, self.chunk_frames), []
        if new and not self.stopped(call):
            yield decoder.sound(new)

    def _asked(self, call: Call, text: str) -> dict[str, Any]:
        """Return what the model is to speak, and how."""
        tts, speaker = self._tts, self.voice_of(call)
        # What would end the prompt is no word.
        said = tts._tokenize_texts([tts._build_assistant_text(text.replace("<|", "<"))])
        chance = {"temperature": self.temperature or None, "top_k": self.top_k, "top_p": self.top_p}
        sampled = False if self.temperature == 0 else None
        asked = tts._merge_generate_kwargs(
            do_sample=sampled,
            subtalker_dosample=sampled,
            max_new_tokens=self.most_frames(text),
            **chance,
            **{f"subtalker_{name}": value for name, value in chance.items()},
        )
        asked |= {"input_ids": said, "languages": [self._language]}
        if self._clone is not None:
            return {**asked, **self._clone, "non_streaming_mode": False}
        how = tts._tokenize_texts([tts._build_instruct_text(self.instructions)])[0] if self.instructions else None
        return {**asked, "instruct_ids": [how], "speakers": [speaker], "non_streaming_mode": True}

    def _cloned(self) -> dict[str, Any]:
        """Return what the model is to know of the voice of the recording."""
        import soundfile

        tts, path = self._tts, self._recording()
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except RuntimeError as error:
            raise WeightsError(f"ref_audio: {path} can't be read as sound: {error}; give a WAV, FLAC or Ogg") from error
        heard = np.concatenate([samples.mean(1), np.zeros(int(SILENCE_S * rate), np.float32)])
        voices = tts.create_voice_clone_prompt((heard, rate), self.ref_text, x_vector_only_mode=self.xvec_only)
        words = None if self.xvec_only else tts._tokenize_texts([tts._build_ref_text(self.ref_text)])[0]
        return {"voice_clone_prompt": tts._prompt_items_to_voice_clone_prompt(voices), "ref_ids": [words]}
