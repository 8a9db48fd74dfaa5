from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.messages import Asked, Speech, Transcript
from s2s.settings import Detection, Settings
from s2s.stage import Call
from s2s.turn.silence import Silence
from tests.turn.mouth import HOP_MS, Mouth, hop, marks, sound

PUSH_TO_TALK = Settings(detection=None)


def test_a_turn_opens_with_its_prefix_and_ends_after_silence() -> None:
    mouth = Mouth(Silence(prefix_ms=64, silence_ms=96, min_speech_ms=64, piece_ms=9999))
    speech = mouth.say(*[0.0] * 10, *[0.9] * 5, *[0.0] * 3)
    assert marks(speech) == ["start", "end"]
    assert speech[0].at_ms == 8 * HOP_MS  # two hops before the tenth
    assert speech[1].at_ms == 18 * HOP_MS
    assert speech[0].pcm == b"".join(hop(n) for n in range(8, 12))
    assert sound(speech) == b"".join(hop(n) for n in range(8, 18))


def test_a_prefix_that_is_no_whole_hop_is_cut_at_its_sample() -> None:
    mouth = Mouth(Silence(prefix_ms=50))
    start = mouth.say(0, 0, 0, 0, 1, 1)[0]
    assert len(start.pcm) == 2 * (50 + 64) * 16
    assert start.at_ms == 4 * HOP_MS - 50


def test_speech_from_the_first_sample_begins_at_zero() -> None:
    start = Mouth().say(1, 1)[0]
    assert (start.mark, start.at_ms, start.pcm) == ("start", 0.0, hop(0) + hop(1))


def test_a_click_opens_nothing() -> None:
    assert Mouth().say(0, 1, 0, 1, 0, 1, 0) == []


def test_wavering_speech_still_counts_until_it_falls_below_the_release() -> None:
    assert marks(Mouth(Silence(min_speech_ms=96)).say(0.6, 0.4, 0.6)) == ["start"]
    assert marks(Mouth(Silence(min_speech_ms=96)).say(0.6, 0.3, 0.6)) == []


def test_silence_begins_below_the_release_and_ends_at_the_threshold() -> None:
    mouth = Mouth(Silence(silence_ms=96, piece_ms=9999))
    assert marks(mouth.say(1, 1, *[0.4] * 20)) == ["start"]  # never silent
    assert marks(mouth.say(0.3, 0.4, 0.6, 0.3, 0.4)) == []  # broken off by 0.6
    assert marks(mouth.say(0.4)) == ["end"]  # once silent, 0.4 is still silence


def test_pieces_leave_about_every_piece_ms() -> None:
    speech = Mouth(Silence(piece_ms=200)).say(*[1.0] * 30)
    assert marks(speech) == ["start", "more", "more", "more", "more"]
    assert {len(piece.pcm) for piece in speech[1:]} == {7 * 1024}
    assert [piece.at_ms for piece in speech[1:3]] == [2 * HOP_MS, 9 * HOP_MS]


def test_a_pause_is_marked_once_and_taken_back() -> None:
    mouth = Mouth(Silence(soft_ms=64, silence_ms=160, piece_ms=9999))
    speech = mouth.say(1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)
    assert marks(speech) == ["start", "pause", "ripe", "resume", "pause", "ripe", "end"]
    assert [piece.at_ms for piece in speech] == [n * HOP_MS for n in (0, 5, 5, 6, 10, 10, 13)]
    assert speech[1].pcm == hop(2) + hop(3) + hop(4)
    assert sound(speech) == b"".join(hop(n) for n in range(13))


def test_the_next_turn_has_no_sound_of_the_one_before() -> None:
    mouth = Mouth(Silence(prefix_ms=300, silence_ms=64, piece_ms=9999))
    first = mouth.say(1, 1, 0, 0)
    second = mouth.say(0, 1, 1)
    assert sound(first) + sound(second) == b"".join(hop(n) for n in range(7))
    assert second[0].at_ms == first[-1].at_ms


def test_an_overlong_turn_is_split_and_nothing_is_lost() -> None:
    mouth = Mouth(Silence(max_speech_s=0.32, piece_ms=9999))
    speech = mouth.say(*[1.0] * 25)
    assert marks(speech) == ["start", "end", "start", "end", "start"]
    assert [piece.at_ms for piece in speech] == [0, 320, 320, 640, 640]
    assert sound([*speech, *mouth.stage.commit(mouth.call)]) == b"".join(hop(n) for n in range(25))


def test_an_overlong_turn_that_is_silent_just_ends() -> None:
    mouth = Mouth(Silence(max_speech_s=0.32, silence_ms=9999, piece_ms=9999))
    assert marks(mouth.say(*[1.0] * 8, *[0.0] * 20)) == ["start", "end"]


def test_the_callers_own_detection_goes_first() -> None:
    detection = Detection(threshold=0.9, prefix_ms=0, silence_ms=32)
    mouth = Mouth(Silence(silence_ms=9999, piece_ms=9999), Settings(detection=detection))
    assert mouth.say(0, 0.8, 0.8, 0.8) == []
    speech = mouth.say(0.95, 0.95, 0.5)
    assert marks(speech) == ["start", "end"]
    assert sound(speech) == hop(4) + hop(5) + hop(6)


def test_a_clients_eagerness_stretches_the_silence() -> None:
    def hops(eagerness: str) -> int:
        mouth = Mouth(Silence(silence_ms=320, soft_ms=None), Settings(detection=Detection(eagerness=eagerness)))  # type: ignore[arg-type]
        mouth.say(*[1.0] * 5)
        return next(n for n in range(1, 99) if marks(mouth.say(0.0)) == ["end"])

    assert (hops("high"), hops("auto"), hops("medium"), hops("low")) == (6, 10, 10, 20)


def test_what_is_said_and_asked_is_taken_and_ignored() -> None:
    mouth = Mouth()
    for item in (Transcript(text="so"), Asked(text="who?")):
        assert list(mouth.stage.run(mouth.call, item)) == []


def test_push_to_talk_keeps_everything_for_the_commit() -> None:
    mouth = Mouth(settings=PUSH_TO_TALK)
    assert mouth.say(*[1.0] * 50, *[0.0] * 50) == []
    assert mouth.stage.buffered_ms(mouth.call) == 3200
    speech = list(mouth.stage.commit(mouth.call))
    assert marks(speech) == ["start", "end"]
    assert [piece.at_ms for piece in speech] == [0, 3200]
    assert sound(speech) == b"".join(hop(n) for n in range(100))
    assert mouth.stage.buffered_ms(mouth.call) == 0
    assert list(mouth.stage.commit(mouth.call)) == []


def test_a_second_commit_has_only_what_came_since() -> None:
    mouth = Mouth(settings=PUSH_TO_TALK)
    mouth.say(0, 0)
    list(mouth.stage.commit(mouth.call))
    mouth.say(0)
    speech = list(mouth.stage.commit(mouth.call))
    assert sound(speech) == hop(2)
    assert [piece.at_ms for piece in speech] == [64, 96]


def test_a_commit_ends_the_open_turn() -> None:
    mouth = Mouth(Silence(piece_ms=64))
    speech = mouth.say(1, 1, 1, 1, 1)
    assert mouth.stage.buffered_ms(mouth.call) == 160
    speech += mouth.stage.commit(mouth.call)
    assert marks(speech) == ["start", "more", "end"]
    assert sound(speech) == b"".join(hop(n) for n in range(5))
    assert mouth.say(0) == []


def test_commit_before_any_sound_gives_nothing() -> None:
    assert list(Silence().commit(Call("caller", 1, Settings()))) == []


def test_clear_forgets_sound_and_turn() -> None:
    mouth = Mouth()
    mouth.say(1, 1, 1)
    mouth.stage.clear(mouth.call)
    assert mouth.stage.buffered_ms(mouth.call) == 0
    assert list(mouth.stage.commit(mouth.call)) == []
    assert marks(mouth.say(1, 1)) == ["start"]


def test_the_end_of_the_input_ends_an_open_turn_only() -> None:
    mouth = Mouth()
    mouth.say(1, 1, 1)
    assert [(piece.mark, piece.pcm) for piece in mouth.stage.finish(mouth.call)] == [("end", hop(2))]
    mouth.say(0, 0)
    assert list(mouth.stage.finish(mouth.call)) == []


def test_detection_switched_on_after_push_to_talk_keeps_only_a_prefix() -> None:
    mouth = Mouth(settings=PUSH_TO_TALK)
    mouth.say(*[0.0] * 100)
    mouth.call.settings = Settings()
    mouth.say(0.0)
    assert mouth.stage.buffered_ms(mouth.call) == 300


@pytest.mark.parametrize("silence_ms", [0, 32])
def test_options_of_zero_still_need_a_hop(silence_ms: int) -> None:
    mouth = Mouth(Silence(silence_ms=silence_ms, min_speech_ms=0, soft_ms=0, prefix_ms=0, piece_ms=9999))
    assert marks(mouth.say(0, 1, 1, 0, 0)) == ["start", "end"]


@given(st.lists(st.floats(0, 1), max_size=120), st.sampled_from([None, 32, 96]), st.sampled_from([0.25, 60.0]))
def test_marks_alternate_and_no_sound_of_a_turn_is_lost_or_doubled(
    chances: list[float], soft_ms: int | None, max_speech_s: float
) -> None:
    mouth = Mouth(Silence(silence_ms=128, soft_ms=soft_ms, max_speech_s=max_speech_s, prefix_ms=100))
    speech = mouth.say(*chances)
    speech += mouth.stage.finish(mouth.call)
    everything = b"".join(hop(n) for n in range(len(chances)))
    turns: list[list[Speech]] = []
    for piece in speech:
        assert (piece.mark == "start") == (not turns or turns[-1][-1].mark == "end")
        turns += [[]] if piece.mark == "start" else []
        turns[-1].append(piece)
    ended_ms = 0.0
    for turn in turns:
        assert turn[-1].mark == "end"
        assert turn[0].at_ms >= ended_ms
        ended_ms = turn[-1].at_ms
        assert sound(turn) == everything[round(turn[0].at_ms * 32) : round(ended_ms * 32)]
        pauses = [piece.mark for piece in turn if piece.mark in ("pause", "resume")]
        assert pauses == ["pause", "resume"] * (len(pauses) // 2) + ["pause"] * (len(pauses) % 2)
