"""Which turn policy beats which, how surely, and the chart of them."""

from __future__ import annotations

import xml.dom.minidom
from collections.abc import Sequence

from s2s.bench.point import point
from s2s.bench.record import TurnRecord
from s2s.bench.tradeoff import Measured, beaten, chart, lines


def measured(name: str, setting: str, gaps: Sequence[float | None], cuts: list[int]) -> Measured:
    records = [
        TurnRecord(
            caller=0, number=n, kind="plain", voice="a", said="a", gap_ms=gap, cut_in=bool(cut), missed=gap is None
        )
        for n, (gap, cut) in enumerate(zip(gaps, cuts, strict=True))
    ]
    return Measured(name, setting, point([f"turn={name}"], 1, records, None, {}, 1))


def test_one_beats_another_if_it_is_sooner_and_cuts_into_fewer() -> None:
    ours = [
        measured("ours", "slow", [900.0] * 40, [0] * 40),
        measured("ours", "close", [399.0] * 40, [1] * 19 + [0] * 21),
        measured("ours", "quick", [300.0] * 40, [1] * 10 + [0] * 30),
        measured("ours", "missing", [100.0] * 15 + [None] * 25, [0] * 40),
    ]
    others = {
        "slower": ([400.0] * 40, [1] * 20 + [0] * 20, "quick", 0.9, 1.0),
        "same cuts": ([400.0] * 40, [1] * 10 + [0] * 30, None, 0.0, 0.0),
        "same gap": ([300.0] * 40, [1] * 20 + [0] * 20, None, 0.0, 0.0),
        "no cuts": ([1000.0] * 40, [0] * 40, "slow", 1.0, 1.0),
        "hardly": ([400.0] * 40, [1] * 11 + [0] * 29, "quick", 0.3, 0.7),
    }
    theirs = [measured("theirs", name, gaps, cuts) for name, (gaps, cuts, *_) in others.items()]
    found = beaten([*ours, *theirs], "ours")
    for one, (_, _, by, least, most) in zip(found, others.values(), strict=True):
        assert (one.by.setting if one.by else None) == by and least <= one.share <= most, one
    told = lines(found, "ours")
    assert told[1].startswith("theirs slower: ours quick is both, in ") and not told[1].endswith("not sure")
    assert told[2] == "theirs same cuts: no ours is both sooner and cuts into fewer"
    assert told[5].endswith("of the resamples, not sure")
    assert told[-1] == "of 5 points of theirs, ours beats 3, and 2 of them in at least 90 % of the resamples"


def test_the_chart_is_a_file_of_its_own_with_a_line_a_policy() -> None:
    points = [measured(f"<{n % 2}>", str(n), [300.0 + n, 310.0 + n], [n % 2, 1]) for n in range(4)]
    found = xml.dom.minidom.parseString(chart([*points, measured("x", "", [None, None], [0, 0])]))
    drawn = [line.getElementsByTagName("title")[0].firstChild for line in found.getElementsByTagName("polyline")]
    assert [getattr(title, "data", "") for title in drawn] == ["<0>", "<1>"]
    assert len([c for c in found.getElementsByTagName("circle") if c.hasAttribute("stroke")]) == 4
