"""Where streamed text may be cut for speech: pure functions on text without markup.

Every decision looks at the text up to the cut and a few characters beyond it, and waits while they are not there
yet; so the cuts do not depend on how the text arrives.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Literal, NamedTuple

SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""The inside of a character class: scripts that put no space between words, with their punctuation."""

_CLOSERS = r"[\"'”’»)\]}›」』）》】〉]*"
_CANDIDATE = re.compile(
    rf"(?P<line>\n)|(?P<stop>[.!?…]+{_CLOSERS})|(?P<pause>[,;:]+{_CLOSERS}|[—–]+)|(?P<hyphen>(?<= )--?(?= ))"
    rf"|(?P<widestop>[。！？｡．।॥؟۔။។]+{_CLOSERS})|(?P<widepause>[，、；：､،؛]+{_CLOSERS})"
)
_SPACELESS = re.compile(rf"[{SPACELESS}]")
_WIDE = re.compile("[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]")
_SPEAKABLE = re.compile(r"[^\W_]")
_OPENERS = "\"'“‘«([{¿¡"

_STOPPED = (
    "Mr Mrs Ms Messrs Dr Drs Prof Rev Hon Gen Col Capt Cmdr Lt Sgt Maj Gov Sen Rep Pres Supt St Ste Sr Sra Srta Dra Jr"
    " Mt Ft Ave Blvd Rd Inc Ltd Co Corp Bros Assn Dept Univ vs etc cf al approx resp incl viz esp ca bzw usw ggf vgl"
    " evtl aprox Mme Mlle Hr Fr Frau Nr Str Abs"
)
_ABBREVIATIONS = frozenset(_STOPPED.split())
"""Words whose full stop does not end a sentence, or not surely; to wait for the next stop costs little."""
_COUNTED = "No Nos Fig Figs Vol Ch Sec Eq Art Ex pp Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec"
_BEFORE_NUMBERS = frozenset(_COUNTED.split())
"""Words that are abbreviations where a number follows."""
_SMALL = (
    "a an the this that these those my your his her its our their some any no every each of to in on at by for from"
    " with about as into over under and or but nor if so because than when while which who whose what where is are was"
    " were am be been being has have had will would can could shall should may might must do does did not very too just"
    " i'm i'd i'll it's that's there's you're we're they're he's she's"
)
_LEANING = frozenset(_SMALL.split())
"""Words that lean on the next one, so that no breath is taken after them."""


EARLY_WORDS, FIRM_WORDS = 3, 2
"""Words after which a first clause may end, and how many of them have to mean something: 'The most important thing'."""
_PRONOUNS = frozenset(("i", "you", "he", "she", "it", "we", "they", "me", "him", "us", "them"))
_NEVER = sys.maxsize


class Goal(NamedTuple):
    """How long a clause may become, in characters, of which those of Chinese, Japanese and Korean count threefold."""

    stop: int
    """The least length at which the end of a sentence ends the clause."""
    pause: int
    """The least length at which a comma, semicolon, colon or dash does."""
    space: int
    """The length at which it ends between two words."""
    words: int = 0
    """The number of words after which it ends, from `EARLY_WORDS` on with the second that leans on none; 0 for any."""
    least_words: int = 1
    """The number of words that it has at least."""


def cut(text: str, goal: Goal, end: bool = False, since: int = 0) -> int | None:
    """Return how many characters of `text` the next clause has, or None while that is not settled.

    With `end` nothing follows `text`; None then says that all of it is one clause. `since` is what `seen` returned
    for the shorter text that had no answer.
    """
    limit = _limit(text, goal)
    narrow = text.isascii()
    for found in _CANDIDATE.finditer(text, since):
        stop = found.end()
        if limit is not None and stop > limit:
            break
        length = stop if narrow else weight(text[:stop])
        if length < goal.stop:
            continue
        if stop == len(text) and not end:
            return None
        kind = _judge(text, found, end)
        if kind == "wait":
            return None
        if kind == "no" or (kind == "pause" and length < goal.pause):
            continue
        if speakable(text[:stop]) and _enough(text[:stop], goal):
            return stop
    return None if limit is None else _between_words(text, limit, goal)


def sentence_end(text: str, least: int) -> int | None:
    """Return where the first sentence that is at least `least` characters into `text` ends, None while that is open."""
    return cut(text, Goal(stop=least, pause=_NEVER, space=_NEVER))


def seen(text: str) -> int:
    """Return how much of a text that has no clause yet need not be looked at again: all but its last two words."""
    return max(0, text.rfind(" ", 0, max(0, text.rfind(" "))))


def speakable(text: str) -> bool:
    """Say whether there is a letter or a digit to be spoken."""
    return _SPEAKABLE.search(text) is not None


def tidy(text: str) -> str:
    """Return a clause with single spaces, none of them before a comma or a stop."""
    return re.sub(r"\s+([,.!?;:]+)(?=\s|$)", r"\1", " ".join(text.split()))


def weight(text: str) -> int:
    """Return the length of a text in characters, the wide ones counted threefold, as they take that long to say."""
    return len(text) if text.isascii() else len(text) + 2 * len(_WIDE.findall(text))


def abbreviated(word: str) -> bool:
    """Say whether the full stop after `word` belongs to it: `Dr`, `e.g`, `U.S`, the `J` of J. S. Bach."""
    word = word.lstrip(_OPENERS)
    last = word.rsplit(".", 1)[-1]
    return word in _ABBREVIATIONS or (len(last) == 1 and last.lower() != last.upper())


def _enough(text: str, goal: Goal) -> bool:
    return goal.least_words <= 1 or max(len(text.split()), weight(text) // 12) >= goal.least_words


def _judge(text: str, found: re.Match[str], end: bool) -> Literal["stop", "pause", "no", "wait"]:
    kind, start, stop = found.lastgroup, found.start(), found.end()
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if kind == "line":
        return "stop"
    if before.isdigit() and after.isdigit():
        return "no"  # 3.14, 10:30, 10–20
    if kind == "hyphen":
        following = text[stop:].lstrip()[:1]
        if not following and not end:
            return "wait"
        return "no" if following.isdigit() and text[:start].rstrip()[-1:].isdigit() else "pause"  # 3 - 4
    if kind in ("widestop", "widepause"):
        return "stop" if kind == "widestop" else "pause"
    if kind == "pause" and found[0][0] in "—–":
        return "pause"
    if after and not after.isspace() and not _SPACELESS.match(after):
        return "no"
    if kind == "pause":
        return "pause"
    marks = found[0].rstrip("\"'”’»)]}›」』）》】〉")
    if "…" in marks or marks.startswith(".."):
        return "pause"
    return _judge_full_stop(text, start, stop, end) if marks == "." else "stop"


def _judge_full_stop(text: str, start: int, stop: int, end: bool) -> Literal["stop", "no", "wait"]:
    space = max(text.rfind(" ", 0, start), text.rfind("\n", 0, start))
    word = text[space + 1 : start]
    if abbreviated(word) or _numbers_a_line(text, space + 1, word):
        return "no"
    if word.lstrip(_OPENERS) in _BEFORE_NUMBERS:
        following = text[stop:].lstrip()[:1]
        if not following and not end:
            return "wait"
        return "no" if following.isdigit() else "stop"
    return "stop"


def _numbers_a_line(text: str, begin: int, word: str) -> bool:
    return len(word) <= 3 and word.isdigit() and (not text[:begin].strip() or text[begin - 1] == "\n")


def _limit(text: str, goal: Goal) -> int | None:
    """Return where the clause must have ended, or None while the text is shorter than that."""
    limits = []
    if goal.words:
        ends = [found.end() for found in re.finditer(r"\S+(?=\s)", text)][: goal.words]
        firm = [stop for stop in ends if not _leans(text, stop) and _word(text, stop) not in _PRONOUNS]
        early = [stop for stop in ends[EARLY_WORDS - 1 :] if stop in firm[FIRM_WORDS - 1 :]]
        limits += early[:1] or ends[goal.words - 1 :]
    place = _place(text, goal.space)
    if place is not None:
        limits.append(place)
    return min(limits, default=None)


def _place(text: str, heaviest: int) -> int | None:
    """Return the index of the first character that makes the text heavier than `heaviest`."""
    if len(text) * 3 <= heaviest or weight(text) <= heaviest:
        return None
    if text[: heaviest + 1].isascii():
        return heaviest
    total = 0
    for place, character in enumerate(text):
        total += weight(character)
        if total > heaviest:
            return place
    return None


def _between_words(text: str, limit: int, goal: Goal) -> int:
    """Return the best place to cut between two words, at `limit` or before it."""
    ends = [found.end() for found in re.finditer(r"\S+(?=\s)", text[: limit + 1])]
    ends = [stop for stop in ends if speakable(text[:stop])]
    least = min(3, goal.words) if goal.words else 1
    near = ends[least - 1 :] if goal.words else [stop for stop in ends if stop > limit // 2]
    for stop in reversed(near):
        if not _leans(text, stop):
            return stop
    if near or (ends and not _SPACELESS.match(text[limit])):
        whole = [stop for stop in ends if not _leans(text, stop, abbreviations_only=True)]
        return (whole or near or ends)[-1]
    for place in range(limit, limit // 2, -1):
        if _splits(text, place):
            return place
    return limit


def _word(text: str, stop: int) -> str:
    return text[:stop].rpartition(" ")[2].lower()


def _leans(text: str, stop: int, abbreviations_only: bool = False) -> bool:
    begin = max(text.rfind(" ", 0, stop), text.rfind("\n", 0, stop)) + 1
    word = text[begin:stop]
    if word.endswith("."):
        stem = word[:-1]
        return abbreviated(stem) or stem.lstrip(_OPENERS) in _BEFORE_NUMBERS or _numbers_a_line(text, begin, stem)
    return not abbreviations_only and (word.lower() in _LEANING or not speakable(word))


def _splits(text: str, place: int) -> bool:
    """Say whether text without spaces may be parted before `place`: not in a Latin word, nor before marks."""
    left, right = text[place - 1], text[place]
    if unicodedata.category(right)[0] in "MP" or right == "\u200d":
        return False
    return bool(_SPACELESS.match(left) or _SPACELESS.match(right))
