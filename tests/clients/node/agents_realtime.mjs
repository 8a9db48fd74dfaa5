/** A voice round with npm `@openai/agents-realtime`: an agent with a tool, a session over its WebSocket transport. */
import { RealtimeAgent, RealtimeSession, tool as defineTool } from '@openai/agents-realtime';
import { z } from 'zod';
import { answered, expect, HZ, LONG, Microphone, readArguments, run, understood } from './round.mjs';

const args = readArguments({ trust: true });

async function open(call) {
  const { tape } = call;
  call.calls = [];
  const weather = defineTool({
    name: 'get_weather',
    description: 'The weather in a city now.',
    parameters: z.object({ city: z.string() }),
    execute: ({ city }) => {
      call.calls.push(city);
      return JSON.stringify({ sky: 'clear' });
    },
  });
  const agent = new RealtimeAgent({ name: 'Host', instructions: 'Answer in one short sentence.', tools: [weather] });
  const session = new RealtimeSession(agent, { transport: 'websocket' });
  const { transport } = session;
  const typed = new Set();
  const tap = ({ data }) => {
    tape.wire(data);
    const { type } = JSON.parse(data);
    if (type !== 'error' && !typed.has(type)) transport.on(type, (event) => tape.put(event));
    typed.add(type);
  };
  transport.on('connection_change', (status) => {
    if (status === 'connecting') transport.connectionState.websocket.addEventListener('message', tap);
    if (status === 'disconnected') call.closed('disconnected');
  });
  session.on('error', ({ error }) => {
    if (error?.type === 'error') tape.put(error);
    call.fault(`error: ${error?.stack ?? JSON.stringify(error)}`);
  });
  session.on('audio', ({ data }) => { call.bytes = (call.bytes ?? 0) + data.byteLength; });
  call.session = session;
  call.listen = () => { call.mic = new Microphone((pcm) => session.sendAudio(pcm.buffer)); };
  call.close = () => session.close();
  await session.connect({ apiKey: args.key, url: `${args.url.replace(/^http/, 'ws')}/realtime` });
  await tape.next('session.updated', 0, (event) => event.session.tools.length);
}

/** Return the texts of the session's own history, a line each. */
function mirror({ session }) {
  const text = (part) => part.text ?? part.transcript;
  return session.history.map((item) => `${item.role ?? item.type}: ${item.content?.map(text) ?? item.output}`);
}

async function voice(call) {
  call.listen();
  await call.mic.say(args.wav);
  const said = await answered(call.tape, 0);
  const heard = await understood(call.tape, 0);
  expect(call.bytes / (HZ * 2) >= said.audio_s - 0.01, `${call.bytes} bytes of sound reached the user`);
  await call.tape.next('conversation.item.retrieved');
  expect(mirror(call).join() === `user: ${heard},assistant: ${said.answer}`, `the history is ${mirror(call)}`);
  return { heard, ...said };
}

async function tool(call) {
  const { session, tape } = call;
  for (const tool_choice of ['required', { type: 'function', name: 'get_weather' }]) {
    const from = tape.end;
    session.transport.sendMessage('What is the weather in Paris?', {}, { triggerResponse: false });
    session.transport.requestResponse({ tool_choice });
    await tape.next('response.done', from);
    call.said = await answered(tape, from);
  }
  expect(call.calls.length === 2, `the calls were ${JSON.stringify(call.calls)}`);
  expect(mirror(call).includes('function_call: {"sky":"clear"}'), `the history is ${mirror(call)}`);
  return { calls: call.calls, history: mirror(call), ...call.said };
}

async function bargeIn(call) {
  const { session, tape } = call;
  let stopped = 0;
  session.on('audio_interrupted', () => { stopped += 1; });
  call.listen();
  session.sendMessage(LONG);
  const { response_id, item_id } = await tape.next('response.output_audio.delta');
  const spoken = tape.end;
  await call.mic.say(args.wav2);
  const truncated = await tape.next('conversation.item.truncated', spoken);
  expect(truncated.item_id === item_id, 'another item was cut');
  const { item } = await tape.next('conversation.item.retrieved', tape.events.indexOf(truncated));
  const { response } = await tape.next('response.done', 0, (event) => event.response.id === response_id);
  const said = await answered(tape, tape.events.indexOf(truncated));
  const heard = await understood(tape, spoken);
  const stray = tape.of('response.output_audio.delta', tape.events.indexOf(truncated));
  expect(!stray.some((event) => event.response_id === response_id), 'the old answer went on');
  expect(stopped, 'the user was not told to stop playing');
  const kept = item.content[0].transcript ?? '';
  const cut = { heard_ms: truncated.audio_end_ms, first: response.status, kept };
  return { ...cut, history: mirror(call), heard, ...said };
}

async function history(call) {
  const { session, tape } = call;
  const item = (itemId, text) => ({
    itemId, type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text }],
  });
  const [first, second] = [item('own_first', 'My name is Ada.'), item('own_second', 'I live in Rome.')];
  session.updateHistory([second]);
  await tape.next('conversation.item.done');
  session.updateHistory((known) => [first, ...known]);
  await tape.next('conversation.item.done', 0, (event) => event.item.id === first.itemId);
  expect(mirror(call).join() === 'user: My name is Ada.,user: I live in Rome.', `the history is ${mirror(call)}`);
  session.transport.sendEvent({ type: 'conversation.item.retrieve', item_id: first.itemId });
  const { item: found } = await tape.next('conversation.item.retrieved');
  expect(found.content[0].text === 'My name is Ada.', `the item is ${JSON.stringify(found)}`);
  session.updateHistory((known) => known.filter(({ itemId }) => itemId !== first.itemId));
  await tape.next('conversation.item.deleted');
  expect(mirror(call).join() === 'user: I live in Rome.', `the history is ${mirror(call)}`);
  return { history: mirror(call) };
}

async function pushToTalk(call) {
  const { session, tape } = call;
  const from = tape.end;
  session.transport.updateSessionConfig({ audio: { input: { turnDetection: null } } });
  await tape.next('session.updated', from, (event) => event.session.audio.input.turn_detection === null);
  call.listen();
  await call.mic.say(args.wav);
  call.mic.stop();
  session.sendAudio(new ArrayBuffer(0), { commit: true });
  session.transport.requestResponse();
  const said = await answered(tape, from);
  return { heard: await understood(tape, from), ...said };
}

await run('@openai/agents-realtime', open, { voice, tool, barge_in: bargeIn, history, push_to_talk: pushToTalk });
