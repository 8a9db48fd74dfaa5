"""Recorder: both sides of a call on disk, whatever the rates, and a server that does not start on a bad disk."""

from __future__ import annotations

import json
import logging
import wave
from pathlib import Path
from typing import Any

import pytest

from s2s.messages import Audio, Reply, Sound, Transcript
from s2s.settings import Settings
from s2s.stage import Call, ports
from s2s.text.recorder import Recorder


def recording(folder: Path, **options: Any) -> Recorder:
    stage = Recorder(folder=str(folder), least_free_mb=0, **options)
    stage.load()
    return stage


def sound_in(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.readframes(file.getnframes())


def test_both_sides_and_the_text(tmp_path: Path) -> None:
    stage = recording(tmp_path / "new" / "folder")
    memory: dict[str, Any] = {}
    call = Call("call/1", 0, Settings(), memory)
    turn, answer = Call("call/1", 1, Settings(), memory), Call("call/1", 2, Settings(), memory)
    for piece in (b"\1", b"\2\3\4\5", b"\6" * 31995):
        stage.run(call, Audio(pcm=piece, rate=16000))
    stage.run(turn, Transcript(text="Hi th", final=False))
    stage.run(turn, Transcript(text="Hi there."))
    for text in ("Good ", "day, “you”."):
        stage.run(answer, Reply(text=text))
    stage.run(answer, Sound(pcm=b"\7\0" * 10, rate=24000))
    stage.run(answer, Sound(pcm=b"\7\0" * 5, rate=22050))
    stage.finish(answer)
    stage.run(Call("call/1", 3, Settings(), memory), Reply(text="cut sh"))
    stage.hangup(call)
    folder = tmp_path / "new" / "folder"
    assert sound_in(folder / "call_1-caller.wav") == (16000, b"\1\2\3\4\5" + b"\6" * 31995)
    assert sound_in(folder / "call_1-agent.wav") == (24000, b"\7\0" * 10)
    assert sound_in(folder / "call_1-agent-2.wav") == (22050, b"\7\0" * 5)
    lines = [json.loads(line) for line in (folder / "call_1.jsonl").read_text("utf-8").splitlines()]
    assert lines == [
        {"at_ms": 1000, "who": "caller", "text": "Hi there."},
        {"at_ms": 1000, "who": "agent", "text": "Good day, “you”."},
        {"at_ms": 1000, "who": "agent", "text": "cut sh"},
    ]


def test_the_space_around_an_answer_is_not_kept(tmp_path: Path) -> None:
    recorder = Recorder(folder=str(tmp_path), least_free_mb=0)
    recorder.load()
    call = Call("a", 1, Settings())
    for text in (" Quite.", " \n", "\n"):
        list(recorder.run(call, Reply(text=text)))
    recorder.hangup(call)
    assert json.loads((tmp_path / "a.jsonl").read_text())["text"] == "Quite."


def test_after_the_call_nothing_is_written(tmp_path: Path) -> None:
    stage, call = recording(tmp_path), Call("a", 0, Settings())
    stage.run(call, Audio(pcm=b"\1\0", rate=16000))
    stage.hangup(call)
    stage.run(call, Audio(pcm=b"\1\0", rate=8000))
    stage.run(call, Transcript(text="late"))
    stage.hangup(call)
    assert [path.name for path in tmp_path.iterdir()] == ["a-caller.wav"]


def test_only_what_is_wanted(tmp_path: Path) -> None:
    stage, call = recording(tmp_path, audio=False), Call("a", 0, Settings())
    stage.run(call, Audio(pcm=b"\1\0", rate=16000))
    stage.run(call, Transcript(text="hi"))
    stage.hangup(call)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"recorder\.folder: can't write to '.*file/x': .*; choose another folder"):
        recording(tmp_path / "file" / "x")
    with pytest.raises(OSError, match=r"MB free at .*, less than least_free_mb=999999999; make room"):
        Recorder(folder=str(tmp_path), least_free_mb=999_999_999).load()


def test_a_full_disk_ends_the_recording_and_not_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    stage, call = recording(tmp_path), Call("a", 0, Settings())
    monkeypatch.setattr(wave, "open", full)
    with caplog.at_level(logging.WARNING):
        stage.run(call, Audio(pcm=b"\1\0", rate=16000))
        stage.run(call, Audio(pcm=b"\1\0", rate=16000))
    assert caplog.messages == ["the recording of call a ends here: No space left on device"]


def test_it_commits_and_sends_nothing() -> None:
    assert Recorder.commits and ports(Recorder) == (frozenset({Audio, Sound, Transcript, Reply}), frozenset())
