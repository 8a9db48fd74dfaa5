"""What the words of a turn say about its end: pure functions on a transcript.

Weights are log-odds: 0 says nothing, +2 makes an end some seven times likelier. Words are English; the marks at the
end, which recognisers put where a sentence sounds finished, count in any language.
"""

from __future__ import annotations

import functools
import re

_LEAN = (
    "a an the this that these those my your his her its our their and or but nor so because if when while where which"
    " who whose what why how than then as at by for from in into of on onto over to toward towards under until up with"
    " about between is are am was were be been being has have had do does did will would can could shall should may"
    " might must i'm i'd i'll it's that's there's you're we're they're he's she's very too just also maybe like um uh"
    " er erm hmm let's not every each some any no number"
)
_LEANING = frozenset(_LEAN.split())
"""Words after which somebody who stops has not finished."""
_END = "so too also not just about by in on over up with to for like maybe number have do be"
_ENDING = frozenset(_END.split())
"""Those of them that may end a sentence, where the recogniser took it as one."""
_ASK = (
    "what when where who whom whose which why how is are am was were do does did can could will would shall should may"
    " might has have had isn't aren't don't doesn't didn't can't couldn't won't wouldn't"
)
_ASKING = frozenset(_ASK.split())
_ORDER = (
    "please tell show give play stop turn set call send open close read write find search remind book cancel start help"
    " explain describe list name add remove repeat say put make take check translate"
)
_ORDERS = frozenset(_ORDER.split())
_ALL = (
    "yes yeah yep no nope ok okay sure right exactly correct thanks thank you bye goodbye hello hi hey please good fine"
    " great perfect never always maybe nothing that's it all"
)
_WHOLE = frozenset(_ALL.split())
_OPENING = re.compile(
    r"^(?:so |well |okay |hi |hello |hey |and )*(?:"
    r"i have (?:a|an|some|two|another)\b|i(?:'m| am) (?:looking|calling|trying|having|interested)\b"
    r"|i(?:'d| would) like\b|i (?:need|want|wanted|was|think|got|just)\b|we(?:'d| would)? (?:need|want|like|have)\b"
    r"|let me\b|let's\b|my \w+|the (?:problem|thing|point|reason|question|issue)\b|there(?:'s| is)\b|first\b)"
)
"""How people begin who mostly say more: what is wrong, what they look for, what they are about to ask."""
_ASKS_NUMBER = re.compile(
    r"\b(?:number|digits|code|spell|address|e-?mail|date of birth|password|account|zip|postcode)\b"
)
_YES_OR_NO = re.compile(
    r"(?:^|[.!?,] )(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|have|has|isn't)\b[^.!?]*\?$"
)

DANGLING, TRAILING, UNMARKED, ASKED, ORDERED, OPENED = -3.5, -2.5, -0.5, 2.0, 1.6, -1.6
PER_WORD, USUAL_WORDS, LEAST, MOST = 0.3, 8, -0.6, 1.5
"""A turn of many words is likelier to be whole than one of few."""
ANSWERED, COUNTING = 2.0, -2.0
GROUP, NUMBERED = 4, 0.6
"""Digits in the last group of a number, mostly, and what one says of the end of a turn."""
SHORT_WORDS = 3
OPENING_WORDS = 8
DIGITS = 6


@functools.lru_cache(maxsize=256)
def completeness(text: str, asked: str = "") -> float:
    """Return the log-odds that `text` says for the end of a turn, where the agent said `asked` before it."""
    text = text.strip()
    words = [word.strip(".,;:!?…-–—\"'()").lower() for word in text.split()]
    words = [word for word in words if word]
    if not words:
        return 0.0
    sentence = _last_sentence(text)
    weight = _of_ending(text, words[-1])
    if weight is not None:
        return weight
    return _of_sentence(sentence, text) + _of_length(words) + _of_question(words, asked)


def _of_ending(text: str, last: str) -> float | None:
    if text.endswith(("...", "…", ",", "-", "–", "—", ":", ";")):
        return TRAILING
    leaning = _LEANING - _ENDING if text.endswith((".", "!")) else _LEANING
    return DANGLING if last in leaning and not text.endswith("?") else None


def _of_sentence(sentence: str, text: str) -> float:
    words = sentence.lower().rstrip(".!?。！？").split()
    marked = text.endswith((".", "!", "?", "。", "！", "？", "।", "؟"))
    if text.endswith(("?", "？", "؟")) or (marked and words and words[0] in _ASKING):
        return ASKED
    if words and words[0] in _ORDERS:
        return ORDERED if marked else ORDERED / 2
    weight = 0.0 if marked or text[-1].isdigit() else UNMARKED
    opened = len(words) <= OPENING_WORDS and not text[-1].isdigit() and _OPENING.match(sentence.lower())
    return weight + OPENED if opened else weight


def _of_length(words: list[str]) -> float:
    if len(words[-1]) >= GROUP and words[-1].isdecimal():
        return NUMBERED
    if len(words) <= SHORT_WORDS and all(word in _WHOLE for word in words):
        return ANSWERED
    return min(MOST, max(LEAST, PER_WORD * (len(words) - USUAL_WORDS)))


def _of_question(words: list[str], asked: str) -> float:
    """Weigh what was asked for: a number comes in groups, a yes or no is soon said."""
    question = asked.strip().lower()
    if not question.endswith("?"):
        return 0.0
    digits = sum(letter.isdigit() for word in words for letter in word)
    if _ASKS_NUMBER.search(question):
        return COUNTING if digits < DIGITS else 0.0
    return ANSWERED if len(words) <= SHORT_WORDS and _YES_OR_NO.search(question) else 0.0


def _last_sentence(text: str) -> str:
    parts = re.split(r"(?<=[.!?。！？])\s+", text)
    return parts[-1]
