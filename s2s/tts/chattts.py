"""ChatTTS: English and Chinese as in a chat; sound comes while it is made, and a seed makes a voice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np

from s2s.stage import Call
from s2s.torch_models import check_torchaudio, device, folder, limit_threads, quieten
from s2s.tts.loudness import Floats
from s2s.tts.spelled import spelled
from s2s.tts.voice import Voice
from s2s.weights import WeightsError, resolve

NEEDED = (
    *(f"asset/{part}.safetensors" for part in ("Vocos", "DVAE", "Decoder", "Embed")),
    *("asset/gpt/config.json", "asset/gpt/model.safetensors", "asset/tokenizer/tokenizer.json"),
)
CODES = 200, 15
"""Codes (47 make a second) that a text may last, and those added for each of its bytes: four times what is usual."""
_BRACKETS = str.maketrans("[]", "()")
"""What stands in brackets is a command to the model, which a language model doesn't mean."""


class _Wanted:
    """Tells the model, which asks after every code, whether to go on; the package's own is of all clauses at once."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.get = stopped

    def set(self, value: bool) -> None:
        """Leave it to the call: the package sets this when it begins."""


@dataclass(kw_only=True)
class ChatTts(Voice):
    """ChatTTS through torch; the package is AGPL-3, its published weights are not for earning money."""

    model: str = "hf:2Noise/ChatTTS@1a3c04a8b0651689bd9242fbb55b1f4b5a9aef84"
    verify: bool = True
    device: str = "auto"
    speaker: int | str = 2
    voices: dict[str, int | str] = field(default_factory=dict)
    prompt: str = "[speed_5]"
    refine: str | None = None
    temperature: float = 0.3
    top_p: float = 0.7
    top_k: int = 20
    max_tokens: int = 2048
    compile: bool = False
    threads: int = 1

    needs = ("ChatTTS", "torch")
    extra = "chattts"
    licence = "AGPL-3.0-or-later: ChatTTS; GPL-3.0: pybase16384, which it uses"
    non_commercial = "the weights of ChatTTS by 2Noise: CC-BY-NC-4.0"
    honours = frozenset({"voice"})
    sends_hz = 24000

    @property
    def rate(self) -> int:
        """What its vocoder makes: 24 kHz."""
        return 24000

    def weights(self) -> list[str]:
        """Return the sources of the model and of the speakers that were saved."""
        return [self.model, *(speaker for speaker in (self.speaker, *self.voices.values()) if isinstance(speaker, str))]

    def voice_names(self) -> list[str]:
        """Return the names that the YAML gives to speakers."""
        return list(self.voices)

    def voice_of(self, call: Call) -> str:
        """Return the name of the speaker that a caller hears; the stage's own has none."""
        name = call.settings.voice
        return name if name in self.voices else ""

    def load(self) -> None:
        """Load the model, and speak a few words into the void."""
        path, where = folder(self.model, *NEEDED), device(self.device)
        check_torchaudio()
        import ChatTTS
        import torch

        quieten()
        if where == "cpu":
            limit_threads(self.threads)
        log = logging.getLogger("ChatTTS")
        log.setLevel(logging.ERROR)  # it warns of every comma that it replaces
        self._chat = ChatTTS.Chat(log)
        how = {"device": torch.device(where), "compile": self.compile}
        if self.verify:
            loaded = self._chat.load(source="custom", custom_path=path, **how)
        else:
            paths = asdict(self._chat.config.path)
            loaded = self._chat._load(**{name: str(path / inside) for name, inside in paths.items()}, **how)
        if not loaded:
            raise WeightsError(
                f"{self.model}: not the weights that this version of ChatTTS knows by their sums; "
                "fetch them again, or say verify=false where they are your own"
            )
        self._speakers = {name: self._embedded(speaker) for name, speaker in {"": self.speaker, **self.voices}.items()}
        super().load()

    def close(self) -> None:
        """Let the model go."""
        self._chat = None

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a text in pieces of half a second, the first after some 70 codes."""
        chat = self._chat
        said = chat.normalizer(spelled(text).translate(_BRACKETS))
        if not any(letter.isalpha() for letter in said):
            return
        fixed, each = CODES
        how = chat.InferCodeParams(
            prompt=self.prompt,
            spk_emb=self._speakers[self.voice_of(call)],
            temperature=self.temperature,
            top_P=self.top_p,
            top_K=self.top_k,
            max_new_token=min(self.max_tokens, fixed + each * len(said.encode())),
            show_tqdm=False,
        )
        chat.context = _Wanted(partial(self.stopped, call))
        refined = chat.RefineTextParams(prompt=self.refine or "", show_tqdm=False)
        made = chat.infer(
            [said],
            stream=True,
            skip_refine_text=self.refine is None,
            split_text=False,
            params_refine_text=refined,
            params_infer_code=how,
        )
        for samples in made:
            if self.stopped(call):
                return
            yield np.asarray(samples[0], np.float32)

    def _embedded(self, speaker: int | str) -> str:
        """Return a speaker as the package writes one: that of a seed, alike on all devices, or one from a file."""
        import torch

        known = self._chat.speaker
        if isinstance(speaker, int):
            chance = torch.Generator().manual_seed(speaker)
            drawn = torch.randn(known.dim, dtype=known.std.dtype, generator=chance)
            return str(known._encode(drawn * known.std.cpu() + known.mean.cpu()))
        path = resolve(speaker)
        try:
            saved = path.read_text("utf-8").strip()
            size = len(known._decode(saved))
        except Exception as error:
            raise WeightsError(
                f"{speaker}: no speaker of ChatTTS; save what its sample_random_speaker returns"
            ) from error
        if size != known.dim:
            raise WeightsError(f"{speaker}: a speaker of {size} numbers; this model's have {known.dim}")
        return saved
