"""ChatTTS on tiny random weights: it speaks noise, but as the published model speaks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ChatTTS.core
import numpy as np
import pytest
import torch

from s2s.messages import Clause
from s2s.settings import Settings
from s2s.stage import Call
from s2s.tts.chattts import ChatTts
from s2s.tts.loudness import Floats
from s2s.weights import WeightsError
from tests.backends.chattts import checkpoint
from tests.backends.suite import built, conforms

TEXT = "Hello there, how are you today?"


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    """Have the package expect the tiny model's shapes; those of the published one stand in its code."""
    published = ChatTTS.core.Config
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChatTTS.core, "Config", lambda: checkpoint.config(published))
        yield


def made(**options: Any) -> ChatTts:
    model = str(built("chattts", checkpoint.build))
    usual = {"device": "cpu", "verify": False, "max_tokens": 120, "lead_ms": None}
    return ChatTts(model=model, **{**usual, **options})  # type: ignore[arg-type]


def loaded(**options: Any) -> ChatTts:
    stage = made(**options)
    stage.load()
    return stage


@pytest.fixture(scope="module")
def chattts(tiny: None) -> ChatTts:
    return loaded(voices={"mary": 7})


def caller(**settings: Any) -> Call:
    call = Call("caller", 1, Settings(**settings))
    call.state["stop"] = threading.Event()
    return call


def spoken(stage: ChatTts, text: str = TEXT, **settings: Any) -> Floats:
    """Return what the model itself makes of a text, always by the same chance."""
    torch.manual_seed(1)
    return np.concatenate([np.zeros(0, np.float32), *stage.speak(caller(**settings), text)])


@contextlib.contextmanager
def counted(stage: ChatTts, at: int = 0) -> Iterator[tuple[list[int], threading.Event]]:
    """Give the steps that the model makes meanwhile, and what is set after the one of that number."""
    steps, reached = list[int](), threading.Event()

    def count(*_: object) -> None:
        steps.append(1)
        if len(steps) > at:
            reached.set()

    hook = stage._chat.gpt.gpt.register_forward_hook(count)
    yield steps, reached
    hook.remove()


def test_conforms() -> None:
    conforms("tts", made(max_tokens=800))


def test_sound_comes_while_it_is_made(chattts: ChatTts) -> None:
    with counted(chattts) as (steps, _):
        running = chattts.run(Call("caller", 1, Settings()), Clause(text=TEXT))
        first = next(running)
        assert len(steps) == 72
        assert len(first.pcm) == 24000
        rest = list(running)
        assert len(steps) == 120
    assert len(rest) == 4


def test_pieces_are_the_whole(chattts: ChatTts) -> None:
    torch.manual_seed(1)
    how = chattts._chat.InferCodeParams(spk_emb=chattts._speakers[""], max_new_token=120, show_tqdm=False)
    (whole,) = next(chattts._chat._infer([TEXT], skip_refine_text=True, split_text=False, params_infer_code=how))
    ours, pieces = spoken(chattts), 4 * 12000
    assert np.std(whole) > 0.02
    assert 0 <= len(whole) - len(ours) < 10  # the package leaves zeros out of the last piece
    difference = np.abs(ours[:pieces] - whole[:pieces]).max()
    print(f"pieces and whole differ by {difference:.1e} of {np.abs(whole).max():.2f}")
    assert difference < 0.01 * np.abs(whole).max()


def test_cancel_while_the_first_sound_is_made(chattts: ChatTts) -> None:
    call, sounds = Call("caller", 1, Settings()), list[Any]()
    with counted(chattts, at=20) as (steps, reached):
        thread = threading.Thread(target=lambda: sounds.extend(chattts.run(call, Clause(text=TEXT))))
        thread.start()
        assert reached.wait(30)
        chattts.cancel(call)
        before = len(steps)
        thread.join(30)
        assert not thread.is_alive()
        assert len(steps) <= before + 1
    assert sounds == []
    assert len(spoken(chattts)) > 24000


def test_a_cancelled_call_stops_no_other(chattts: ChatTts) -> None:
    gone, other = Call("gone", 1, Settings()), Call("other", 1, Settings())
    list(chattts.run(gone, Clause(text=TEXT)))
    with counted(chattts) as (steps, _):
        running = chattts.run(other, Clause(text=TEXT))
        next(running)
        chattts.cancel(gone)
        list(running)
        assert len(steps) == 120


def test_a_revoked_call_ends_within_a_step(chattts: ChatTts) -> None:
    call = Call("caller", 1, Settings())
    with counted(chattts) as (steps, _):
        running = chattts.run(call, Clause(text=TEXT))
        next(running)
        call.live = False
        assert list(running) == []
        assert len(steps) == 72


def test_clients_choose_among_the_speakers_of_the_yaml(chattts: ChatTts) -> None:
    assert chattts.voice_names() == ["mary"]
    own, mary = spoken(chattts), spoken(chattts, voice="mary")
    assert not np.array_equal(own, mary)
    assert np.array_equal(own, spoken(chattts, voice="/etc/passwd"))
    assert np.array_equal(mary, spoken(loaded(speaker=7)))


def test_a_seed_is_the_packages_own(chattts: ChatTts) -> None:
    torch.manual_seed(2)
    assert chattts._speakers[""] == chattts._chat.sample_random_speaker()


def test_a_speaker_that_was_saved(chattts: ChatTts, tmp_path: Path) -> None:
    (tmp_path / "mary.txt").write_text(chattts._speakers["mary"] + "\n", encoding="utf-8")
    stage = loaded(speaker=str(tmp_path / "mary.txt"))
    assert np.array_equal(spoken(stage), spoken(chattts, voice="mary"))
    assert str(tmp_path / "mary.txt") in stage.weights()


def test_what_is_no_speaker(chattts: ChatTts, tmp_path: Path) -> None:
    (tmp_path / "mary.txt").write_text("hello")
    with pytest.raises(WeightsError, match=r"mary\.txt: no speaker of ChatTTS; save what its sample_random_speaker"):
        loaded(voices={"mary": str(tmp_path / "mary.txt")})
    (tmp_path / "mary.txt").write_text(chattts._chat.speaker._encode(torch.zeros(3)), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"mary\.txt: a speaker of 3 numbers; this model's have 768"):
        loaded(voices={"mary": str(tmp_path / "mary.txt")})


@pytest.mark.parametrize(
    "options",
    [{"prompt": "[speed_9]"}, {"refine": "[oral_2][laugh_0]"}, {"temperature": 5.0}, {"top_k": 500, "top_p": 1.0}],
)
def test_an_option_changes_how_it_speaks(chattts: ChatTts, options: dict[str, Any]) -> None:
    assert not np.array_equal(spoken(chattts), spoken(loaded(**options)))


def test_numbers_are_read(chattts: ChatTts) -> None:
    assert len(spoken(chattts, "42")) > 24000
    assert np.array_equal(spoken(chattts, "I am 42"), spoken(chattts, "I am forty two"))


@pytest.mark.parametrize("text", ["😀", "...", "½ € №"])
def test_nothing_that_it_can_read_is_nothing(chattts: ChatTts, text: str) -> None:
    assert len(spoken(chattts, text)) == 0


def test_no_text_commands_the_model(chattts: ChatTts) -> None:
    assert np.array_equal(spoken(chattts, "a [speed_9] b"), spoken(chattts, "a (speed_9) b"))


def test_a_text_lasts_no_longer_than_it_may() -> None:
    stage = loaded(max_tokens=2048)
    with counted(stage) as (steps, _):
        spoken(stage, "Hi.")
        assert len(steps) == 200 + 15 * 3


def test_sums_are_checked() -> None:
    with pytest.raises(WeightsError, match=r"not the weights that this version of ChatTTS knows .*; fetch them again"):
        loaded(verify=True)


def test_a_device_that_is_absent() -> None:
    with pytest.raises(ValueError, match="finds no cuda here; choose device=cpu"):
        loaded(device="cuda")


def test_it_is_gone_when_it_is_closed() -> None:
    stage = loaded()
    stage.close()
    assert stage._chat is None
