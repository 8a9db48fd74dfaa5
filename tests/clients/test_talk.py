"""The client that is made of the stock `openai` package, on the sound that all clients share."""

from __future__ import annotations

import asyncio
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from s2s.paths import PACKAGE
from tests.clients.sounds import Watched, read_wav, write_wav
from tests.modes.served import LOUD, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run `clients/talk.py` with a command line."""
    main = runpy.run_path(str(PACKAGE.parent / "clients" / "talk.py"))["main"]

    def run(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["talk.py", *words])
        main()

    return run


async def test_a_line_in_writing_is_answered_and_saved(
    talk: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save = tmp_path / "answer.wav"
    async with serving() as server:
        await asyncio.to_thread(talk, "--text", "hello", "--save", str(save), "--base-url", f"{server.http}/v1")
    assert capsys.readouterr().out == (
        f"agent: well, this is an answer. and it has two sentences.\nsaved 1.0 s of answers to {save}\n"
    )
    assert read_wav(save)[1] == 24000 and len(read_wav(save)[0]) == 2 * 24000


async def test_a_part_of_a_file_is_said(
    talk: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Watched()
    monkeypatch.setattr(sys, "stdout", out)
    path = write_wav(tmp_path / "in.wav", bytes(2 * 16000) + LOUD * 6400)
    async with serving() as server:
        words = ("--wav", path, "--part", "0.9", "1.4", "--tail", "1.5", "--base-url", f"{server.http}/v1")
        client = asyncio.create_task(asyncio.to_thread(talk, *words))
        await out.until("agent: ")
        assert out.getvalue().startswith("you:   hello\n       (")
        await client


def test_what_is_missing_is_told_with_its_own_flags(talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SystemExit, match=r"pip install 's2s\[mic\]'.* or use files instead, by --wav and --save"):
        talk("--mic")
    with pytest.raises(SystemExit, match=r"none\.wav can't be read: No such file or directory"):
        talk("--wav", "none.wav")
