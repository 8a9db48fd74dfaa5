"""Whisper through transformers, with torch: any checkpoint of the hub, on any of torch's devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from s2s.log_mel import log_mel
from s2s.stt.padding import NO_SPEECH, UNSURE, heard, longest, padded
from s2s.stt.recognizer import RATE, Heard
from s2s.stt.torch_recognizer import TorchRecognizer, stopping_criteria
from s2s.stt.whisper_languages import code_of, language_of, token_of
from s2s.torch_models import Dtype, dtype, folder, quieten


@dataclass(kw_only=True)
class Whisper(TorchRecognizer):
    """A Whisper model as save_pretrained writes it; English-only models refuse another language."""

    model: str = "hf:distil-whisper/distil-large-v3@8031d2e6ce6631b7fc45629dddfc00271116d981"
    language: str | None = None
    pad_s: float = 30.0
    beam: int = 1
    max_tokens: int = 128
    dtype: Dtype = "auto"
    compile: Literal["default", "reduce-overhead", "max-autotune"] | None = None

    needs = ("torch", "transformers")
    extra = "torch"
    honours = frozenset({"transcribe", "language"})

    def open(self, device: str) -> Any:
        """Load the model; raise WeightsError where its folder is none."""
        import torch
        import transformers

        quieten()
        path, self._type = folder(self.model, "config.json"), dtype(self.dtype, device)
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        model = transformers.WhisperForConditionalGeneration.from_pretrained(path, dtype=self._type).to(device).eval()
        self._model, self._encoder = model, model.get_encoder()
        self._all_positions = self._encoder.embed_positions.weight
        config = model.generation_config
        config.max_length = None  # a sound's own number of tokens stands in its place
        names: dict[str, int] = getattr(config, "lang_to_id", None) or {}
        self._languages = {language_of(name): number for name, number in names.items()}
        self._start = config.decoder_start_token_id or model.config.decoder_start_token_id
        # In every Whisper the token for no speech stands before the one for no times.
        self._no_speech = self._tokenizer.convert_tokens_to_ids("<|notimestamps|>") - 1
        self._stopping = stopping_criteria(self.check)
        if self.compile is None:
            return model
        self._encoder.forward = torch.compile(self._encoder.forward, mode=self.compile)
        model.forward = torch.compile(model.forward, mode=self.compile)
        return None

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`, of which the first 30 s are heard."""
        return self.hear(samples, language, ()).text

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        """Return the words in `samples` and their language, where none is given what the model takes it for."""
        import torch

        code = code_of(language or self.language, bool(self._languages), self._languages.__contains__)
        length_s, spoken = len(samples) / RATE, ""

        def once(padded_s: float) -> str:
            nonlocal spoken
            self.check()
            with torch.inference_mode():
                text, spoken = self._hear(padded(samples, padded_s), code, length_s)
            return text

        return Heard(heard(once, length_s, self.pad_s), spoken)

    def _hear(self, sound: NDArray[np.float32], code: str, length_s: float) -> tuple[str, str]:
        encoded = self._encoded(sound)
        chances = self._first_token(encoded)
        if self._languages:
            code = code or max(self._languages, key=lambda name: float(chances[self._languages[name]]))
            task = {"language": token_of(code), "task": "transcribe"}
        else:
            code, task = "en", {}
        found = self._model.generate(
            encoder_outputs=encoded,
            max_new_tokens=min(self.max_tokens, longest(length_s)),
            num_beams=self.beam,
            do_sample=False,
            stopping_criteria=self._stopping,
            return_dict_in_generate=True,
            output_scores=True,
            **task,
        )
        if float(chances[self._no_speech]) > NO_SPEECH and self._certainty(found) < UNSURE:
            return "", ""
        return str(self._tokenizer.decode(found.sequences[0], skip_special_tokens=True)).strip(), code

    def _encoded(self, sound: NDArray[np.float32]) -> Any:
        """Return what the encoder makes of sound of any length; its positions are cut to that length."""
        import torch

        features = torch.from_numpy(log_mel(sound, self._model.config.num_mel_bins))[None]
        count = features.shape[2] // 2
        if self._model.config.max_source_positions != count:
            self._encoder.embed_positions = torch.nn.Embedding.from_pretrained(self._all_positions[:count])
            for config in (self._model.config, self._encoder.config):
                config.max_source_positions = count
        return self._encoder(features.to(self._all_positions.device, self._type))

    def _first_token(self, encoded: Any) -> Any:
        """Return the chance of each token to be the first one: of the languages, and of no speech."""
        import torch

        start = torch.tensor([[self._start]], device=self._all_positions.device)
        logits = self._model(encoder_outputs=encoded, decoder_input_ids=start).logits
        return logits[0, -1].float().softmax(-1).cpu()

    def _certainty(self, found: Any) -> float:
        """Return the mean log-probability of the tokens that were chosen."""
        indices = getattr(found, "beam_indices", None)
        scores = self._model.compute_transition_scores(found.sequences, found.scores, indices, normalize_logits=True)
        return float(scores.mean())
