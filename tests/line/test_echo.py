"""Who speaks into an agent is told from its echo: the arithmetic of ducking, piece by piece."""

from __future__ import annotations

import pytest

from s2s.line.echo import COUPLING, DOUBT_S, GAP_S, LONG_S, QUIET, Duck, HalfDuplex, Headphones, echo

STEP_S = 0.02
SAID = 0.1
"""How loud the agent is."""


class Desk:
    """An agent that says a constant, its echo, and a voice; the loudness of both comes to the microphone."""

    def __init__(self, coupling: float, duck: Duck | None = None) -> None:
        self.duck = duck or Duck()
        self.true = coupling
        self.heard: list[str] = []
        self.gains: list[float] = []
        self.number = 0

    def pass_by(self, seconds: float, voice: float = 0.0, said: float = SAID) -> None:
        for _ in range(round(seconds / STEP_S)):
            sounding = said * self.duck.gain
            level = (voice**2 + (self.true * sounding) ** 2) ** 0.5
            self.number += 1
            pcm = self.number.to_bytes(2, "little")
            out = self.duck.hear(pcm, STEP_S, level, sounding)
            self.heard += [out[at : at + 2].hex() for at in range(0, len(out), 2)]
            self.gains.append(self.duck.gain)

    @property
    def numbers(self) -> list[int]:
        return [int.from_bytes(bytes.fromhex(piece), "little") for piece in self.heard]


def test_each_policy_has_its_own() -> None:
    assert type(echo("half-duplex")) is HalfDuplex
    assert type(echo("duck")) is Duck
    assert type(echo("none")) is Headphones


def test_headphones_hear_all_and_half_duplex_nothing_of_an_agent() -> None:
    assert Headphones().hear(b"ab", STEP_S, 1.0, 1.0) == b"ab"
    assert HalfDuplex().hear(b"ab", STEP_S, 1.0, 0.1) == b""
    assert HalfDuplex().hear(b"ab", STEP_S, 1.0, 0.0) == b"ab"


@pytest.mark.parametrize("coupling", [0.0, 0.05, 0.3, 1.0, 1.9])
def test_an_echo_interrupts_nobody_and_leaves_the_agent_as_loud_as_it_is(coupling: float) -> None:
    desk = Desk(coupling)
    desk.pass_by(5)
    assert set(desk.gains) == {1.0}
    assert desk.numbers == [0] * 250, "silence as long as the sound was"
    assert desk.duck.coupling == pytest.approx(coupling, abs=0.02)


def test_while_the_agent_is_silent_all_is_heard() -> None:
    desk = Desk(1.0)
    desk.pass_by(1, voice=0.3, said=0)
    assert desk.numbers == list(range(1, 51))


def test_who_speaks_up_makes_the_agent_quieter_at_once_and_is_heard_from_their_first_sound() -> None:
    desk = Desk(0.3)
    desk.pass_by(4)
    before = desk.number
    desk.pass_by(LONG_S + 0.04, voice=0.1)
    assert desk.gains[before] == QUIET, "with their first piece"
    assert desk.numbers[before:] == list(range(before + 1, desk.number + 1))
    desk.pass_by(1, voice=0.1)
    assert desk.numbers[before:] == list(range(before + 1, desk.number + 1))


def test_a_short_noise_interrupts_nobody() -> None:
    desk = Desk(0.3)
    desk.pass_by(4)
    before = desk.number
    desk.pass_by(LONG_S - 0.1, voice=0.5)
    assert desk.gains[-1] == QUIET
    desk.pass_by(GAP_S + 0.1)
    assert desk.gains[-1] == 1.0
    assert set(desk.numbers[before:]) == {0}
    assert len(desk.numbers) == desk.number, "no time is lost"


def test_who_is_not_louder_than_the_echo_is_not_heard() -> None:
    desk = Desk(0.5)
    desk.pass_by(4)
    desk.pass_by(2, voice=0.05)
    assert set(desk.numbers) == {0}


def test_an_echo_that_gets_louder_is_learned_instead_of_obeyed() -> None:
    desk = Desk(0.2)
    desk.pass_by(5)
    desk.true = 0.6  # the volume was turned up
    desk.pass_by(DOUBT_S + 1)
    assert set(desk.numbers) == {0}, "a quieter agent has a quieter echo, so nobody speaks"
    assert desk.gains[-1] == 1.0
    assert desk.duck.coupling == pytest.approx(0.6, abs=0.1)


def test_who_begins_as_the_agent_ends_is_heard_from_their_first_sound() -> None:
    desk = Desk(0.3)
    desk.pass_by(4)
    before = desk.number
    desk.pass_by(0.1, voice=0.5)
    assert len(desk.numbers) == before
    desk.pass_by(0.02, voice=0.5, said=0)
    assert desk.numbers[before:] == list(range(before + 1, desk.number + 1))
    assert desk.gains[-1] == 1.0


def test_the_first_answer_can_be_interrupted_only_by_who_is_louder_than_any_echo() -> None:
    assert Duck().coupling == COUPLING
    desk = Desk(0.3)
    desk.pass_by(0.5, voice=0.15)
    assert set(desk.numbers) == {0}
