"""How a transcript that is still growing settles, by what hypotheses agree on; and one that has gone astray."""

from __future__ import annotations

import itertools
import re

_WIDE = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = "\u3000-\u3040\uff00-\uffef"
"""Letters of Chinese and Japanese, which are written without spaces, and their punctuation."""
_WORD = re.compile(rf"[{_WIDE}][{_MARKS}]*|[^\s{_WIDE}]+")
_CLOSE = re.compile(rf"[{_WIDE}{_MARKS}]")

TAIL = 3
"""Words by which a frozen beginning is found again in a hypothesis that disagrees with it."""
DRIFT = 4
"""Words by which that hypothesis may be ahead or behind."""
TIMES, LONGEST = 4, 4
"""How often how many words are said in a row by nobody."""
FASTEST = 5.5
"""Words of a second that nobody says, pauses included."""


def split(text: str) -> list[str]:
    """Return the words of a text, of Chinese and Japanese the letters, each with the punctuation after it."""
    return _WORD.findall(text)


def joined(words: list[str]) -> str:
    """Return the text of words: with a space between two, unless one of them is Chinese or Japanese there."""
    text = "".join(words[:1])
    for before, word in itertools.pairwise(words):
        text += word if _CLOSE.match(before[-1]) or _CLOSE.match(word) else f" {word}"
    return text


def agreed(one: list[str], other: list[str]) -> int:
    """Return how many words both begin with."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def stitch(frozen: list[str], words: list[str]) -> list[str]:
    """Return `frozen` and what `words`, a hypothesis of the whole, adds to it."""
    count = len(frozen)
    if words[:count] == frozen:
        return words
    tail = [_bare(word) for word in frozen[-TAIL:]]

    def fit(place: int) -> tuple[int, int]:
        before = [_bare(word) for word in words[max(0, place - len(tail)) : place]]
        same = sum(left == right for left, right in zip(reversed(tail), reversed(before), strict=False))
        return same, -abs(place - count)

    places = range(max(0, count - DRIFT), min(len(words), count + DRIFT) + 1)
    return frozen + words[max(places, key=fit) :] if places else frozen


def follow(words: list[str], more: list[str]) -> list[str]:
    """Return `words` and then `more`, without the full stop that a cut put inside a sentence."""
    if words and more and more[0][0].islower() and words[-1].endswith(".") and not words[-1].endswith(".."):
        words = [*words[:-1], words[-1][:-1]]
    return words + more


def _bare(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def repeats(text: str) -> bool:
    """Say whether a text ends in the same few words over and over, or is nothing but a phrase said twice or more.

    So do models that have lost their way; the last time may be cut off.
    """
    words = [_bare(word) for word in text.split()]
    count = len(words)
    phrases = range(2, count // 2 + 1)
    return endless(text) or any(words[size:] == words[:-size] for size in phrases)


def endless(text: str) -> bool:
    """Say whether a text ends in the same few words more often than anybody says them; the last may be cut off."""
    words = [_bare(word) for word in text.split()]
    for size in range(1, min(LONGEST, len(words) // TIMES) + 1):
        before = words[-1 - size]
        tail = [*words[:-1], before] if before.startswith(words[-1]) else words
        if tail[-size:] * TIMES == tail[-size * TIMES :]:
            return True
    return False


def said_once(text: str, seconds: float) -> str:
    """Return a text that is nothing but a phrase over and over once, where nobody says it more often in so long."""
    words = [_bare(word) for word in text.split()]
    most = FASTEST * seconds
    if len(words) > most:
        for size in range(2, len(words) // 2 + 1):
            if size <= most and words[size:] == words[:-size] and len(set(words)) > 1:
                return " ".join(text.split()[:size])
    return text
