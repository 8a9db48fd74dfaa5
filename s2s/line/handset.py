"""A person at this machine in a call: what they say is heard, but no echo, and they hear the agent."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from s2s.conversation import events as ev
from s2s.engine import Engine
from s2s.hearing import InputFull
from s2s.line.desk import Desk
from s2s.line.echo import REVERB_S, Echo
from s2s.line.keyboard import Key, reading
from s2s.line.line import Line, Terms
from s2s.line.screen import Screen
from s2s.settings import Settings

log = logging.getLogger("s2s")

DRAWN_S = 0.1
"""Seconds between two pictures of the meter."""
TAIL_S = 0.2
"""Seconds that are heard after a key is released: a last word ends later than a finger lifts, and is on its way."""


class Handset:
    """Joins the devices of a desk, a terminal and a call; with a `key` nothing is heard but what is said by it."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        terms: Terms,
        desk: Desk,
        echo: Echo,
        screen: Screen,
        key: str | None = None,
    ) -> None:
        self._desk = desk
        self._echo = echo
        self._screen = screen
        self._key = key
        self._talking = key is None
        self._levels = (0.0, 0.0)
        self._note = ""
        self._releasing: asyncio.Task[None] | None = None
        speaker = desk.loudspeaker
        self.line = Line(engine, settings, terms, screen.tell, speaker.hush, lambda: speaker.left_s)
        self._hz = terms.hz

    async def run(self) -> None:
        """Carry the call until cancelled."""
        doing = [
            asyncio.ensure_future(one) for one in (self._speak(), self._listen(), self._desk.watch(), self._draw())
        ]
        try:
            with reading(self._key, Key(self.press, self.release).typed) if self._key else contextlib.nullcontext():
                await asyncio.gather(*doing)
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    async def close(self) -> None:
        """Hang up."""
        if self._releasing is not None:
            self._releasing.cancel()
            await asyncio.gather(self._releasing, return_exceptions=True)
        await self.line.close()

    async def _speak(self) -> None:
        async for frame in self.line.playout.frames():
            self._desk.loudspeaker.put(frame, self._hz)

    async def _listen(self) -> None:
        speaker = self._desk.loudspeaker
        async for piece in self._desk.microphone.pieces():
            sounding = speaker.sounding(piece.since - REVERB_S, piece.at)
            self._levels = (max(self._levels[0], piece.level), max(self._levels[1], sounding))
            if self._key is not None:
                heard = piece.pcm if self._talking else b""
            else:
                heard = self._echo.hear(piece.pcm, piece.seconds, piece.level, sounding)
                speaker.gain = self._echo.gain
            if heard:
                try:
                    await self.line.hear(heard, piece.hz)
                except InputFull as error:
                    log.warning("local: %s", error)

    async def _draw(self) -> None:
        while True:
            self._screen.draw(*self._levels, self._state())
            self._levels = (0.0, 0.0)
            await asyncio.sleep(DRAWN_S)

    def _state(self) -> str:
        if not self._desk.here:
            return "no sound"
        if self._key is not None:
            return f"{self._key}: {'end' if self._talking else 'talk'}  {self._note}"
        return "listening" if not self.line.deaf else ""

    def press(self) -> None:
        """Begin to hear: the agent stops."""
        self._note = ""
        if self._talking:
            if self._releasing is not None:
                self._releasing.cancel()  # they go on
            return
        self._talking = True
        self.line.interrupt()
        self.line.call.clear()

    def release(self) -> None:
        """Answer what was heard."""
        self._releasing = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        await asyncio.sleep(TAIL_S)
        self._talking = False
        call = self.line.call
        if await call.commit() is not None:
            self._note = "too short"
        elif not self._talking:
            call.feed(ev.CreateResponse(settings=call.state.settings))
