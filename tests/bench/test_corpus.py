"""The speech to measure with: its turns, their pauses, and folders of one's own."""

from __future__ import annotations

import json
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from s2s.bench.corpus import SHIPPED, Corpus, CorpusError


def test_the_shipped_turns_are_half_without_a_pause_and_a_quarter_with_each_kind() -> None:
    corpus = Corpus()
    kinds = Counter(turn.kind for turn in corpus.turns)
    assert kinds["plain"] == 2 * kinds["short-pause"] == 2 * kinds["long-pause"]
    assert kinds["backchannel"] and kinds["interruption"]
    assert {turn.voice for turn in corpus.of("plain")} == {"two_cities", "alpha", "kumo"}
    first = [turn.text.split()[0].strip(",.").lower() for turn in corpus.of("interruption")]
    assert sum(word in ("okay", "yeah") for word in first) == len(first) / 2
    for turn in corpus.of("short-pause"):
        assert all(300 <= pause <= 500 for pause in turn.pauses_ms) and len(turn.pauses_ms) == 1
    for turn in corpus.of("long-pause"):
        assert all(500 <= pause <= 1200 for pause in turn.pauses_ms) and len(turn.pauses_ms) == 1


def test_a_turn_begins_and_ends_with_speech_and_is_quiet_in_its_pause() -> None:
    for turn in Corpus().of("plain", "short-pause", "long-pause"):
        samples = np.frombuffer(turn.pcm, "<i2") / 32768
        size = turn.rate // 100
        blocks = samples[: len(samples) // size * size].reshape(-1, size)
        loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > 10 ** (-42 / 20))
        assert loud[0] <= 8 and len(blocks) - loud[-1] <= 12, turn.text
        longest = 10 * int(np.diff(loud).max())
        if turn.pauses_ms:
            assert turn.pauses_ms[0] <= longest <= turn.pauses_ms[0] + 190
        else:
            assert longest < 300, turn.text


def test_no_recording_ends_a_turn_and_stands_before_a_pause() -> None:
    turns = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))["turns"]
    before = {clip for turn in turns for clip in turn["clips"][:-1]}
    assert not before & {turn["clips"][-1] for turn in turns}


def test_the_same_seed_gives_the_same_sound_and_another_does_not() -> None:
    twice = Corpus(seed=3).of("long-pause", least=15)
    assert len(twice) == 20 and [turn.text for turn in twice[:10]] == [turn.text for turn in twice[10:]]
    assert {turn.pauses_ms for turn in twice[:10]} != {turn.pauses_ms for turn in twice[10:]}
    assert Corpus(seed=3).turns == Corpus(seed=3).turns
    assert Corpus(seed=3).turns != Corpus(seed=4).turns


def test_a_folder_of_wav_files_with_their_words_is_a_corpus(tmp_path: Path) -> None:
    rate = 16000
    tone = (np.sin(np.arange(rate) / 10) * 8000).astype("<i2")
    sound = np.concatenate([np.zeros(rate // 2, "<i2"), tone, np.zeros(rate, "<i2")])
    with wave.open(str(tmp_path / "hello.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    (tmp_path / "hello.txt").write_text("Hello there.\n")
    (turn,) = Corpus(tmp_path).turns
    assert (turn.kind, turn.voice, turn.text) == ("plain", "hello", "Hello there.")
    assert turn.seconds == pytest.approx(1.0, abs=0.03)


def test_what_can_not_be_read_says_which_file_and_why(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere: no such folder"):
        Corpus(tmp_path / "nowhere").of("plain")
    with pytest.raises(CorpusError, match=r"no manifest.json and no WAV file in it"):
        Corpus(tmp_path).of("plain")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(CorpusError, match=r"bad.wav: "):
        Corpus(tmp_path).of("plain")
    (tmp_path / "manifest.json").write_text(json.dumps({"turns": [{"kind": "plain"}]}))
    with pytest.raises(CorpusError, match=r"manifest.json: not a manifest of speech"):
        Corpus(tmp_path).of("plain")
