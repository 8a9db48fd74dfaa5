"""What Kokoro is wherever it runs: its rate, its letters for languages, and the silence around its speech."""

from __future__ import annotations

from s2s.tts.loudness import Floats, trimmed

RATE = 24000
LETTERS = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "j": "ja", "p": "pt-br", "z": "cmn",
}  # fmt: skip
"""Kokoro's letters for languages, as espeak-ng calls them."""
_BREATH_S = 0.02
"""Silence left before a stretch that is not an answer's first: Kokoro makes a quarter of a second of it."""
_SENTENCE_S, _CLAUSE_S = 0.25, 0.1
"""Silence left after what ends a sentence, and after what does not: Kokoro makes half a second of it and more."""


def breathed(samples: Floats, phonemes: str) -> Floats:
    """Return the sound of some phonemes with no more silence around it than a speaker leaves there."""
    after = _SENTENCE_S if phonemes.rstrip().endswith((".", "!", "?", "…")) else _CLAUSE_S
    return trimmed(samples, round(_BREATH_S * RATE), round(after * RATE))
