"""All flags of speech-to-speech 0.2.11, by what they are for."""

from __future__ import annotations

from s2s.convert.flag import Flag
from s2s.convert.language_flags import LANGUAGE
from s2s.convert.process_flags import PROCESS, TRANSPORT, TURNS
from s2s.convert.speech_flags import SPEECH
from s2s.convert.voice_flags import VOICE

PARTS: dict[str, tuple[Flag, ...]] = {
    "Process": PROCESS,
    "Transport": TRANSPORT,
    "Speech and turns": TURNS,
    "Recognition": SPEECH,
    "Language model": LANGUAGE,
    "Voice": VOICE,
}
FLAGS: dict[str, Flag] = {flag.name: flag for part in PARTS.values() for flag in part}
