"""Ranges of seeds on the command line: counted, told where something breaks, the same by one process or by several."""

from __future__ import annotations

import sys

import pytest

from s2s.conversation import responses
from s2s.testing.simulation import __main__ as command
from s2s.testing.simulation.seeds import CHUNKS, Level, play, play_range
from s2s.testing.simulation.world import World


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """Run a command line and return its exit code and what it prints."""
    monkeypatch.setattr(sys, "argv", ["simulation", *words])
    code = command.main()
    return code, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("level", ["reducer", "engine"])
def test_a_range_is_played_and_counted(
    level: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (line,) = told(monkeypatch, capsys, "--level", level, "--seeds", "30-34")
    assert code == 0
    assert line.startswith(f"{level}: seeds 30 to 34: 4 conversations and ") and line.endswith("; 0 broken")


def test_each_kind_of_breakage_is_told_as_a_short_script_and_every_seed_by_its_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(responses, "answer", lambda *_, **__: None)
    monkeypatch.setattr(command, "STORIES", 1)
    monkeypatch.setattr(command, "PROGRESS_S", 0.0)
    code, lines = told(monkeypatch, capsys, "--level", "engine", "--seeds", "0-10")
    seeds = [line for line in lines if line.startswith("seed ")]
    assert code == 1 and len(seeds) > 1 and all(line.endswith(": the last turn is answered") for line in seeds)
    assert len([line for line in lines if line.startswith("Script(")]) == 1
    assert lines[-1].endswith(f"; {len(seeds)} broken") and lines[-2].startswith("engine: seeds 0 to 10: ")


def test_an_interrupt_tells_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(level: Level, first: int, end: int, processes: int = 1):  # type: ignore[no-untyped-def]
        yield play(level, first, first + 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "play_range", interrupted)
    code, lines = told(monkeypatch, capsys, "--seeds", "1_000-2_000")
    assert code == 0 and lines[-1].startswith("reducer: seeds 1,000 to 1,002: 2 of 1,000 conversations")


def test_what_is_raised_counts_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "run", lambda _: 1 / 0)
    assert play("reducer", 0, 1).broken == ((0, "ZeroDivisionError: division by zero"),)


def test_several_processes_play_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHUNKS, "reducer", 4)
    alone = list(play_range("reducer", 0, 10))
    assert [(played.first, played.end) for played in alone] == [(0, 4), (4, 8), (8, 10)]
    assert list(play_range("reducer", 0, 10, processes=2)) == alone


@pytest.mark.parametrize("text", ["500", "5-5", "9-3", "a-b", "-3"])
def test_a_range_that_is_none_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        told(monkeypatch, capsys, f"--seeds={text}")
    assert f"should be like 0-500, not '{text}'" in capsys.readouterr().err
