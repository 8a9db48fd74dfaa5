"""A language model that sees, by transformers."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.llm.pictures import pictures
from s2s.llm.transformers import Transformers
from s2s.messages import Line, Prompt, Reply, ReplyEnd
from s2s.settings import Settings
from s2s.stage import Call
from tests.backends import suite
from tests.backends.torch import tiny_llava
from tests.backends.torch.tiny_llava import COLOURS, QUESTION


@pytest.fixture(scope="module")
def model() -> Path:
    return suite.built("tiny-llava", tiny_llava.build)


@pytest.fixture(scope="module")
def stage(model: Path) -> Iterator[Transformers]:
    made = Transformers(model=str(model), device="cpu", images=True, temperature=0.0)
    made.load()
    yield made
    made.close()


def picture(name: str, kind: str = "PNG") -> str:
    """A data URL of a picture of one colour, in no size of the model's."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 48), COLOURS[name]).save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def seen(stage: Transformers, *images: str) -> str:
    """What the model says of pictures."""
    prompt = Prompt(lines=(Line(role="user", text=QUESTION, images=images),))
    items = list(stage.run(Call("t", 1, Settings()), prompt))
    assert isinstance(items[-1], ReplyEnd)
    return "".join(item.text for item in items if isinstance(item, Reply))


def test_conformance(model: Path) -> None:
    suite.conforms("llm", Transformers(model=str(model), device="cpu", images=True, temperature=0.0))


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_seen(stage: Transformers, name: str, kind: str) -> None:
    assert seen(stage, picture(name, kind)) == name


def test_nothing_is_fetched_and_no_wrong_picture_ends_the_answer(stage: Transformers, tmp_path: Path) -> None:
    assert seen(stage) == "none"
    secret = tmp_path / "secret.png"
    secret.write_bytes(base64.b64decode(picture("red").partition(",")[2]))
    for url in ("http://127.0.0.1:1/x.png", f"file://{secret}", str(secret), "data:image/png;base64,bm8=", "data:,x"):
        assert seen(stage, url) not in COLOURS
    line = Line(role="user", text=QUESTION, images=("http://127.0.0.1:1/x.png", picture("blue")))
    (shown,), found = pictures((line,))
    assert shown.images == line.images[1:] and shown.text == f"{QUESTION}\n(a picture, which can't be shown)"
    assert [image.getpixel((0, 0)) for image in found] == [COLOURS["blue"]]


def test_a_model_that_cannot_see_is_told_so() -> None:
    from tests.backends.torch import tiny_llama

    blind = Transformers(model=str(suite.built("tiny-llama", tiny_llama.build)), device="cpu")
    blind.load()
    lines = (Line(role="user", text=QUESTION, images=(picture("red"),)),)
    assert "(a picture, which you can't see)" in blind._template.text(lines, Settings())
