"""A stage turns messages into messages; the annotations of its `run` are its ports.

Adding a backend is one file with one dataclass and one YAML::

    @dataclass(kw_only=True)
    class Piper(Stage):
        voice: str = "joe"
        needs = ("piper",)
        extra = "embedded"
        honours = frozenset({"voice", "speed"})

        def load(self) -> None:
            from piper import PiperVoice
            self._voice = PiperVoice.load(...)

        def run(self, call: Call, item: Clause) -> Iterator[Sound]:
            for chunk in self._voice.synthesize(item.text):
                yield Sound(pcm=chunk.audio_int16_bytes, rate=chunk.sample_rate)

A stage may also have

* ``finish(call) -> Iterator[Out]``: the scope's input has ended; give what is left;
* ``run_batch(calls, items) -> list[list[Out]]``: one model call for many callers, used when ``place.batch`` > 1;
* ``cancel(call)``: called from another thread when the caller no longer wants what runs; stop inside if you can;
* ``hangup(call)``: the caller is gone; close what `call.memory` holds.

``run`` and ``finish`` may be async generators: then the stage is placed at ``loop``.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any, ClassVar

from s2s.messages import Message
from s2s.settings import Settings, Tool

PRESSING_S = 3.0
"""Seconds that a first sound may be overdue before it comes even with an answer that is about to break off."""


class Call:
    """One caller as a stage sees it, in one scope.

    `state` is a pocket of this stage for this scope, `memory` one for the whole call; `live` turns false when
    the scope is revoked, after which nothing of what the stage yields is kept. `due` is when work for the scope's next
    sound should begin, in seconds of the event loop's clock; `playing` says that the caller hears the sound before it.
    """

    __slots__ = ("__weakref__", "due", "id", "live", "memory", "playing", "scope", "settings", "state")

    def __init__(self, id: str, scope: int, settings: Settings, memory: dict[str, Any] | None = None) -> None:
        self.id = id
        self.scope = scope
        self.settings = settings
        self.memory: dict[str, Any] = {} if memory is None else memory
        self.state: dict[str, Any] = {}
        self.live = True
        self.due = 0.0
        self.playing = False

    def urgency(self, now: float) -> float:
        """Return by when the caller is to be served: the lower, the sooner.

        An answer that would soon break off goes before those who wait for a first sound and are not much overdue.
        """
        return self.due - PRESSING_S if self.playing and self.due < now else self.due


@dataclasses.dataclass(kw_only=True)
class Stage:
    """The base of every backend: its fields are its options, frozen once it is loaded."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Import names of the packages that `load` imports, checked before anything loads."""
    extra: ClassVar[str] = ""
    """The extra of this package that installs them."""
    licence: ClassVar[str] = ""
    """What its user should know of its licence, where that is stricter than this package's."""
    non_commercial: ClassVar[str] = ""
    """Which of its usual weights may not be used to earn money, and under which licence: said at every start."""
    honours: ClassVar[frozenset[str]] = frozenset()
    """Fields of `Settings` that the stage obeys call by call."""
    mixes: ClassVar[bool] = False
    """Whether its `run_batch` takes callers of different settings together."""
    commits: ClassVar[bool] = False
    """Whether its work can't be taken back; items then wait for their scope's commit."""
    reads_ahead: ClassVar[bool] = False
    """Whether it makes use of a `Prompt` that is to be read ahead; no other stage is given one."""
    takes_hz: ClassVar[int | None] = None
    """The sample rate of the sound it takes; a resampler is put before it where sound comes otherwise."""
    sends_hz: ClassVar[int | None] = None
    """The sample rate of the sound it sends, where that is fixed; every item says its own rate all the same."""

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_loaded") and name in self.__dataclass_fields__:
            raise AttributeError(f"{type(self).__name__}.{name} is frozen once the stage is loaded")
        object.__setattr__(self, name, value)

    def load(self) -> None:
        """Load the model: once per replica, where the replica lives."""

    def close(self) -> None:
        """Let the model go."""

    def lacks(self) -> str | None:
        """Return what it needs of this machine besides packages and weights and does not find, with the remedy."""
        return None

    def weights(self) -> list[str]:
        """Sources of the weights that `load` resolves, as `s2s.weights` reads them."""
        return []

    def voice_names(self) -> list[str] | None:
        """Names that `Settings.voice` may have once it is loaded; None where a server knows them alone."""
        return []

    def hears(self) -> bool:
        """Return whether it is a language model that makes use of the sound of a `Line`."""
        return False

    def offers(self) -> tuple[Tool, ...]:
        """Functions that it runs for the language model, once it is loaded."""
        return ()

    def finish(self, call: Call) -> Iterator[Any]:
        """Give what is left when the scope's input has ended."""
        return iter(())

    def cancel(self, call: Call) -> None:
        """Stop what runs for this call, if it can be stopped inside."""

    def hangup(self, call: Call) -> None:
        """Close what the call's memory holds."""


def _members(annotation: Any) -> frozenset[type[Message]]:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return frozenset(m for part in typing.get_args(annotation) for m in _members(part))
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return frozenset({annotation})
    return frozenset()


def ports(stage: type[Stage]) -> tuple[frozenset[type[Message]], frozenset[type[Message]]]:
    """Return the message types that a stage takes and sends, read from the annotations of its `run`."""
    run = getattr(stage, "run", None)
    if run is None:
        raise TypeError(f"{stage.__name__} has no method 'run(self, call: Call, item: In) -> Iterator[Out]'")
    hints = typing.get_type_hints(run)
    if "item" not in hints or "return" not in hints:
        raise TypeError(f"{stage.__name__}.run needs annotations: run(self, call: Call, item: In) -> Iterator[Out]")
    sent = typing.get_args(hints["return"])
    return _members(hints["item"]), _members(sent[0]) if sent else frozenset()
