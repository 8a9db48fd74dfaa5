from __future__ import annotations

from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.chattts import ChatTts


def test_saved_speakers_are_fetched_with_the_model() -> None:
    stage = ChatTts(speaker="mary.txt", voices={"paul": 7, "anna": "hf:a/b/anna.txt"})
    assert stage.weights() == [ChatTts.model, "mary.txt", "hf:a/b/anna.txt"]
    assert stage.voice_names() == ["paul", "anna"]


def test_a_voice_is_a_name_of_the_yaml() -> None:
    stage = ChatTts(voices={"paul": 7})
    assert stage.voice_of(Call("caller", 1, Settings(voice="paul"))) == "paul"
    for name in (None, "anna.txt", "7", ""):
        assert stage.voice_of(Call("caller", 1, Settings(voice=name))) == ""
