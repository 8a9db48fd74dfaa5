"""What the README shows is what happens: its commands, its picture, its mistakes and its program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.paths import PACKAGE
from tests.embedded.server import Server

README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r'^(?:make run ARGS="(.*)"|\| \[`.*`\]\((recipes/.*)\))', README, re.MULTILINE)
PORT = "127.0.0.1:8765"


def block(kind: str) -> str:
    """Return the only block of a kind."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


def s2s(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `s2s-run`."""
    return subprocess.run([sys.executable, "-m", "s2s", *words], capture_output=True, text=True, cwd=PACKAGE.parent)


@pytest.mark.parametrize("words", [words or recipe for words, recipe in COMMANDS])
def test_its_commands_compose(words: str) -> None:
    assert build(compose(*words.split()), packages=False).graph.edges


def test_it_names_commands_and_all_recipes() -> None:
    assert len([words for words, _ in COMMANDS if words]) >= 4
    recipes = {path.name for path in (PACKAGE.parent / "recipes").glob("*.yaml")}
    assert {Path(recipe).name for _, recipe in COMMANDS if recipe} == recipes


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (PACKAGE.parent / link).exists()] == []


def test_its_picture_is_the_one_that_is_drawn() -> None:
    assert block("mermaid") == s2s("mode=show", "mode.show.format=mermaid").stdout


def test_its_mistakes_are_told_word_for_word() -> None:
    command, told = re.findall(r"^\$ s2s-run (.*)\n((?:.*\n)+?)```$", README, re.MULTILINE)[0]
    run = s2s(*command.split())
    assert (run.returncode, run.stderr) == (2, told)


@pytest.mark.embedded
def test_its_program_gets_an_answer(tmp_path: Path) -> None:
    program = block("python")
    assert program.count(PORT) == 2
    server = Server()
    try:
        code = program.replace(PORT, server.url.removeprefix("http://").removesuffix("/v1"))
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    finally:
        server.close()
    assert run.stdout.strip()
    assert (tmp_path / "answer.wav").stat().st_size > 24000
