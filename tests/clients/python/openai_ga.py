"""One voice round with the `openai` package (2.x and 3.x), asynchronous or, with --sync, synchronous."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import rounds
from openai_link import Link
from rounds import Report, need


async def voice(link: Link) -> dict[str, Any]:
    """Speak, and be answered."""
    created = (await link.log.until("session.created")).session
    detection = {"type": "server_vad", "silence_duration_ms": 500}
    hearing = link.input(transcription={"model": "gpt-4o-mini-transcribe"}, turn_detection=detection)
    session = await link.update(instructions="Answer in one short sentence.", **hearing)
    need(session.id == created.id, "the session's id changed")
    need(link.detection(session).silence_duration_ms == 500, "the turn detection was not taken")
    since = len(link.log.events)
    ended = await link.microphone.say(link.given.sound)
    await link.log.until(link.SOUND, since)
    first = asyncio.get_running_loop().time()
    figures = {"heard": await link.heard(since), **await link.answered(since)}
    return {**figures, "first_audio_ms": round((first - ended) * 1000)}


async def tool(link: Link) -> dict[str, Any]:
    """Have a function called, first any and then one by name, and be answered with its outcome."""
    await link.update(tools=[rounds.WEATHER])
    figures: dict[str, Any] = {}
    for choice in ("required", link.BY_NAME):
        since = len(link.log.events)
        await link.write(rounds.ASK_WEATHER)
        await link.call(link.connection.response.create, response={"tool_choice": choice})
        done = await link.log.until("response.function_call_arguments.done", since)
        called = (await link.log.until("response.done", since)).response.output[-1]
        need(called.name == "get_weather", f"called {called.name}")
        need(called.arguments == done.arguments and "city" in json.loads(done.arguments), f"arguments {done.arguments}")
        output = {"type": "function_call_output", "call_id": done.call_id, "output": rounds.SKY}
        since = len(link.log.events)
        await link.call(link.connection.conversation.item.create, item=output)
        await link.call(link.connection.response.create, response={"tool_choice": "none"})
        name = choice if isinstance(choice, str) else "by_name"
        figures[name] = {"arguments": done.arguments, **await link.answered(since)}
    return figures


async def barge_in(link: Link) -> dict[str, Any]:
    """Interrupt a long answer, cut it to what was heard, and be answered anew."""
    log, since = link.log, len(link.log.events)
    await link.speaker.silent()
    await link.write(rounds.LONG)
    await link.call(link.connection.response.create)
    first = await log.until(link.SOUND, since)
    speaking = asyncio.create_task(link.microphone.say(link.given.sound2))
    started = await log.until("input_audio_buffer.speech_started", since)
    heard_ms = link.speaker.stop(first.item_id)
    await link.call(
        link.connection.conversation.item.truncate, item_id=first.item_id, content_index=0, audio_end_ms=heard_ms
    )
    cut = await log.until("conversation.item.truncated", since, item_id=first.item_id)
    need(cut.audio_end_ms == heard_ms, f"cut at {cut.audio_end_ms} ms, not at {heard_ms} ms")
    done = await log.until("response.done", since, lambda e: e.response.id == first.response_id)
    await speaking
    after = log.events.index(cut)
    figures = {"heard": await link.heard(after), **await link.answered(after, first.response_id)}
    places = [log.events.index(event) for event in (started, cut)]
    late = [len(list(log.all(link.SOUND, place, response_id=first.response_id))) for place in places]
    need(late[1] == 0, f"{late[1]} audio deltas of the old response after it was cut")
    figures |= {"old": done.response.status, "old_audio_s": link.speaker.seconds(first.item_id), "cut_ms": heard_ms}
    return {**figures, "late_deltas": late}


async def history(link: Link) -> dict[str, Any]:
    """Create an item under a name of our own, retrieve it, and delete it."""
    item, log, since = link.connection.conversation.item, link.log, len(link.log.events)
    await link.write("My name is Ada.", id="msg_of_ours_1")
    added = await log.until(link.ADDED, since, lambda e: e.item.id == "msg_of_ours_1")
    await link.call(item.retrieve, item_id="msg_of_ours_1")
    text = (await log.until("conversation.item.retrieved", since)).item.content[0].text
    need(text == "My name is Ada.", f"retrieved {text!r}")
    await link.call(item.delete, item_id="msg_of_ours_1")
    await log.until("conversation.item.deleted", since, item_id="msg_of_ours_1")
    return {"previous_item_id": added.previous_item_id, "retrieved": text}


async def push_to_talk(link: Link) -> dict[str, Any]:
    """Say where a turn begins and ends."""
    link.microphone.open = False
    session = await link.update(**link.input(turn_detection=None))
    need(link.detection(session) is None, "the turn detection is still on")
    since, buffer = len(link.log.events), link.connection.input_audio_buffer
    await link.call(buffer.clear)
    await link.log.until("input_audio_buffer.cleared", since)
    await link.microphone.say(link.given.sound)
    await link.call(buffer.commit)
    await link.call(link.connection.response.create)
    committed = await link.log.until("input_audio_buffer.committed", since)
    figures = {"heard": await link.heard(since), **await link.answered(since)}
    need(not list(link.log.all("input_audio_buffer.speech_started", since)), "speech was detected")
    return {**figures, "item_id": committed.item_id}


async def work(given: Any, report: Report, kind: type[Link] = Link) -> None:
    """Run all parts over one connection; where one failed, the next has a new one."""
    links: list[Link] = []

    def part(run: Callable[[Link], Any]) -> Callable[[], Any]:
        async def fresh() -> dict[str, Any]:
            if not links or links[-1].log.failure or not list(report.rounds.values())[-1]["ok"]:
                if links:
                    await links[-1].close()
                links.append(kind(given, report))
                await links[-1].open()
                if run is not voice:
                    await links[-1].update(**links[-1].input(transcription={"model": "gpt-4o-mini-transcribe"}))
            return await run(links[-1])

        return fresh

    runs = (voice, tool, barge_in, history, push_to_talk)
    try:
        await report.run({run.__name__: part(run) for run in runs}, given.parts)
    finally:
        for link in links[-1:]:
            await link.close()


if __name__ == "__main__":
    given = rounds.options(__doc__, sync="use the synchronous client")
    report = Report("openai" + (" sync" if given.sync else ""), openai.__version__)
    raise SystemExit(asyncio.run(rounds.main(report, work(given, report))))
