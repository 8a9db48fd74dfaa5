"""The default end of a turn, on real speech: what is whole is answered, and who has not finished is waited for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from s2s.bench.corpus import Corpus
from tests.embedded.client import ENDED, HZ, SdkCaller
from tests.embedded.server import Server
from tests.embedded.speech import word_error_rate

pytestmark = [pytest.mark.embedded, pytest.mark.anyio]

PAUSE_S = 0.9


@pytest.fixture(scope="module")
def fused() -> Iterator[Server]:
    """The embedded stack as it comes."""
    running = Server()
    yield running
    assert running.close() == 0, "".join(running.output)
    assert "Traceback" not in "".join(running.output), "".join(running.output)


def clips(kind: str, text: str) -> list[np.ndarray]:
    """The sound of a turn of the corpus, cut where it pauses."""
    turn = next(turn for turn in Corpus(rate=HZ).of(kind) if turn.text.startswith(text))
    sound = np.frombuffer(turn.pcm, "<i2")
    quiet = np.convolve(np.abs(sound.astype("f4")) < 200, np.ones(HZ // 5), "valid") >= HZ // 5
    if not turn.pauses_ms:
        return [sound]
    middle = int(np.flatnonzero(quiet).mean()) + HZ // 10
    return [sound[:middle], sound[middle:]]


async def test_questions_are_answered_and_a_caller_in_the_middle_of_a_sentence_is_waited_for(fused: Server) -> None:
    async with SdkCaller(fused.url) as caller:
        await caller.be_silent(0.5)
        for number, text in enumerate(("What is the weather", "Is there a pharmacy")):
            (question,) = clips("plain", text)
            ended = await caller.speak(question)
            await caller.be_silent_until(lambda n=number: len(caller.answers) > n and caller.answers[n].done)
            print(f"\nfirst sound {(caller.answers[-1].arrivals[0][0] - ended) * 1000:.0f} ms after the last frame")
            await caller.be_silent(caller.answers[-1].seconds)
        begun, rest = clips("long-pause", "My order number is")
        await caller.speak(begun)
        await caller.be_silent(PAUSE_S)
        await caller.speak(rest)
        await caller.be_silent_until(lambda: len(caller.answers) > 2 and caller.answers[2].done)
    assert all(answer.done.status in ENDED for answer in caller.answers)
    assert caller.types().count("input_audio_buffer.committed") == 3, "no turn was cut in two"
    said = ["What is the weather like in Lisbon today?", "Is there a pharmacy open near here?"]
    said.append("My order number is, seven four two nine.")
    assert word_error_rate(list(zip(said, caller.transcripts, strict=True))) <= 0.15
