"""What a loaded voice activity detector, turn detector or speech recogniser must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from s2s.messages import Activity, Audio, Message, Speech, Transcript
from s2s.settings import Detection, Settings
from s2s.stage import Call
from s2s.testing.bench import Bench, Skipped
from s2s.testing.speech import noise, sample, silence

Check = Callable[[Bench], None]

HOP_MS = 32


# Speech to text


def _speech(pcm: bytes, rate: int, piece_ms: int = 200) -> Iterator[Message | None]:
    step = 2 * rate * piece_ms // 1000
    pieces = [pcm[at : at + step] for at in range(0, len(pcm), step)] or [b""]
    for number, piece in enumerate(pieces):
        yield Speech(pcm=piece, rate=rate, mark="more" if number else "start")
    yield Speech(pcm=b"", rate=rate, mark="end")
    yield None


def _hear(bench: Bench, pcm: bytes, call: Call | None = None) -> str:
    call, rate, final = call or bench.call(), bench.stage.takes_hz or 16000, []
    for item in _speech(pcm, rate):
        for out in bench.drain(call, item):
            assert isinstance(out, Transcript), f"{out!r} is no Transcript"
            assert 0 <= out.stable <= len(out.text), f"stable={out.stable} of {len(out.text)} characters"
            assert not (out.final and item is not None), "a final transcript before the turn has ended"
            assert out.final or item is not None, "a partial transcript from finish"
            final += [out.text] if out.final else []
    assert len(final) <= 1, f"{len(final)} final transcripts of one turn"
    return "".join(final)


def _understands(bench: Bench, call: Call | None = None) -> None:
    speech = sample(bench.stage.takes_hz or 16000)
    text = _hear(bench, speech.pcm, call)
    assert all(word in text.lower() for word in speech.words), f"{speech.words} expected in {text!r}"


def _hears_nothing(bench: Bench) -> None:
    rate = bench.stage.takes_hz or 16000
    assert _hear(bench, b"") == "", "words from no sound"
    assert len(_hear(bench, silence(0.01, rate))) < 40
    assert len(_hear(bench, silence(60, rate))) < 40, "many words from a minute of silence"


def _hears_noise(bench: Bench) -> None:
    _hear(bench, noise(3, bench.stage.takes_hz or 16000))


def _keeps_callers_apart(bench: Bench) -> None:
    rate = bench.stage.takes_hz or 16000
    speech, quiet = _speech(sample(rate).pcm, rate), _speech(silence(2, rate), rate)
    one, other = bench.call("one"), bench.call("other")
    heard: dict[str, str] = {"one": "", "other": ""}
    for item in speech:
        for call, next_item in ((one, item), (other, next(quiet, None))):
            for out in bench.drain(call, next_item):
                heard[call.id] = out.text
    assert len(heard["other"]) < 20, f"the silent caller said {heard['other']!r}"
    assert all(word in heard["one"].lower() for word in sample(rate).words), f"the speaking one said {heard['one']!r}"


def _keeps_turns_apart(bench: Bench) -> None:
    call = bench.call()
    _understands(bench, call)
    again = _hear(bench, silence(1, bench.stage.takes_hz or 16000), bench.call(of=call))
    assert len(again) < 20, f"the next turn, silent, begins with {again!r}"


# Voice activity detection


def _audio(pcm: bytes, rate: int, sizes: tuple[int, ...]) -> Iterator[Audio]:
    at, number = 0, 0
    while at < len(pcm):
        size = sizes[number % len(sizes)]
        yield Audio(pcm=pcm[at : at + size], rate=rate, at_ms=at / 2 / rate * 1000)
        at, number = at + size, number + 1


def _activity(bench: Bench, pcm: bytes, sizes: tuple[int, ...] = (640,), call: Call | None = None) -> list[Activity]:
    rate = bench.stage.takes_hz or 16000
    hops = bench.drain(call or bench.call(), *_audio(pcm, rate, sizes))
    for hop in hops:
        assert isinstance(hop, Activity), f"{hop!r} is no Activity"
        assert 0 <= hop.speech <= 1, f"a probability of {hop.speech}"
    return hops


def _chances(hops: list[Activity]) -> list[float]:
    return [round(hop.speech, 2) for hop in hops]


def _tells_speech(bench: Bench) -> None:
    rate = bench.stage.takes_hz or 16000
    quiet, speech = _activity(bench, silence(2, rate)), _activity(bench, sample(rate).pcm)
    assert max((hop.speech for hop in quiet), default=1.0) < 0.3, "silence taken for speech"
    assert sum(hop.speech > 0.5 for hop in speech) > len(speech) / 3, "most speech was missed"


def _takes_frames_of_any_size(bench: Bench) -> None:
    rate = bench.stage.takes_hz or 16000
    pcm = sample(rate).pcm[: 4 * rate]
    whole = _activity(bench, pcm)
    for sizes in ((1, 2, 3), (len(pcm),), (511, 2049), (1023, 0, 1025)):
        hops = _activity(bench, pcm, sizes)
        assert b"".join(hop.pcm for hop in hops) == pcm[: sum(len(hop.pcm) for hop in hops)], (
            f"frames of {sizes}: sound lost"
        )
        assert _chances(hops) == _chances(whole), f"frames of {sizes} bytes are heard differently"


def _keeps_ears_apart(bench: Bench) -> None:
    rate = bench.stage.takes_hz or 16000
    pcm, one, other = sample(rate).pcm[: 4 * rate], bench.call("one"), bench.call("other")
    alone = _chances(_activity(bench, pcm))
    mixed: list[Activity] = []
    for frame in _audio(pcm, rate, (1024,)):
        mixed += bench.drain(one, frame)
        bench.drain(other, Audio(pcm=noise(0.032, rate, 0.3), rate=rate))
    assert _chances(mixed) == alone, "another caller's sound changes what is heard"


def _batches(bench: Bench) -> None:
    stage = bench.loaded()
    run_batch: Callable[..., list[list[Activity]]] | None = getattr(stage, "run_batch", None)
    if run_batch is None:
        raise Skipped("it has no run_batch")
    rate = stage.takes_hz or 16000
    pcms = [sample(rate).pcm[: 2 * rate], noise(1, rate), silence(1, rate)]
    calls = [bench.call(str(number)) for number in range(3)]
    batched: list[list[Activity]] = [[], [], []]
    for frames in zip(*(_audio(pcm, rate, (640,)) for pcm in pcms), strict=True):
        for hops, more in zip(batched, run_batch(calls, list(frames)), strict=True):
            hops += more
    for pcm, hops in zip(pcms, batched, strict=True):
        assert _chances(hops) == _chances(_activity(bench, pcm)), "a batch is heard differently"


# Turn detection


def _marks(bench: Bench, call: Call, *parts: tuple[float, float], at_ms: float = 0.0) -> list[Speech]:
    """Give parts of (seconds, probability of speech) and return what is sent."""
    sent = []
    for seconds, speech in parts:
        for _ in range(round(seconds * 1000 / HOP_MS)):
            pcm = noise(HOP_MS / 1000) if speech > 0.5 else silence(HOP_MS / 1000)
            sent += bench.drain(call, Activity(pcm=pcm, rate=16000, speech=speech, at_ms=at_ms))
            at_ms += HOP_MS
    return sent


def _alternate(sent: list[Speech]) -> int:
    """Return how many turns there were; they begin and end in turn, and nothing comes between them."""
    inside, paused, turns = False, False, 0
    for speech in sent:
        assert len(speech.pcm) % 2 == 0
        assert inside == (speech.mark != "start"), f"'{speech.mark}' {'in' if inside else 'outside'} a turn"
        assert speech.mark not in ("ripe", "resume") or paused, f"'{speech.mark}' without 'pause'"
        inside = speech.mark != "end"
        paused = speech.mark == "pause" or (paused and speech.mark in ("more", "ripe"))
        turns += speech.mark == "end"
    assert not inside, "a turn stays open after long silence"
    return turns


def _ends_turns(bench: Bench) -> None:
    sent = _marks(bench, bench.call(), (1, 0.01), (2, 0.99), (10, 0.01), (2, 0.99), (0.2, 0.01), (1, 0.99), (10, 0.01))
    assert _alternate(sent) == 2, f"two turns expected: {[speech.mark for speech in sent]}"
    start, end = sent[0], next(speech for speech in sent if speech.mark == "end")
    assert 0 <= start.at_ms <= 1300, f"a turn that began at 1000 ms is said to begin at {start.at_ms:.0f}"
    assert end.at_ms > start.at_ms + 1500


def _ignores_silence(bench: Bench) -> None:
    assert _marks(bench, bench.call(), (5, 0.01)) == [], "a turn of silence"


def _ends_with_the_call(bench: Bench) -> None:
    call = bench.call()
    sent = _marks(bench, call, (2, 0.99)) + bench.drain(call, None)
    assert _alternate(sent) == 1, "an open turn should end with the sound"
    assert not bench.drain(call, None), "finish ends a turn twice"


def _turns_of_two(bench: Bench) -> None:
    one, other = bench.call("one"), bench.call("other")
    began, quiet = _marks(bench, one, (1, 0.99)), _marks(bench, other, (12, 0.01))
    assert [speech.mark for speech in began[:1]] == ["start"], "no turn for who speaks"
    assert quiet == [], "a turn for who is silent"
    assert _alternate(began + _marks(bench, one, (10, 0.01), at_ms=992)) == 1


def _commits(bench: Bench) -> None:
    stage = bench.loaded()
    commit: Callable[[Call], Iterator[Speech]] | None = getattr(stage, "commit", None)
    if commit is None:
        raise Skipped("it has no commit, so push-to-talk is not for it")
    for detection in (None, Detection()):
        call = bench.call(settings=Settings(detection=detection))
        sent = _marks(bench, call, (1, 0.99)) + list(commit(call))
        assert _alternate(sent) == 1, "commit should end the turn"
        assert sum(len(speech.pcm) for speech in sent) >= 2 * 16 * 900, "commit lost sound"
        assert list(commit(call)) == [], "a second commit makes a turn of nothing"


HEARING: dict[str, dict[str, Check]] = {
    "vad": {
        "tells-speech-from-silence": _tells_speech,
        "takes-frames-of-any-size": _takes_frames_of_any_size,
        "keeps-callers-apart": _keeps_ears_apart,
        "batches-as-it-runs": _batches,
    },
    "turn": {
        "marks-begin-and-end-turns": _ends_turns,
        "ignores-silence": _ignores_silence,
        "ends-the-turn-with-the-call": _ends_with_the_call,
        "keeps-callers-apart": _turns_of_two,
        "commits": _commits,
    },
    "stt": {
        "understands-speech": _understands,
        "survives-no-sound-and-silence": _hears_nothing,
        "survives-noise": _hears_noise,
        "keeps-callers-apart": _keeps_callers_apart,
        "keeps-turns-apart": _keeps_turns_apart,
    },
}
