"""The local mode over virtual devices: real speech into the microphone, and what the loudspeaker plays is read back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from tests.embedded.other_ears import heard_back
from tests.embedded.sound_server import HZ, LocalProcess, SoundServer, missing, talking, until
from tests.embedded.speech import TURNS, turn_sound, word_error_rate

pytestmark = [pytest.mark.embedded]

LACKS = missing()
RATE = 48000
UP = 5
"""How much louder than the recording, which is a quiet one, somebody is who speaks up."""
LATE = 2
"""Blocks that the loudspeaker may have waited for, on a machine that does other things too."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    """A sound server with virtual devices."""
    if LACKS:
        pytest.skip(LACKS)
    running = SoundServer(tmp_path_factory.mktemp("pulse"))
    yield running
    running.close()


def answered(server: SoundServer, local: LocalProcess, count: int) -> None:
    """Wait until so many answers were written, and the last of them was played."""
    until(lambda: len(local.said("agent")) >= count, 30, f"no answer: {local.captions} {local.text}")
    until(lambda: server.silent_s() < 0.3, 10, "it makes no sound")  # words are there before it
    until(lambda: server.silent_s() > 1.5, 60, "it never ends")


def test_three_turns_are_heard_and_answered_as_the_captions_say(server: SoundServer) -> None:
    spoken = []
    with talking(server, "turn=silence") as local:
        for number in range(3):
            began = len(server.heard())
            server.say(turn_sound(number, RATE), RATE)
            answered(server, local, number + 1)
            words = local.said("agent")[number]
            spoken.append((words, heard_back(words, server.heard(began))))
        heard = word_error_rate(list(zip((words for *_, words in TURNS), local.said("you"), strict=False)))
        said = word_error_rate(spoken)
        print(f"\nlatency {local.latency_ms():.0f} ms; input WER {heard:.3f}, answers' WER {said:.3f}: {spoken}")
        assert local.lost[:2] == (0, 0) and local.lost[2] <= LATE, local.text
        assert len(local.said("you")) == 3
        assert heard <= 0.15
        assert said <= 0.15, spoken


def test_speech_over_an_answer_silences_the_loudspeaker(server: SoundServer) -> None:
    words = ("turn=silence", "mode.local.echo=none", "mode.local.instructions='Tell a very long story.'")
    with talking(server, *words, "llm.max_tokens=300") as local:
        server.say(turn_sound(0, RATE), RATE)
        until(lambda: server.silent_s() < 0.1, 20, f"no answer: {local.captions} {local.text}")
        time.sleep(1.0)
        assert server.silent_s() < 0.5, "it speaks"
        began = len(server.heard())
        speech = server.begin_to_say(turn_sound(1, RATE), RATE)
        until(lambda: server.silent_s() > 0.6, 10, "it goes on")
        sound = np.flatnonzero(np.abs(server.heard(began)[: HZ * 3]) > 0.002)
        stopped_s = (sound[-1] if len(sound) else 0) / HZ
        speech.wait(timeout=30)
        until(lambda: len(local.said("agent")) >= 2, 30, f"no second answer: {local.captions}")
        print(f"\nsilent {stopped_s * 1000:.0f} ms after speech began; {local.captions}")
        assert stopped_s < 1.2
        assert local.lost[:2] == (0, 0) and local.lost[2] <= LATE, local.text
    assert len(local.said("you")) == 2


def test_ducking_tells_who_speaks_up_from_the_echo(server: SoundServer) -> None:
    words = ("turn=silence", "mode.local.echo=duck", "mode.local.instructions='Tell a very long story.'")
    with server.echo("50%"), talking(server, *words, "llm.max_tokens=300") as local:
        server.say(turn_sound(0, RATE), RATE)
        answered(server, local, 1)
        assert len(local.said("you")) == 1, "its own echo is no turn"
        server.say(turn_sound(1, RATE), RATE)
        until(lambda: server.silent_s() < 0.1, 20, f"no answer: {local.captions} {local.text}")
        time.sleep(1.0)
        assert server.silent_s() < 0.5, "it speaks"
        began = len(server.heard())
        loud = np.clip(turn_sound(2, RATE).astype(int) * UP, -32768, 32767).astype("<i2")
        server.say(loud, RATE)
        until(lambda: len(local.said("agent")) >= 3, 30, f"no third answer: {local.captions}")
        sound = np.flatnonzero(np.abs(server.heard(began)[: HZ * 3]) > 0.002)
        print(f"\nsilent {sound[-1] / HZ * 1000:.0f} ms after speech began; {local.captions}")
        assert sound[-1] / HZ < 1.5
    heard = list(zip((words for *_, words in TURNS), local.said("you"), strict=False))
    assert len(heard) == 3
    assert word_error_rate(heard) <= 0.15, heard


def test_a_key_begins_and_ends_a_turn_and_silences_the_agent(server: SoundServer) -> None:
    with talking(server, "mode.local.push_to_talk=space", "llm.max_tokens=300") as local:
        server.say(turn_sound(3, RATE), RATE)
        time.sleep(1.0)
        assert local.captions == [], "nobody has pressed the key"
        for number in range(2):
            local.type(" ")
            server.say(turn_sound(number, RATE), RATE)
            local.type(" ")
            until(lambda n=number: len(local.said("agent")) > n, 30, f"no answer: {local.captions}")
        until(lambda: server.silent_s() < 0.1, 20, "no sound")
        local.type(" ")
        until(lambda: server.silent_s() > 0.6, 2, "it goes on")
    heard = list(zip((words for *_, words in TURNS), local.said("you"), strict=False))
    assert len(heard) == 2
    assert word_error_rate(heard) <= 0.15, heard


def test_a_call_outlives_its_devices(server: SoundServer) -> None:
    with talking(server, "turn=silence") as local:
        server.close()
        until(lambda: "sound has stopped" in local.text, 10, local.text)
        time.sleep(3)  # somebody plugs it in again
        server.begin()
        until(lambda: "sound is back" in local.text, 20, local.text)
        server.say(turn_sound(0, RATE), RATE)
        answered(server, local, 1)
    assert word_error_rate([(TURNS[0][2], local.said("you")[0])]) <= 0.15


def test_devices_are_listed_and_a_wrong_one_is_told(server: SoundServer) -> None:
    listing = LocalProcess(server, "mode.local.list_devices=true")
    assert listing.process.wait(timeout=60) == 0
    listing.close()
    assert any("pulse" in line and "microphone" in line for line in listing.captions)
    wrong = LocalProcess(server, "mode.local.input_device=sofa")
    assert wrong.process.wait(timeout=60) == 2
    wrong.close()
    assert wrong.text.startswith("mode.local.input_device: no microphone is called 'sofa'")
