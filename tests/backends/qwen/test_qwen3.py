"""Qwen3-TTS by its makers' package, on tiny random weights: it speaks noise, but as the published models speak."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import s2s.tts.qwen3_frames
from s2s.audio import float32
from s2s.messages import Clause, Sound
from s2s.settings import Settings
from s2s.stage import Call
from s2s.torch_models import check_torchaudio
from s2s.tts.loudness import Floats
from s2s.tts.qwen3 import Qwen3
from s2s.tts.qwen3_frames import CONVOLVED, Decoder
from s2s.wav import wav
from s2s.weights import WeightsError
from tests.backends.qwen import checkpoint
from tests.backends.suite import built, conforms, from_hub

FRAME = 1920
TEXT = "Hello there, how are you today?"
TONE = (8000 * np.sin(np.arange(32000) / 20)).astype("<i2")


def model(kind: str = "custom_voice") -> str:
    return str(built(f"qwen3-{kind}", getattr(checkpoint, kind)))


def loaded(kind: str = "custom_voice", **options: Any) -> Qwen3:
    stage = Qwen3(model=model(kind), device="cpu", **{"max_tokens": 20, "lead_ms": None, **options})
    stage.load()
    return stage


@pytest.fixture(scope="module")
def qwen3() -> Qwen3:
    return loaded()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the paths of two voices, a tone and noise."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "a.wav").write_bytes(wav(TONE.tobytes(), 16000))
    noise = np.random.default_rng(0).normal(0, 3000, 32000)
    (folder / "b.wav").write_bytes(wav(noise.astype("<i2").tobytes(), 16000))
    return [str(path) for path in sorted(folder.iterdir())]


def caller(**settings: Any) -> Call:
    call = Call("caller", 1, Settings(**settings))
    call.state["stop"] = threading.Event()
    return call


def spoken(stage: Qwen3, text: str = TEXT, **settings: Any) -> Floats:
    """Return what the model itself makes of a text, always by the same chance."""
    torch.manual_seed(1)
    return np.concatenate(list(stage.speak(caller(**settings), text)))


def frames_of(sounds: list[Sound]) -> list[float]:
    return [len(sound.pcm) / 2 / FRAME for sound in sounds]


@contextlib.contextmanager
def counted(stage: Qwen3, at: int = 0) -> Iterator[tuple[list[int], threading.Event]]:
    """Give the steps that the talker makes meanwhile, and what is set after the one of that number."""
    steps, reached = list[int](), threading.Event()

    def count(*_: object) -> None:
        steps.append(1)
        if len(steps) > at:
            reached.set()

    hook = stage._tts.model.talker.register_forward_hook(count)
    yield steps, reached
    hook.remove()
    assert not stage._tts.model.talker._forward_hooks
    assert not [thread for thread in threading.enumerate() if thread.name == "qwen3-talker"]


def test_conforms() -> None:
    random = "weights are random: every text lasts max_tokens"
    stage = Qwen3(model=model(), device="cpu", max_tokens=20, lead_ms=None)
    conforms("tts", stage, cannot={"takes-long-text": random})


def test_it_speaks_what_the_package_speaks(qwen3: Qwen3) -> None:
    torch.manual_seed(1)
    (whole,), rate = qwen3._tts.generate_custom_voice(TEXT, "aiden", "auto", max_new_tokens=20)
    ours = spoken(qwen3)
    assert rate == qwen3.rate
    assert len(ours) == len(whole) == 19 * FRAME  # the code of the last step is not looked up any more
    assert np.std(whole) > 0.05
    assert np.abs(ours - whole).max() < 1e-4


@pytest.mark.parametrize("count", [1, 3, 40, 330])
def test_pieces_are_the_whole(qwen3: Qwen3, count: int) -> None:
    codec = qwen3._tts.model.speech_tokenizer
    codes = torch.randint(checkpoint.CODES, (count, checkpoint.BOOKS))
    with torch.inference_mode():
        whole = codec.model.decoder(codes.T.unsqueeze(0))[0, 0].numpy()
    assert np.abs(in_pieces(codec, codes) - whole).max() < 1e-4


def test_pieces_that_hear_less_are_not(qwen3: Qwen3, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = qwen3._tts.model.speech_tokenizer
    codes = torch.randint(checkpoint.CODES, (40, checkpoint.BOOKS))
    whole = codec.decode({"audio_codes": codes})[0][0]
    monkeypatch.setattr(s2s.tts.qwen3_frames, "CONVOLVED", 2)
    assert np.abs(in_pieces(codec, codes) - whole).max() > 1e-3


def test_the_convolutions_hear_no_further(qwen3: Qwen3) -> None:
    model = qwen3._tts.model.speech_tokenizer.model.decoder
    assert (*model.config.upsample_rates, *model.config.upsampling_ratios) == (8, 5, 4, 3, 2, 2)  # as published
    frames = made = torch.randn(1, model.config.latent_dim, 30, requires_grad=True)
    for block in [*(block for blocks in model.upsample for block in blocks), *model.decoder]:
        made = block(made)
    made[0, 0, -FRAME:].sum().backward()
    heard = frames.grad.abs().sum(1)[0].nonzero()
    assert 29 - int(heard.min()) <= CONVOLVED


def in_pieces(codec: Any, codes: Any) -> Floats:
    decoder, made = Decoder(codec), list[Floats]()
    for piece in torch.split(codes, 7):
        made.append(decoder.sound(list(piece)))
    return np.concatenate(made)


def test_the_first_piece_is_short(qwen3: Qwen3) -> None:
    stage = loaded(max_tokens=45)
    call = Call("caller", 1, Settings())
    assert frames_of(list(stage.run(call, Clause(text=TEXT)))) == [4, 8, 12, 12, 8]


def test_a_text_lasts_no_longer_than_it_may(qwen3: Qwen3) -> None:
    stage = loaded(max_tokens=1536)
    sounds = list(stage.run(Call("caller", 1, Settings()), Clause(text="Hi.")))
    assert sum(frames_of(sounds)) == 50 + 4 * 3 - 1


def test_cancel_while_the_first_sound_is_made() -> None:
    stage = loaded(first_frames=1000)
    object.__setattr__(stage, "max_tokens", 1536)
    call, sounds = Call("caller", 1, Settings()), list[Sound]()
    with counted(stage, at=3) as (steps, reached):
        thread = threading.Thread(target=lambda: sounds.extend(stage.run(call, Clause(text=TEXT))))
        thread.start()
        assert reached.wait(30)
        stage.cancel(call)
        before = len(steps)
        thread.join(30)
        assert not thread.is_alive()
        assert len(steps) <= before + 1
    assert sounds == []


def test_a_revoked_call_ends_within_a_step() -> None:
    stage = loaded()
    object.__setattr__(stage, "max_tokens", 1536)
    call = Call("caller", 1, Settings())
    with counted(stage) as (steps, _):
        running = stage.run(call, Clause(text=TEXT))
        next(running)
        call.live = False
        before = len(steps)
        assert list(running) == []
        assert len(steps) <= before + 1


def test_nobody_listens_any_more() -> None:
    stage = loaded()
    object.__setattr__(stage, "max_tokens", 1536)
    with counted(stage) as (steps, _):
        running = stage.run(Call("caller", 1, Settings()), Clause(text=TEXT))
        next(running)
        before = len(steps)
        running.close()
        assert len(steps) <= before + 1


def test_what_fails_in_the_talker_is_told(qwen3: Qwen3, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(qwen3._tts.model, "generate", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(qwen3.run(Call("caller", 1, Settings()), Clause(text=TEXT)))


def test_clients_choose_among_the_models_voices(qwen3: Qwen3) -> None:
    assert qwen3.voice_names() == ["aiden", "ryan"]
    own, other = spoken(qwen3), spoken(qwen3, voice="Ryan")
    assert not np.array_equal(own, other)
    assert np.array_equal(own, spoken(qwen3, voice="/etc/passwd"))
    assert np.array_equal(other, spoken(loaded(voice="ryan")))


@pytest.mark.parametrize(
    "options",
    [{"instructions": "Very happy."}, {"language": "en"}, {"language": "German"}, {"top_k": 2}, {"top_p": 0.1}],
)
def test_an_option_changes_how_it_speaks(qwen3: Qwen3, options: dict[str, Any]) -> None:
    assert not np.array_equal(spoken(qwen3), spoken(loaded(**options)))


def test_without_temperature_it_is_always_the_same() -> None:
    stage = loaded(temperature=0.0)
    first = np.concatenate(list(stage.speak(caller(), TEXT)))
    assert np.array_equal(first, np.concatenate(list(stage.speak(caller(), TEXT))))


def test_what_is_chosen_from_all_codes_ends_by_itself() -> None:
    stage = loaded(top_k=200, temperature=5.0, max_tokens=1536)
    torch.manual_seed(1)
    assert 0 < len(np.concatenate(list(stage.speak(caller(), TEXT * 9)))) < 900 * FRAME


def test_no_text_ends_the_prompt(qwen3: Qwen3) -> None:
    marks = qwen3._tts.processor.tokenizer.convert_tokens_to_ids(checkpoint.MARKS)
    ids = qwen3._asked(caller(), "hello <|im_end|> you <tts_eos>")["input_ids"][0][0, 3:-5].tolist()
    assert not set(ids) & set(marks[:3])
    assert len(spoken(qwen3, "<|im_end|> hello"))


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_numbers_are_of_the_kind_that_was_asked_for(kind: str) -> None:
    stage = loaded(dtype=kind, attention="eager")
    assert stage._tts.model.dtype == getattr(torch, kind)
    assert np.std(spoken(stage)) > 0.02


def test_a_voice_is_cloned_with_its_words(recordings: list[str]) -> None:
    stage = loaded("base", ref_audio=recordings[0], ref_text="hello how are you")
    assert stage.voice_names() == []
    torch.manual_seed(1)
    heard = np.concatenate([TONE / 32768, np.zeros(8000)]).astype("f4")
    voice = {"ref_audio": (heard, 16000), "ref_text": "hello how are you"}
    (whole,), _ = stage._tts.generate_voice_clone(TEXT, "auto", **voice, max_new_tokens=20)
    ours = spoken(stage)
    assert len(ours) == len(whole)
    assert np.abs(ours - whole).max() < 1e-3
    other = spoken(loaded("base", ref_audio=recordings[1], ref_text="hello how are you"))
    assert not np.array_equal(ours, other)


def test_a_voice_is_cloned_without_words(recordings: list[str]) -> None:
    stages = [loaded("base", ref_audio=path, xvec_only=True) for path in recordings]
    one, other = (spoken(stage) for stage in stages)
    assert len(one) == len(other) == 19 * FRAME
    assert not np.array_equal(one, other)


def test_a_voice_is_described() -> None:
    low, high = (spoken(loaded("voice_design", instructions=text)) for text in ("A low voice.", "A high voice."))
    assert not np.array_equal(low, high)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("custom_voice", {"voice": "Bob"}, "voice: the model has no voice 'Bob'; it has aiden, ryan"),
        ("custom_voice", {"language": "xx"}, "language: the model has no 'xx'; it has auto, english, german"),
        ("custom_voice", {"ref_audio": "a.wav"}, "ref_audio: the model clones no voice; take a ...-Base"),
        ("custom_voice", {"device": "cuda"}, "finds no cuda here; choose device=cpu"),
        ("base", {}, "ref_audio: the model clones a voice; name a recording of one"),
        ("base", {"ref_audio": "a.wav"}, "ref_text: should be the words of ref_audio; without them say xvec_only=true"),
        ("base", {"ref_audio": "/no/a.wav", "xvec_only": True}, "/no/a.wav: no such file or folder"),
        ("base", {"ref_audio": "a.wav", "xvec_only": True, "instructions": "Sad."}, "a model that clones takes none"),
        ("voice_design", {}, "instructions: the model makes a voice of a description; give one"),
    ],
)
def test_options_that_do_not_fit(kind: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, WeightsError)) as error:
        Qwen3(**{"model": model(kind), "device": "cpu", **options}).load()
    assert said in str(error.value)


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("hello")
    with pytest.raises(WeightsError, match=r"a\.wav can't be read as sound: .*; give a WAV, FLAC or Ogg"):
        loaded("base", ref_audio=str(tmp_path / "a.wav"), xvec_only=True)


def test_what_is_no_qwen3(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model's folder: config\.json, speech_tokenizer/config\.json not in"):
        Qwen3(model=str(tmp_path)).load()
    (tmp_path / "speech_tokenizer").mkdir()
    for name in ("config.json", "speech_tokenizer/config.json"):
        (tmp_path / name).write_text('{"model_type": "llama"}')
    with pytest.raises(WeightsError, match="no Qwen3-TTS of 12 Hz; take one such as"):
        Qwen3(model=str(tmp_path)).load()


def test_a_torchaudio_for_another_torch_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text("raise OSError('libtorch_cuda.so: no such file')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        RuntimeError, match=r"built for another torch than .*; install the torchaudio of the same build"
    ):
        check_torchaudio()


def test_it_is_gone_when_it_is_closed() -> None:
    stage = loaded()
    stage.close()
    assert stage._tts is None


def test_level(qwen3: Qwen3) -> None:
    sounds = b"".join(sound.pcm for sound in qwen3.run(Call("caller", 1, Settings()), Clause(text=TEXT)))
    assert -21 < 20 * np.log10(np.std(float32(sounds))) < -15


def test_the_default_model_is_fetched_from_its_hub() -> None:
    from_hub(Qwen3(max_tokens=20), Path(model()))
