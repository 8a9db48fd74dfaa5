"""docs/from-speech-to-speech.md says what every flag is here, with keys that exist; what it shows is what happens."""

from __future__ import annotations

import asyncio
import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from s2s import compose as composing
from s2s.build import build
from s2s.convert.flag import Flag
from s2s.convert.flags import FLAGS, PARTS
from s2s.convert.options import MODES, chosen_by
from s2s.convert.parse import parse
from s2s.convert.recipe import text
from s2s.paths import CONF, PACKAGE
from tests.convert.table import tables

compose = functools.cache(composing.compose)
TEXT = (PACKAGE.parent / "docs" / "from-speech-to-speech.md").read_text(encoding="utf-8")


def test_its_tables_are_those_of_the_data() -> None:
    for table in tables().split("\n\n"):
        assert table.strip() in TEXT, "print them with: python -m tests.convert.table"
    assert len(FLAGS) == sum(map(len, PARTS.values())) == 111
    assert len(re.findall(r"^\| `--\w+` \|", TEXT, re.M)) == len(FLAGS)


@pytest.mark.parametrize("flag", FLAGS.values(), ids=list(FLAGS))
def test_a_flag_has_keys_that_exist_or_a_reason(flag: Flag) -> None:
    assert flag.keys or flag.why
    chosen = [option for option in chosen_by(flag.of) if option.built]
    words = [[str(option)] for option in chosen if option.group != "mode"]
    if not flag.of:
        words = [["turn=silence" if any(key.startswith("turn.") for key in flag.keys) else "mode=realtime"]]
    for choice in words:
        config = compose(*choice, *(["llm.model=m"] if choice[0].startswith("llm=") else []))
        for key in flag.keys:
            above, _, last = key.format(mode="realtime").rpartition(".")
            assert last in (OmegaConf.select(config, above) if above else config), key
    for name in MODES if any("{mode}" in key or key.startswith("mode.") for key in flag.keys) else ():
        if (CONF / "mode" / f"{name}.yaml").is_file() and (not flag.of or name in flag.of.partition("=")[2].split(",")):
            config = compose(f"mode={name}")
            for key in flag.keys:
                assert key.format(mode=name).rpartition(".")[2] in config.mode[name]


def test_the_recipe_that_it_shows_is_the_one_that_is_printed() -> None:
    line, shown = re.findall(r"^\$ s2s-run mode=convert -- (.*?)\n((?:.*\n)+?)```$", TEXT, re.M)[0]
    assert text(parse(shlex.split(line))) + "\n" == shown


def test_its_commands_compose() -> None:
    commands = re.findall(r"^s2s-run ((?!mode=convert|\./).*?)(?: +#.*)?$", TEXT, re.M)
    assert len(commands) >= 4
    for words in map(shlex.split, commands):
        assert build(compose(*words), packages=False).graph.edges


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT)
    assert links
    assert [link for link in links if not (PACKAGE.parent / "docs" / link).exists()] == []


@pytest.mark.anyio
async def test_its_program_hears_an_answer_over_plain_sound(tmp_path: Path) -> None:
    from s2s.modes.websocket import WebSocket
    from tests.modes.lines import serving, turn

    (program,) = re.findall(r"^```python\n(import asyncio\n.*?)^```$", TEXT, re.M | re.S)
    assert program.count("127.0.0.1:8765") == 1
    (tmp_path / "input.pcm").write_bytes(turn())
    async with serving(WebSocket(port=0)) as served:
        command = [sys.executable, "-c", program.replace("127.0.0.1:8765", served.mode.address)]
        run = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "output.pcm").stat().st_size > 3200
