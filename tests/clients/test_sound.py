"""Sound from files and to files, and what of it was heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from s2s.clients.microphone import WavMicrophone, read_wav
from s2s.clients.playback import Playback
from s2s.clients.speaker import WavSpeaker
from s2s.clients.trouble import Trouble
from tests.clients import sounds
from tests.clients.sounds import Clock, noise, write_wav
from tests.test_imports import IMPORTS, within


def test_the_clients_import_nothing_of_the_server() -> None:
    ours = {path for name in IMPORTS if within(name, {"s2s.clients"}) for path in IMPORTS[name]}
    known = {"s2s.clients", "s2s.audio", "s2s.devices"}
    assert {path for path in ours if within(path, {"s2s"}) and not any(within(path, {part}) for part in known)} == set()


def test_what_is_played_comes_out_in_order_and_in_any_pieces() -> None:
    playback = Playback(1000)
    sound = noise(900)
    playback.add(sound[:500], "one")
    playback.add(sound[500:900], "one")
    playback.add(sound[900:], "two")
    assert b"".join(playback.take(100) for _ in range(12)) == sound
    assert not playback.waiting


def test_a_flush_tells_what_was_heard_of_each_item_that_it_cuts() -> None:
    playback = Playback(1000)
    playback.add(bytes(2 * 300), "whole")
    playback.finish("whole")
    playback.add(bytes(2 * 300), "begun")
    playback.finish("begun")
    playback.add(bytes(2 * 300), "waiting")
    playback.take(450)
    assert playback.flush() == {"begun": 150, "waiting": 0}
    assert (playback.waiting, playback.take(10), playback.flush()) == (False, b"", {})


def test_what_the_device_has_not_played_yet_was_not_heard() -> None:
    playback = Playback(1000)
    playback.add(bytes(2 * 100), "one")
    playback.add(bytes(2 * 100), "two")
    playback.take(150)
    assert playback.flush(unheard_s=0.07) == {"one": 80, "two": 0}


def test_an_item_that_waits_for_more_is_cut_although_all_that_came_was_heard() -> None:
    playback = Playback(1000)
    playback.add(bytes(2 * 100), "one")
    playback.take(500)
    assert playback.flush() == {"one": 100}


def test_a_file_keeps_what_would_have_been_heard_by_now(tmp_path: Path) -> None:
    clock = Clock()
    speaker = WavSpeaker(str(tmp_path / "out.wav"), 16000, clock)
    sound = noise(16000)
    clock.now += 5
    speaker.play(sound, 16000, "one")
    clock.now += 0.25
    assert speaker.playing
    assert speaker.flush() == {"one": 250}
    assert not speaker.playing
    clock.now += 1
    speaker.play(sound[:1001], 16000, "two")
    speaker.play(sound[1001:2000], 16000, "two")
    clock.now += 1
    assert not speaker.playing
    speaker.play(sound[:200], 16000, "three")
    speaker.close()
    speaker.close()
    assert sounds.read_wav(tmp_path / "out.wav") == (sound[:8000] + sound[:2000] + sound[:200], 16000)


def test_a_speaker_plays_sound_of_another_rate_at_its_own(tmp_path: Path) -> None:
    speaker = WavSpeaker(str(tmp_path / "out.wav"), 16000)
    for _ in range(10):
        speaker.play(bytes(2 * 2400), 24000, "one")
    speaker.finish("one")
    speaker.close()
    assert sounds.read_wav(tmp_path / "out.wav") == (bytes(2 * 16000), 16000)


@pytest.mark.anyio
async def test_a_file_is_heard_in_whole_frames_and_then_silence(tmp_path: Path) -> None:
    sound = noise(1000)
    path = write_wav(tmp_path / "in.wav", sound)
    microphone = WavMicrophone(path, 16000, 512, tail_s=0.05)
    frames = [frame async for frame in microphone.frames()]
    assert {len(frame) for frame in frames} == {1024}
    assert b"".join(frames) == sound.ljust(2 * 2048, b"\0")


def test_a_file_is_heard_at_the_rate_asked_for_and_in_part(tmp_path: Path) -> None:
    left = np.frombuffer(noise(48000), "<i2")
    stereo = np.stack([left, left * 0], 1).tobytes()
    path = write_wav(tmp_path / "in.wav", stereo, 48000, channels=2)
    assert read_wav(path, 48000) == left.tobytes()
    assert len(read_wav(path, 16000)) == 2 * 16000
    assert read_wav(path, 48000, (0.25, 0.5)) == left[12000:24000].tobytes()


def test_what_is_no_wav_file_of_16_bits_is_told(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"none\.wav can't be read: No such file"):
        read_wav(str(tmp_path / "none.wav"), 16000)
    (tmp_path / "text.wav").write_text("hello, this is no sound")
    with pytest.raises(Trouble, match=r"text\.wav is not a WAV file of PCM .*ffmpeg"):
        read_wav(str(tmp_path / "text.wav"), 16000)
    with pytest.raises(Trouble, match="has samples of 8 bits, and 16 are needed; make one by: ffmpeg"):
        read_wav(write_wav(tmp_path / "eight.wav", bytes(100), bits=8), 16000)
    with pytest.raises(Trouble, match=r"out\.wav can't be written: No such file"):
        WavSpeaker(str(tmp_path / "none" / "out.wav"), 16000)
