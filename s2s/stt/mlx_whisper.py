"""Whisper through MLX, on sound padded to 8 s instead of 30: for the GPU of an Apple computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.log_mel import log_mel
from s2s.mlx_models import Dtype, dtype, folder, loading, release, stream
from s2s.stt.padding import NO_SPEECH, UNSURE, heard, longest, padded
from s2s.stt.recognizer import RATE, Heard, Recognizer
from s2s.stt.whisper_languages import code_of, language_of, token_of
from s2s.weights import WeightsError, resolve

STAMPS = 1501
"""Timestamps that the model knows and its tokenizer may not."""
SYMBOLS = frozenset("\"#()*+-/:;<=>@[\\]^_'`{|}~「」『』♩♪♫♬♭♮♯")
"""Of these alone are tokens made that no speech has: brackets around a noise, notes, a dash for another speaker."""
SPOKEN = ("-", "'")
"""Inside a word."""


@dataclass(kw_only=True)
class MlxWhisper(Recognizer):
    """A Whisper model in MLX's layout or that of transformers; English-only models refuse another language."""

    model: str = "hf:mlx-community/whisper-large-v3-turbo@a4aaeec0636e6fef84abdcbe3544cb2bf7e9f6fb"
    tokenizer: str = "hf:openai/whisper-large-v3-turbo@41f01f3fe87f28c78e2fbf8b568835947dd65ed9/tokenizer.json"
    language: str | None = None
    pad_s: float = 8.0
    dtype: Dtype = "auto"
    device: str = "auto"

    needs = ("mlx_audio", "tokenizers")
    extra = "mlx"
    honours = frozenset({"transcribe", "language"})

    def weights(self) -> list[str]:
        """Return the sources of the model's folder and of a tokenizer for a folder without one."""
        return [self.model, self.tokenizer]

    def load(self) -> None:
        """Load the model and run it once."""
        super().load()
        import mlx.core as mx
        import tokenizers
        from mlx.utils import tree_flatten
        from mlx_audio.stt.models.whisper import whisper
        from mlx_audio.utils import apply_quantization, load_config, load_weights

        source = folder(self.model)
        self._stream = stream(self.device)
        with loading(self.model, self._stream):
            config, weights = load_config(source), load_weights(source)
            self._model = whisper.Model(
                whisper.ModelDimensions.from_dict(config), dtype(self.dtype, self._stream, "float16")
            )
            weights = self._model.sanitize(weights)
            apply_quantization(self._model, config, weights)
            known = {name for name, _ in tree_flatten(self._model.parameters())}
            self._model.load_weights([(name, value) for name, value in weights.items() if name in known])
            self._model.eval()
            mx.eval(self._model.parameters())
        self._positions = self._model.encoder._positional_embedding
        own = source / "tokenizer.json"
        path = own if own.is_file() else resolve(self.tokenizer)
        self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        self._learn(path)
        self.transcribe(np.zeros(RATE, np.float32), None)

    def close(self) -> None:
        """Let the model go."""
        self._model = self._positions = None
        release()

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`, of which the first 30 s are heard."""
        return self.hear(samples, language, ()).text

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        """Return the words and their language."""
        import mlx.core as mx

        find, multilingual = self._tokenizer.token_to_id, self._model.is_multilingual
        code = code_of(language or self.language, multilingual, lambda code: find(token_of(code)) is not None)
        length_s = len(samples) / RATE

        def once(padded_s: float) -> str:
            nonlocal code
            self.check()
            encoded = self._encode(padded(samples, padded_s))
            code = code or self._guess(encoded)
            task = [token_of(code), "<|transcribe|>"] if multilingual else []
            prompt = ["<|startoftranscript|>", *task, "<|notimestamps|>"]
            return self._decode(encoded, [self._id(token) for token in prompt], longest(length_s))

        with mx.stream(self._stream):
            text = heard(once, length_s, self.pad_s)
        return Heard(text, code)

    def _encode(self, sound: NDArray[np.float32]) -> Any:
        import mlx.core as mx

        mel = mx.array(log_mel(sound, self._model.dims.n_mels).T[None]).astype(self._model.dtype)
        encoder = self._model.encoder
        # It checks sound against its table of positions, the first of which are those of shorter sound.
        encoder._positional_embedding = self._positions[: mel.shape[1] // 2]
        encoded = encoder(mel)
        mx.eval(encoded)
        return encoded

    def _decode(self, encoded: Any, prompt: list[int], most: int) -> str:
        import mlx.core as mx

        tokens: list[int] = []
        sure, silent, cache, fed = 0.0, 0.0, None, prompt
        banned = self._banned_first
        while len(tokens) < most:
            self.check()
            logits, cache, _ = self._model.decoder(mx.array([fed]), encoded, kv_cache=cache)
            if not tokens and self._no_speech is not None:
                start = mx.softmax(logits[0, 0].astype(mx.float32))
                silent = start[self._no_speech].item()
            last = logits[0, -1].astype(mx.float32) + banned
            token = mx.argmax(last)
            chance = last[token] - mx.logsumexp(last)
            mx.eval(token, chance)
            sure += chance.item()
            if (word := int(token.item())) == self._end:
                break
            tokens.append(word)
            fed, banned = [word], self._banned
        if silent > NO_SPEECH and sure / (len(tokens) + 1) < UNSURE:
            return ""
        return str(self._tokenizer.decode(tokens)).strip()

    def _guess(self, encoded: Any) -> str:
        """Return the code of the likeliest language."""
        import mlx.core as mx

        start = self._id("<|startoftranscript|>")
        logits = self._model.decoder(mx.array([[start]]), encoded)[0][0, 0]
        likeliest = int(mx.argmax(logits[start + 1 : self._id("<|translate|>")]).item())
        return language_of(str(self._tokenizer.id_to_token(start + 1 + likeliest)))

    def _id(self, token: str) -> int:
        return int(self._tokenizer.token_to_id(token) or 0)

    def _learn(self, path: Path) -> None:
        """Learn which tokens are no words; raise WeightsError for the tokenizer of another model."""
        import mlx.core as mx

        find, count = self._tokenizer.token_to_id, self._model.dims.n_vocab
        last = find("<|notimestamps|>")
        if last is None or last + 1 + STAMPS != count:
            known = {51864: "hf:openai/whisper-tiny.en", 51865: "hf:openai/whisper-tiny"}
            right = f"{known.get(count, 'hf:openai/whisper-large-v3-turbo')}/tokenizer.json"
            raise WeightsError(f"{self.model}: {path} is another Whisper's tokenizer; give tokenizer={right}")
        self._end = self._id("<|endoftext|>")
        self._no_speech = next(filter(None, map(find, ("<|nospeech|>", "<|nocaptions|>"))), None)
        banned = np.zeros(count, np.float32)
        banned[self._end + 1 :] = -np.inf
        for token in range(self._end):
            text = self._tokenizer.decode([token])
            if text not in SPOKEN and text.strip() and set(text.strip()) <= SYMBOLS:
                banned[token] = -np.inf
        first = banned.copy()
        first[[self._end, *self._tokenizer.encode(" ", add_special_tokens=False).ids]] = -np.inf
        self._banned, self._banned_first = mx.array(banned), mx.array(first)
