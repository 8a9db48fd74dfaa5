"""What a conversation remembers between two events; every value is immutable."""

from __future__ import annotations

from typing import Any

import msgspec

from s2s.conversation.events import CreateResponse, Reference
from s2s.conversation.facts import ResponseView, Usage
from s2s.conversation.items import Item
from s2s.settings import Settings


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the graph can do for a conversation.

    `chat`: answers come from a prompt, else straight from the turn; `transcripts`: turns are transcribed; `hears`: the
    language model is given their sound, and answers without waiting for their text; `sound`
    and `words`: speech and text can reach the caller; `tools`: functions that no client has are run in the graph, in
    `tool_rounds` answers in a row at most; `primes`: the language model reads ahead; `speculates`: answers
    are prepared on trial, of which `max_extra_llm` for each answer given may be in vain.
    """

    chat: bool = True
    transcripts: bool = True
    hears: bool = False
    sound: bool = True
    words: bool = True
    tools: bool = False
    tool_rounds: int = 5
    primes: bool = False
    speculates: bool = True
    max_extra_llm: float = 0.3


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn of the caller's: open while they speak, then due until its text is known.

    `settings` are those of its scope; `sent` is the text already told in deltas; `text` the final one and `language`
    what it is in, `words` all that was heard by now and `read` how many of them the language model has; `resumed_ms` is
    when they last went on, `paused` says that its scope has ended early, `ripe` that its answer may be prepared,
    `drained` that all of it has come out, `committed` that what comes of it may leave, `manual` that the client asked
    for its end, `given` that it gave the sound as an item, `failed` why there will be no text.
    """

    scope: int
    item_id: str
    began_ms: float
    settings: Settings = Settings()
    ended_ms: float = 0.0
    sent: str = ""
    text: str | None = None
    language: str = ""
    words: str = ""
    read: int = 0
    resumed_ms: float = 0.0
    paused: bool = False
    ripe: bool = False
    drained: bool = False
    committed: bool = False
    manual: bool = False
    given: bool = False
    failed: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a response is saying: its item and its place in the output."""

    item_id: str
    output_index: int
    spoken: bool
    clause: int = -1
    words_told: int = 0


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A live response: what it has put out so far, its input, and the turn `to` which it is the answer, as `heard`."""

    id: str
    scope: int
    settings: Settings
    in_conversation: bool = True
    items: tuple[Item, ...] = ()
    input: tuple[Item | Reference, ...] | None = None
    metadata: dict[str, str] | None = None
    note: Any = None
    to: str = ""
    heard: str = ""
    message: Message | None = None
    calls: tuple[str, ...] = ()
    results: int = 0
    rounds: int = 0
    asked: bool = False
    told: bool = True
    reason: str = "stop"
    usage: Usage | None = None
    first_sound_at: float | None = None

    @property
    def unheard(self) -> bool:
        """Whether nothing of it has reached the caller yet: words without their sound have not."""
        written = self.message is not None and not self.message.spoken
        called = any(item.kind == "function_call" for item in self.items)
        return self.first_sound_at is None and not written and not called

    def view(self, status: str = "in_progress", reason: str = "", error: str = "") -> ResponseView:
        """The response as the client sees it now."""
        return ResponseView(
            id=self.id,
            status=status,  # type: ignore[arg-type]
            reason=reason,
            error=error,
            items=self.items,
            in_conversation=self.in_conversation,
            settings=self.settings,
            metadata=self.metadata,
            note=self.note,
            usage=self.usage if status != "in_progress" else None,
        )


class Playing(msgspec.Struct, frozen=True):
    """The last answer, whose sound may still be playing: when its first sound left, and how long it is."""

    item_id: str
    since: float
    sound_ms: float


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A whole conversation: one is made per call and replaced at every step.

    `asked_early` is a request for an answer that waits for the end of the one that calls functions. `unanswered` says
    that a turn got no answer because the caller was speaking again by then, `idle_at` when the caller is to be asked
    whether they are still there, `answered` that there has been an answer; `answers` to turns were
    given, `dropped` prepared in vain.
    """

    wiring: Wiring = Wiring()
    settings: Settings = Settings()
    prefix: str = ""
    counter: int = 0
    items: tuple[Item, ...] = ()
    turn: Turn | None = None
    due: tuple[Turn, ...] = ()
    responses: tuple[Response, ...] = ()
    playing: Playing | None = None
    asked_early: CreateResponse | None = None
    unanswered: bool = False
    idle_at: float | None = None
    answered: bool = False
    answers: int = 0
    dropped: int = 0

    @property
    def default(self) -> Response | None:
        """The live response that writes into the conversation; there is at most one."""
        return next((r for r in self.responses if r.in_conversation), None)

    @property
    def on_trial(self) -> bool:
        """Whether an answer is prepared that nobody has heard of."""
        return any(not response.told for response in self.responses)

    @property
    def waiting(self) -> bool:
        """Whether the caller waits for an answer's first sound."""
        unanswered = any(self.response(turn.scope) is None for turn in self.due)
        return unanswered or any(response.first_sound_at is None for response in self.responses)

    @property
    def idle(self) -> bool:
        """Whether nobody speaks, and nothing is answered."""
        return self.turn is None and not self.waiting and self.default is None

    def response(self, scope: int) -> Response | None:
        """The live response of this scope."""
        return next((r for r in self.responses if r.scope == scope), None)

    def item(self, item_id: str) -> Item | None:
        """The item of this name."""
        return next((item for item in self.items if item.id == item_id), None)
