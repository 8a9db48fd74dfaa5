"""A value reads back as it was, from YAML and from a command line."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from s2s.convert.spelling import in_comment, in_words, in_yaml

VALUES: list[Any] = [
    None, True, False, 7, -3, 0.6, 1e-05, 20000.0, "", "null", "Yes", "off", "1e5", "7", "1_000", "a", "::1", "0.0.0.0",
    "hf:owner/name/", "http://gpu:8000/v1", "owner/name:fast", "./x y", "~/x", "a: b", "a #b", "- a",
    "it's \"so\", is it?",
    "two\nlines\ttab",
    "${a.b}", "\\${a}", "a\\", 'a\\"', "{a: b}", "[a]", "ü 👋", "\x7f\x85\u2028", "=", "a=b", ".5", "nan",
]  # fmt: skip


def from_yaml(value: Any) -> Any:
    return OmegaConf.to_container(OmegaConf.create(f"key: {in_yaml(value)}"), resolve=True)


def from_words(value: Any) -> Any:
    (word,) = shlex.split(in_words("key", value))
    parsed = OverridesParser.create().parse_override(word)
    return OmegaConf.to_container(OmegaConf.create({"key": parsed.value()}), resolve=True)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_reads_back_as_it_was(value: Any) -> None:
    assert from_yaml(value) == {"key": value}
    assert from_words(value) == {"key": value}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_any_text_reads_back_as_it_was(value: str) -> None:
    assert from_yaml(value) == {"key": value}
    assert from_words(value) == {"key": value}


@given(st.text())
def test_a_comment_is_one_line(text: str) -> None:
    assert len(f"# {in_comment(text)}".splitlines()) == 1
