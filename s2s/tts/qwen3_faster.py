"""Qwen3-TTS by faster-qwen3-tts: CUDA graphs on NVIDIA, or GGML there and on Apple; sound comes while it is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from s2s.stage import Call
from s2s.torch_models import Dtype, check_torchaudio, device, dtype, folder
from s2s.tts.loudness import Floats
from s2s.tts.qwen3_voice import LANGUAGES, Qwen3Voice
from s2s.weights import resolve

GGUF = "hf:Serveurperso/Qwen3-TTS-GGUF@b7ee2e8c7459c3bea99da23e3d178125a7d1713c/"


@dataclass(kw_only=True)
class Qwen3Faster(Qwen3Voice):
    """A Qwen3-TTS model of 12 Hz, several times as fast as by its makers' package."""

    backend: Literal["auto", "torch", "ggml"] = "auto"
    model: str = "hf:Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice@0c0e3051f131929182e2c023b9537f8b1c68adfe"
    talker: str = f"{GGUF}qwen-talker-1.7b-customvoice-BF16.gguf"
    codec: str = f"{GGUF}qwen-tokenizer-12hz-BF16.gguf"
    device: str = "auto"
    dtype: Dtype = "auto"
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    context: int = 2048
    chunk_frames: int = 8

    needs = ("faster_qwen3_tts", "torch")
    extra = "qwen3-faster"

    def _models(self) -> list[str]:
        return [self.talker, self.codec] if self._ggml else [self.model]

    @property
    def _ggml(self) -> bool:
        """Whether the model is one of GGML: by choice, or because its library is here."""
        return self.backend == "ggml" or (
            self.backend == "auto" and importlib.util.find_spec("qwentts_cpp") is not None
        )

    def load(self) -> None:
        """Load the model, and speak a few words into the void."""
        self._tts = self._from_gguf() if self._ggml else self._from_torch()
        self._heard = self._recording() if self._kind == "base" else None
        super().load()

    def close(self) -> None:
        """Let the model go."""
        self._tts = None

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a text in pieces of `chunk_frames`."""
        tts, make = self._tts, dict[str, Callable[..., Any]]()
        make["custom_voice"] = tts.generate_custom_voice_streaming
        make["base"] = tts.generate_voice_clone_streaming
        make["voice_design"] = tts.generate_voice_design_streaming
        # What would end the prompt is no word.
        with closing(make[self._kind](text=text.replace("<|", "<"), **self._asked(call, text))) as pieces:
            for samples, *_ in pieces:
                yield np.asarray(samples, np.float32).reshape(-1)
                if self.stopped(call):
                    return

    def _asked(self, call: Call, text: str) -> dict[str, Any]:
        """Return how the model is to speak."""
        chance = {"temperature": self.temperature or None, "top_k": self.top_k, "top_p": self.top_p}
        asked: dict[str, Any] = {name: value for name, value in chance.items() if value is not None}
        asked |= {"language": self._language, "max_new_tokens": self.most_frames(text), "chunk_size": self.chunk_frames}
        if self.temperature == 0:
            asked["do_sample"] = False
        if self._kind == "base":
            return {**asked, "ref_audio": self._heard, "ref_text": self.ref_text or "", "xvec_only": self.xvec_only}
        speaker = {"speaker": self.voice_of(call)} if self._kind == "custom_voice" else {}
        return {**asked, **speaker, "instruct": self.instructions}

    def _from_gguf(self) -> Any:
        """Return a model of two GGUF files."""
        if importlib.util.find_spec("qwentts_cpp") is None:
            raise ValueError(
                "backend: ggml needs the package qwentts-cpp-python, whose wheels are for CUDA on Linux and for Macs "
                "with Apple's chips; install it, or say backend=torch"
            )
        talker, codec = resolve(self.talker), resolve(self.codec)
        from faster_qwen3_tts import FasterQwen3TTS

        tts = FasterQwen3TTS.from_pretrained(
            talker.stem, backend="ggml", gguf_talker_path=talker, gguf_codec_path=codec, qwentts_log_level="error"
        )
        names = tts.get_supported_speakers()
        kind = "custom_voice" if names else "base" if self.ref_audio is not None else "voice_design"
        self._fit(kind, names, LANGUAGES.values())
        return tts

    def _from_torch(self) -> Any:
        """Return a model of a folder, whose steps are recorded as CUDA graphs."""
        path = folder(self.model, "config.json", "speech_tokenizer/config.json")
        self._fit_folder(path)
        where = device(self.device)
        if not where.startswith("cuda"):
            raise ValueError(f"device: {where} has no CUDA graphs; say tts=qwen3, or backend=ggml where its library is")
        check_torchaudio()
        from faster_qwen3_tts import FasterQwen3TTS

        tts = FasterQwen3TTS.from_pretrained(
            str(path),
            device=where,
            dtype=dtype("bfloat16" if self.dtype == "auto" else self.dtype, where),
            attn_implementation=self.attention,
            max_seq_len=self.context,
        )
        tts.warmup()
        return tts
