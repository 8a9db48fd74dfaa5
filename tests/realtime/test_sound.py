"""Sound both ways: formats, rates, and how much of it is in one delta."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from s2s.audio import alaw_decode, ulaw_decode
from s2s.conversation import facts as f
from s2s.realtime.protocol import Protocol
from s2s.settings import Settings
from tests.realtime.sessions import asked, protocol, update

VIEW = f.ResponseView(id="resp_t_1", settings=Settings())


def tone(seconds: float, rate: int, hz: float = 440.0) -> bytes:
    times = np.arange(round(seconds * rate)) / rate
    return (10000 * np.sin(2 * np.pi * hz * times)).astype("<i2").tobytes()


def speak(session: Protocol, pcm: bytes, rate: int, piece_ms: int = 70, whole: bool = True) -> list[bytes]:
    """The sound in each delta of a response."""
    place = {"response_id": "resp_t_1", "item_id": "item_1", "output_index": 0}
    list(session.say(f.ResponseCreated(response=VIEW)))
    size = 2 * rate * piece_ms // 1000
    frames = [
        frame
        for at in range(0, len(pcm), size)
        for frame in session.say(f.SoundDelta(pcm=pcm[at : at + size], rate=rate, **place))  # type: ignore[arg-type]
    ]
    frames += session.say(f.SoundDone(whole=whole, **place))  # type: ignore[arg-type]
    list(session.say(f.ResponseDone(response=VIEW)))
    events = [json.loads(frame.data) for frame in frames]
    assert events.pop()["type"] == "response.output_audio.done"
    assert all(frame.sound_of == "resp_t_1" for frame in frames[:-1])
    return [base64.b64decode(event["delta"]) for event in events]


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100])
@pytest.mark.parametrize("piece_ms", [10, 70, 1000])
def test_sound_of_any_rate_comes_out_at_24_khz_in_small_deltas(rate: int, piece_ms: int) -> None:
    deltas = speak(protocol(), tone(2.0, rate), rate, piece_ms)
    assert max(map(len, deltas)) <= 2 * 24000 * 200 // 1000
    assert all(len(delta) % 2 == 0 and delta for delta in deltas)
    sound = np.frombuffer(b"".join(deltas), "<i2").astype("f8")
    assert abs(len(sound) - 2 * 24000) <= 2
    ideal = np.frombuffer(tone(2.0, 24000), "<i2").astype("f8")[: len(sound)]
    error = np.sqrt(np.mean((sound[500:-500] - ideal[500 : len(sound) - 500]) ** 2))
    assert error < 60, "the same tone"


def test_nothing_above_8_khz_is_lost_of_24_khz_sound() -> None:
    """The reference brings its output to 16 kHz and up again."""
    sound = tone(1.0, 24000, hz=10500.0)
    assert b"".join(speak(protocol(), sound, 24000)) == sound


def test_what_was_cut_off_says_no_more() -> None:
    whole = b"".join(speak(protocol(), tone(0.5, 16000), 16000))
    cut = b"".join(speak(protocol(), tone(0.5, 16000), 16000, whole=False))
    assert len(cut) < len(whole) and whole.startswith(cut)


@pytest.mark.parametrize(("name", "decode"), [("audio/pcmu", ulaw_decode), ("audio/pcma", alaw_decode)])
def test_g711_is_decoded_and_encoded(name: str, decode: object) -> None:
    """The reference takes G.711 for PCM."""
    session = protocol()
    update(session, audio={"input": {"format": {"type": name}}, "output": {"format": {"type": name}}})
    deltas = speak(session, tone(1.0, 24000), 24000)
    assert max(map(len, deltas)) <= 8000 * 200 // 1000
    coded = b"".join(deltas)
    assert abs(len(coded) - 8000) <= 1
    heard = asked(session, "input_audio_buffer.append", audio=base64.b64encode(coded).decode())
    assert heard.rate == 8000 and heard.pcm == decode(coded)  # type: ignore[union-attr,operator]
    sound, ideal = (np.frombuffer(pcm, "<i2").astype("f8")[200:7800] for pcm in (heard.pcm, tone(1.0, 8000)))  # type: ignore[union-attr]
    assert np.sqrt(np.mean((sound - ideal) ** 2)) < 500


def test_a_response_keeps_the_format_that_it_began_with() -> None:
    session = protocol()
    place = {"response_id": "resp_t_1", "item_id": "item_1", "output_index": 0}
    list(session.say(f.ResponseCreated(response=VIEW)))
    update(session, audio={"output": {"format": {"type": "audio/pcmu"}, "voice": "amy"}})
    frame = next(iter(session.say(f.SoundDelta(pcm=bytes(4800), rate=24000, **place))))  # type: ignore[arg-type]
    assert base64.b64decode(json.loads(frame.data)["delta"]) == bytes(4800)
    done = json.loads(next(iter(session.say(f.ResponseDone(response=VIEW)))).data)
    assert done["response"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert done["response"]["audio"]["output"]["voice"] == "default"


def test_a_response_may_ask_for_a_format_and_a_voice_of_its_own() -> None:
    session = protocol()
    options = {"audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "joe"}}}
    event = asked(session, "response.create", response=options).event  # type: ignore[union-attr]
    other = f.ResponseView(id="resp_t_2", settings=Settings())
    created = json.loads(next(iter(session.say(f.ResponseCreated(response=other)))).data)
    assert created["response"]["audio"]["output"]["voice"] == "default", "only that one, whenever it begins"
    view = f.ResponseView(id="resp_t_3", settings=Settings(), note=event.note)
    created = json.loads(next(iter(session.say(f.ResponseCreated(response=view)))).data)
    assert created["response"]["audio"]["output"] == {"format": {"type": "audio/pcma"}, "voice": "joe"}
