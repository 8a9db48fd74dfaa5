"""What all that a caller was told in a whole call must add up to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from s2s.conversation import facts as f
from s2s.conversation.invariants import require
from s2s.testing.simulation.faulty_stages import HZ, SAMPLES_PER_WORD
from s2s.testing.simulation.script import Script


def adds_up(facts: Sequence[f.Fact]) -> None:
    """Check that deltas are the whole and in order; each sample of a clause's sound is its number."""
    for kind, whole in ((f.WordsDelta, f.WordsDone), (f.TextDelta, f.TextDone)):
        said: dict[str, str] = {}
        for fact in facts:
            if isinstance(fact, kind):
                said[fact.item_id] = said.get(fact.item_id, "") + fact.delta
            elif isinstance(fact, whole):
                text = fact.text
                require(said.get(fact.item_id, "") == text, "the deltas of an answer are its text")
    sounds: dict[str, bytearray] = {}
    spoken = {fact.item_id for fact in facts if isinstance(fact, f.PartAdded) and fact.kind == "audio"}
    for fact in facts:
        if isinstance(fact, f.SoundDelta):
            require(fact.item_id in spoken, "a written answer has no sound")
            require(fact.rate == HZ, "sound has the rate of its voice")
            sounds.setdefault(fact.item_id, bytearray()).extend(fact.pcm)
    for sound in sounds.values():
        clauses = memoryview(sound).cast("H")[::SAMPLES_PER_WORD].tolist()
        require(all(one <= next for one, next in pairwise(clauses)), "clauses are heard in order")
    for fact in facts:
        if isinstance(fact, f.ResponseDone) and fact.response.status == "completed":
            for item in fact.response.items:
                if item.parts and item.parts[0].kind == "output_audio":
                    samples = len(sounds.get(item.id, b"")) // 2
                    require(samples == len(item.text.split()) * SAMPLES_PER_WORD, "a completed answer is spoken whole")
    errors = (fact for fact in facts if isinstance(fact, f.Problem) and fact.code == "server_error")
    require(not any(errors), "listening does not fail")


def all_ended(facts: Sequence[f.Fact]) -> None:
    """Check that what was begun has ended: every response, and every turn with its words or the reason for none."""
    created = sorted(fact.response.id for fact in facts if isinstance(fact, f.ResponseCreated))
    done = sorted(fact.response.id for fact in facts if isinstance(fact, f.ResponseDone))
    require(created == done, "every response ends exactly once")
    missed = {fact.item_id for fact in facts if isinstance(fact, f.TurnMissed)}
    turns = {fact.item_id for fact in facts if isinstance(fact, f.TurnCommitted)} - missed
    told = {fact.item_id for fact in facts if isinstance(fact, (f.TurnText, f.TurnTextFailed))}
    require(turns == told, "every turn is transcribed, or it is said why not")


def answered(script: Script, heard: Sequence[tuple[float, f.Fact]]) -> None:
    """Check that there was an answer after the last turn with words.

    An answer that the client asked for in the meantime, or a later turn that it cleared, is a reason for none.
    """
    if not (script.create and script.interrupt and script.chat):
        return
    worded = {fact.item_id for _, fact in heard if isinstance(fact, f.TurnText) and fact.text}
    began = {fact.item_id: at for at, fact in heard if isinstance(fact, f.SpeechStarted)}
    turns = [
        (at, began[fact.item_id]) for at, fact in heard if isinstance(fact, f.TurnCommitted) if fact.item_id in worded
    ]
    if not turns or any(act.kind in ("create", "clear") and act.at >= turns[-1][1] for act in script.acts):
        return
    answers = [at for at, fact in heard if isinstance(fact, f.ResponseCreated) and fact.response.in_conversation]
    require(any(at >= turns[-1][0] for at in answers), "the last turn is answered")
