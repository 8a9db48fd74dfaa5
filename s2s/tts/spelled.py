"""Numbers in words, for voices that know no digits."""

from __future__ import annotations

import re

_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_CHINESE = "零一二三四五六七八九"
_NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<rest>\d+))?", re.ASCII)
_HAN = re.compile(r"[\u4e00-\u9fff]")


def spelled(text: str) -> str:
    """Return text with its numbers in English, or digit by digit in Chinese where it is Chinese."""
    if _HAN.search(text):
        return re.sub(r"(?<=[0-9])\.(?=[0-9])", "点", text).translate({48 + n: _CHINESE[n] for n in range(10)})
    return _NUMBER.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    whole = match["whole"].replace(",", "")
    words = _digits(whole) if len(whole) > 6 or (whole[0] == "0" and len(whole) > 1) else _words(int(whole))
    rest = ["point", *_digits(match["rest"])] if match["rest"] else []
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return " " * before.isalpha() + " ".join([*words, *rest]) + " " * after.isalpha()


def _digits(digits: str) -> list[str]:
    return [_ONES[int(digit)] for digit in digits]


def _words(number: int) -> list[str]:
    """Return the words of a number below a million."""
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        return [_TENS[number // 10 - 2], *(_words(number % 10) if number % 10 else [])]
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    return [*_words(number // size), name, *(_words(number % size) if number % size else [])]
