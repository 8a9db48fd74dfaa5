from __future__ import annotations

import wave

import numpy as np
import pytest

from s2s.messages import Activity, Audio
from s2s.paths import PACKAGE
from s2s.settings import Settings
from s2s.stage import Call
from s2s.vad.silero import Silero

pytestmark = pytest.mark.embedded

RATE = 16000
SPEECH = PACKAGE / "bench" / "corpus" / "two_cities.wav"


@pytest.fixture(scope="module")
def silero() -> Silero:
    stage = Silero()
    stage.load()
    return stage


@pytest.fixture(scope="module")
def speech() -> bytes:
    with wave.open(str(SPEECH)) as file:
        return file.readframes(10 * RATE)


def caller(settings: Settings | None = None) -> Call:
    return Call("caller", 1, settings or Settings())


def listen(silero: Silero, call: Call, pcm: bytes, size: int) -> list[Activity]:
    out: list[Activity] = []
    for start in range(0, len(pcm), size):
        out += silero.run(call, Audio(pcm=pcm[start : start + size], rate=RATE, at_ms=start // 2 / 16))
    return out


def test_speech_and_silence_are_told_apart(silero: Silero, speech: bytes) -> None:
    chances = np.array([activity.speech for activity in listen(silero, caller(), speech, 640)])
    assert 0.5 < (chances > 0.5).mean() < 0.9
    assert max(activity.speech for activity in listen(silero, caller(), bytes(2 * RATE), 640)) < 0.1


@pytest.mark.parametrize("size", [320, 641, 960, 1024, 9000])
def test_frames_of_any_size_make_the_same_hops(silero: Silero, speech: bytes, size: int) -> None:
    whole = listen(silero, caller(), speech[:64000], 64000)
    assert listen(silero, caller(), speech[:64000], size) == whole
    assert b"".join(activity.pcm for activity in whole) == speech[: 62 * 1024]
    assert [activity.at_ms for activity in whole[:3]] == [0.0, 32.0, 64.0]


def test_a_batch_is_one_run_of_the_graph_and_says_what_each_alone_would(
    silero: Silero, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [speech[n * 32000 : n * 32000 + 4096] for n in range(8)]
    alone = [listen(silero, caller(), part, 4096) for part in parts]
    net, sizes = silero._net, []

    def counting(hops: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(len(hops))
        return net(hops, memory)

    monkeypatch.setattr(silero, "_net", counting)
    items = [Audio(pcm=part, rate=RATE) for part in parts]
    together = silero.run_batch([caller() for _ in parts], items)
    assert sizes == [8, 8, 8, 8]
    for one, other in zip(alone, together, strict=True):
        assert [a.speech for a in one] == pytest.approx([a.speech for a in other], abs=1e-5)


def test_callers_of_a_batch_with_more_and_less_sound(silero: Silero, speech: bytes) -> None:
    calls = [caller(), caller(), caller(Settings(detection=None))]
    items = [Audio(pcm=speech[:size], rate=RATE, at_ms=100) for size in (3000, 500, 2048)]
    heard = silero.run_batch(calls, items)
    assert [len(activities) for activities in heard] == [2, 0, 2]
    second = silero.run_batch(calls[1:2], [Audio(pcm=speech[500:1100], rate=RATE, at_ms=100 + 500 / 32)])
    (alone,), (first, _) = second[0], heard[0]
    assert (alone.pcm, alone.at_ms, alone.speech) == (first.pcm, first.at_ms, pytest.approx(first.speech, abs=1e-5))


def test_push_to_talk_hops_without_the_model(silero: Silero, speech: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "_net", None)
    heard = listen(silero, caller(Settings(detection=None)), speech[:8192], 640)
    assert [activity.speech for activity in heard] == [0.0] * 8
    assert b"".join(activity.pcm for activity in heard) == speech[:8192]


def test_detection_after_push_to_talk_begins_afresh(silero: Silero, speech: bytes) -> None:
    call = caller()
    listen(silero, call, speech[:31744], 1024)
    call.settings = Settings(detection=None)
    listen(silero, call, speech[:1024], 1024)
    call.settings = Settings()
    assert listen(silero, call, speech[32768:64000], 1024) == listen(silero, caller(), speech[32768:64000], 1024)


def test_the_end_gives_the_rest(silero: Silero, speech: bytes) -> None:
    call = caller()
    listen(silero, call, speech[:1500], 1500)
    (rest,) = silero.finish(call)
    assert (rest.pcm, rest.at_ms) == (speech[1024:1500], 32.0)
    assert list(silero.finish(call)) == []


def test_another_rate_is_refused(silero: Silero) -> None:
    with pytest.raises(ValueError, match="Silero takes sound at 16000 Hz, not 24000; put a resampler before it"):
        list(silero.run(caller(), Audio(pcm=bytes(960), rate=24000)))
