"""MMS voices of 1,100 languages through transformers: a sentence is spoken at once, and later ones while it plays."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from s2s import torch_models
from s2s.stage import Call
from s2s.torch_models import Dtype
from s2s.tts.loudness import Floats
from s2s.tts.mms_languages import mms_code
from s2s.tts.spelled import spelled
from s2s.tts.stretches import make_stoppable, stretches
from s2s.tts.voice import SAMPLE, Voice

REVISIONS = {"eng": "hf:facebook/mms-tts-eng@c71de0fe7204c83f1c10820a7d696d0b450048ba"}
"""The voices that are taken at a revision, by MMS's names of their languages; of the others the newest is."""


@dataclass(kw_only=True)
class FacebookMms(Voice):
    """One VITS voice for each of its languages; the caller's is spoken where it is among them."""

    language: str = "en"
    model: str | None = None
    languages: dict[str, str | None] = field(default_factory=dict)
    speed: float = 1.0
    noise_scale: float | None = None
    noise_scale_duration: float | None = None
    device: str = "auto"
    dtype: Dtype = "float32"
    threads: int = 1

    needs = ("torch", "transformers")
    extra = "torch"
    non_commercial = "the MMS voices: CC-BY-NC-4.0"
    honours = frozenset({"speed", "language"})

    def __post_init__(self) -> None:
        self._sources()

    def weights(self) -> list[str]:
        """Return the sources of the voices."""
        return list(self._sources().values())

    def load(self) -> None:
        """Load a voice for each language, and speak a few words into the void."""
        device = torch_models.device(self.device)
        torch_models.limit_threads(self.threads)
        torch_models.quieten()
        self._own = mms_code(self.language)
        self._voices = {code: self._voice(source, device) for code, source in self._sources().items()}
        rates = {int(model.config.sampling_rate) for model, _ in self._voices.values()}
        if len(rates) > 1:
            raise ValueError(f"languages: the voices have several sample rates, {sorted(rates)}; a stage sends one")
        self._rate = rates.pop()
        self._speaking: Call | None = None
        self._romanise: Any = None
        super().load()

    @property
    def rate(self) -> int:
        """The voices' own sample rate."""
        return self._rate

    def voice_of(self, call: Call) -> str:
        """Return the language in which a caller is spoken to."""
        try:
            code = mms_code(call.settings.language or "")
        except ValueError:
            return self._own
        return code if code in self._voices else self._own

    def sample(self, call: Call) -> Iterator[Floats]:
        """Yield a few words, of letters that the language has."""
        _, tokenizer = self._voices[self.voice_of(call)]
        letters = [letter for letter in tokenizer.get_vocab() if len(letter) == 1 and letter.isalpha()]
        foreign = sum(letter in letters for letter in SAMPLE.lower()) < len(SAMPLE) // 2
        return self.speak(call, " ".join(letters[:12]) if foreign else SAMPLE)

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of each sentence, or of a stretch of a long one."""
        import torch

        language = self.voice_of(call)
        model, tokenizer = self._voices[language]
        model.speaking_rate = call.settings.speed * self.speed
        for stretch in stretches(spelled(text) if language == "eng" else text):
            ids = tokenizer(self._roman(stretch) if tokenizer.is_uroman else stretch, return_tensors="pt")
            if ids["input_ids"].shape[1] < 3:  # one is no letter, and none of its letters is known
                continue
            self._speaking = call
            with torch.inference_mode():
                samples = model(**ids.to(model.device)).waveform
            yield samples.reshape(-1).float().cpu().numpy().astype(np.float32, copy=False)

    def close(self) -> None:
        """Let the voices go."""
        self._voices = {}

    def _sources(self) -> dict[str, str]:
        """Return the sources of the voices by MMS's names of their languages, its own first."""
        wanted: Mapping[str, str | None] = {self.language: self.model, **self.languages}
        codes = {mms_code(language): source for language, source in wanted.items()}
        return {code: source or REVISIONS.get(code, f"hf:facebook/mms-tts-{code}") for code, source in codes.items()}

    def _voice(self, source: str, device: str) -> tuple[Any, Any]:
        from transformers import VitsModel, VitsTokenizer

        folder = torch_models.folder(source, "config.json", "vocab.json")
        tokenizer = VitsTokenizer.from_pretrained(folder)
        if tokenizer.is_uroman and importlib.util.find_spec("uroman") is None:
            raise ValueError(f"{source}: it reads its language in Latin letters only; pip install uroman")
        model = VitsModel.from_pretrained(folder, dtype=torch_models.dtype(self.dtype, device)).to(device).eval()
        for name in ("noise_scale", "noise_scale_duration"):
            if (scale := getattr(self, name)) is not None:
                setattr(model, name, scale)
        make_stoppable(model, lambda: self._speaking is not None and self.stopped(self._speaking))
        return model, tokenizer

    def _roman(self, text: str) -> str:
        """Return text in Latin letters; the tokenizer would read uroman's tables anew for every sentence."""
        if self._romanise is None:
            import uroman

            self._romanise = uroman.Uroman().romanize_string
        return str(self._romanise(text))
