"""What is kept of conversations: as much of each as the next prompt begins with."""

from __future__ import annotations

from s2s.llm.kept import Kept


class Lists(Kept):
    """Caches that are lists of tokens."""

    def fresh(self) -> list[int]:
        return []

    def length(self, cache: list[int]) -> int:
        return len(cache)

    def cut(self, cache: list[int], length: int) -> None:
        del cache[length:]


def read(kept: Kept, caller: str, prompt: list[int], said: list[int]) -> int:
    """Read a prompt and write an answer, and return how much of the prompt was known."""
    cache, known = kept.take(caller, prompt)
    assert cache == prompt[:known]
    cache += [*prompt[known:], *said]
    kept.keep(caller, cache, [*prompt, *said])
    return known


def test_only_what_is_new_is_read() -> None:
    kept = Lists(2)
    assert read(kept, "one", [1, 2, 3], [4, 5]) == 0
    assert read(kept, "one", [1, 2, 3, 4, 5, 6, 7], [8]) == 5
    assert read(kept, "one", [1, 2, 9, 9], []) == 2
    assert read(kept, "one", [1, 2, 9, 9], []) == 3, "the model wants something to read"
    assert read(kept, "one", [7, 2], []) == 0


def test_the_longest_silent_caller_is_forgotten() -> None:
    kept = Lists(2)
    for caller in ("one", "two", "one", "three"):
        read(kept, caller, [1, 2, 3], [])
    assert [read(kept, caller, [1, 2, 3], []) for caller in ("one", "three")] == [2, 2]
    assert read(kept, "two", [1, 2, 3], []) == 0
    kept.forget("two")
    kept.forget("nobody")
    assert read(kept, "two", [1, 2, 3], []) == 0


def test_an_answer_that_was_cut_off_keeps_what_was_read() -> None:
    kept = Lists(1)
    cache, _ = kept.take("one", [1, 2, 3, 4])
    cache += [1, 2]
    kept.keep("one", cache, [1, 2, 3, 4])
    assert kept.take("one", [1, 2, 3, 4])[1] == 2
    kept.keep("one", [1, 2, 3], [1, 2])  # it holds tokens that nobody knows
    assert kept.take("one", [1, 2, 3])[1] == 0


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    kept = Lists(0)
    assert kept.take("one", [1, 2]) == (None, 0)
    kept.keep("one", None, [1, 2])
    assert kept.take("one", [1, 2]) == (None, 0)
