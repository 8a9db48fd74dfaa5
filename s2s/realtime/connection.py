"""One client of the Realtime protocol and its call, whatever carries the frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from s2s.call import LiveCall
from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.hearing import InputFull
from s2s.kept import Kept
from s2s.realtime.beta import Beta
from s2s.realtime.commands import ClearInput, Command, CommitInput, Configure, Hear, Tell
from s2s.realtime.dialect import Today
from s2s.realtime.frame import Frame
from s2s.realtime.outbox import Outbox
from s2s.realtime.protocol import Protocol
from s2s.realtime.refusal import Refusal
from s2s.realtime.session import Kind, SessionConfig
from s2s.realtime.sound import HZ
from s2s.realtime.support import Abilities
from s2s.realtime.usage import Usage
from s2s.settings import Settings
from s2s.wiring import Network

log = logging.getLogger("s2s")

LONG_BYTES = 65536
"""Frames above this are not taken at once: others get their turn between."""
PIECE_MS = 500
"""Milliseconds of sound that are heard at once: the rest of a long frame waits, so that others get their turn."""


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a session begins: what its client came with, and what the deployment grants.

    `preset` is a `session` that a client secret brought; `keep_audio_s` is how much of the caller's sound is kept.
    """

    model: str
    expires_at: int
    kind: Kind = "realtime"
    beta: bool = False
    preset: dict[str, Any] | None = None
    keep_audio_s: float = 0.0


def abilities_of(network: Network, image_hosts: tuple[str, ...] = ()) -> Abilities:
    """Return what the stages of a loaded graph can do."""
    wiring = network.wiring()
    stages = [node.stage for node in network.nodes.values() if node.stage is not None]
    lists = [stage.voice_names() for stage in stages]
    voices = None if None in lists else tuple(dict.fromkeys(name for names in lists if names for name in names))
    return Abilities(
        audible=wiring.sound,
        image_hosts=image_hosts,
        images=any(getattr(stage, "images", False) for stage in stages),
        voices=voices,
        honours=frozenset().union(*(type(stage).honours for stage in stages)),
    )


class Connection:
    """Between a protocol and a call: it carries out what frames ask for and queues what facts say."""

    def __init__(
        self, engine: Engine, settings: Settings, welcome: Welcome, abilities: Abilities, usage: Usage | None = None
    ) -> None:
        self.outbox = Outbox()
        if not abilities.audible:
            settings = msgspec.structs.replace(settings, outputs=("text",))
        self._engine = engine
        self._usage = usage or Usage()
        config = SessionConfig(
            "",
            welcome.model,
            settings,
            welcome.expires_at,
            abilities,
            welcome.kind,
            welcome.beta,
        )
        begun = config.settings() if welcome.preset is None else config.update(welcome.preset)
        self.call: LiveCall = engine.call(self, begun)
        config.id = f"sess_{self.call.id}"
        self.call.hearing.kept = Kept(welcome.keep_audio_s)
        self._protocol = Protocol(
            config,
            lambda item_id: self.call.state.item(item_id),
            lambda item_id: self.call.hearing.kept.get(item_id, HZ["audio/pcm"]),
            Beta() if welcome.beta else Today(),
        )
        self._waits = False
        self._usage.began()
        self._put(self._protocol.created())

    playing = False
    """Sound leaves as it is made: it is the client that plays it."""

    @property
    def room(self) -> bool:
        """Whether the client keeps up."""
        return self.outbox.room

    def tell(self, fact: f.Fact) -> None:
        """Queue what the client is told; nothing waits of an answer that was cut off."""
        if isinstance(fact, f.ResponseDone) and fact.response.status in ("cancelled", "failed"):
            self.outbox.drop(fact.response.id)
        if isinstance(fact, f.ItemDeleted):
            self.call.hearing.kept.drop(fact.item_id)
        self._usage.told(fact)
        self._put(self._protocol.say(fact))

    def _put(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.outbox.put(frame)

    def take(self, frame: bytes) -> bool:
        """Carry out a text frame at once, if it is sound and nothing is before it; else do nothing and return False."""
        if not self._waits or len(frame) > LONG_BYTES or not self.call.hearing.ready:
            return False
        heard = self._protocol.heard(frame)
        if heard is None:
            return False
        try:
            self.call.hearing.hear(heard.pcm, heard.rate)
        except Exception as error:
            self._fault(error)
        return True

    async def pump(self, receive: Callable[[], Awaitable[str | bytes]]) -> None:
        """Take frames until the client is gone, in order; none, while too much waits for the client to read."""
        while True:
            await self.outbox.drained()
            self._waits = True
            try:
                frame = await receive()
            finally:
                self._waits = False
            await self.receive(frame)
            await asyncio.sleep(0)

    async def receive(self, frame: str | bytes) -> None:
        """Carry out what a frame asks for; what can't be done is said and changes nothing."""
        try:
            await self._carry_out(self._protocol.receive(frame))
        except Refusal as refusal:
            self._usage.refused()
            self._put(self._protocol.refused(refusal))
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        """Say a fault of ours, which ends neither the session nor the call."""
        if isinstance(error, InputFull):
            self.tell(f.Problem(code="input_audio_buffer_full", message=f"Error appending: {error}."))
            return
        log.exception("%s: a frame was not carried out", self.call.id)
        self.tell(f.Problem(code="server_error", message=f"The request failed: {error}"))

    async def _carry_out(self, command: Command) -> None:
        if isinstance(command, Hear):
            piece = 2 * command.rate * PIECE_MS // 1000
            for at in range(0, len(command.pcm), piece):
                await self.call.audio(command.pcm[at : at + piece], command.rate)
                await asyncio.sleep(0)
        elif isinstance(command, Configure):
            await self.call.update(command.settings)
            self._put(self._protocol.updated())
        elif isinstance(command, CommitInput):
            held_ms = await self.call.commit()
            if held_ms is not None:
                message = (
                    "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                    f"but buffer only has {held_ms:.2f}ms of audio."
                )
                self.tell(f.Problem(code="input_audio_buffer_commit_empty", message=message, event_id=command.event_id))
        elif isinstance(command, ClearInput):
            self.call.clear()
        elif isinstance(command, Tell):
            self.call.feed(command.event)

    async def write(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send frames as they come, until the connection is closed; the call goes on as the client reads."""
        while (frame := await self.outbox.get()) is not None:
            had_room = self.outbox.room
            await send(frame.data)
            if had_room:
                self.call.resume()

    async def close(self) -> None:
        """End the call."""
        self._usage.ended(self.call.heard_ms)
        self.outbox.close()
        await self._engine.hangup(self.call)
