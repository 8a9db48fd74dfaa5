/** A voice round with npm `openai`, its `ws` realtime client: it speaks wss only. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { answered, expect, LONG, Microphone, Player, readArguments, run, understood } from './round.mjs';

const args = readArguments();
const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city now.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const tools = { get_weather: ({ city }) => JSON.stringify(city ? { sky: 'clear' } : { error: 'no city' }) };

async function open(call) {
  const client = new OpenAI({ baseURL: args.url, apiKey: args.key });
  const options = args.ca && { ca: readFileSync(args.ca) };
  const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime', options }, client);
  const { tape } = call;
  rt.on('error', (error) => {
    if (error.event_id) tape.put({ type: 'error', event_id: error.event_id, error: error.error });
    call.fault(`error: ${error.message}${error.cause ? ` (${error.cause})` : ''}`);
  });
  rt.on('event', (event) => event.type !== 'error' && rt.once(event.type, (typed) => tape.put(typed)));
  rt.socket.on('message', (data) => tape.wire(data.toString()));
  rt.socket.on('close', (code, reason) => call.closed(`${code} ${reason}`));
  call.rt = rt;
  call.listen = () => { call.mic = new Microphone((pcm) => append(call, pcm)); };
  call.close = () => {
    rt.close();
    return rt.socket.readyState === 3 ? undefined : once(rt.socket, 'close');
  };
  await tape.next('session.created');
}

function append({ rt }, pcm) {
  rt.send({ type: 'input_audio_buffer.append', audio: pcm.toString('base64') });
}

async function configure({ rt, tape }, turn_detection, rest = {}) {
  const from = tape.end;
  const audio = { input: { turn_detection, transcription: { model: 'gpt-4o-mini-transcribe' } } };
  const instructions = 'Answer in one short sentence.';
  rt.send({ type: 'session.update', session: { type: 'realtime', instructions, audio, ...rest } });
  return (await tape.next('session.updated', from)).session;
}

function write({ rt }, text, more = {}) {
  const content = [{ type: 'input_text', text }];
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content, ...more } });
}

async function voice(call) {
  await configure(call, { type: 'server_vad' });
  call.listen();
  await call.mic.say(args.wav);
  return { heard: await understood(call.tape, 0), ...(await answered(call.tape, 0)) };
}

async function tool(call) {
  const { rt, tape } = call;
  await configure(call, null, { tools: [WEATHER] });
  const calls = [];
  for (const tool_choice of ['required', { type: 'function', name: 'get_weather' }]) {
    const from = tape.end;
    write(call, 'What is the weather in Paris?');
    rt.send({ type: 'response.create', response: { tool_choice } });
    const { response } = await tape.next('response.done', from);
    for (const { type, name, call_id, arguments: given } of response.output) {
      expect(type === 'function_call', `${type} where a call was required`);
      const output = tools[name](JSON.parse(given));
      rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } });
      calls.push(`${name}(${given})`);
    }
    const asked = tape.end;
    rt.send({ type: 'response.create', response: { tool_choice: 'none' } });
    call.said = await answered(tape, asked);
  }
  expect(calls.length === 2, `the calls were ${calls}`);
  return { calls, ...call.said };
}

async function bargeIn(call) {
  const { rt, tape } = call;
  await configure(call, { type: 'server_vad' });
  call.listen();
  const player = new Player();
  rt.on('response.output_audio.delta', ({ item_id, delta }) => {
    player.take(item_id, Buffer.byteLength(delta, 'base64'));
  });
  rt.once('input_audio_buffer.speech_started', () => {
    call.cut = { item_id: player.item, content_index: 0, audio_end_ms: player.heard(player.item) };
    rt.send({ type: 'conversation.item.truncate', ...call.cut });
  });
  write(call, LONG);
  rt.send({ type: 'response.create' });
  const { response_id, item_id } = await tape.next('response.output_audio.delta');
  const spoken = tape.end;
  await call.mic.say(args.wav2);
  const truncated = await tape.next('conversation.item.truncated', spoken);
  expect(truncated.item_id === item_id && truncated.audio_end_ms === call.cut.audio_end_ms, 'another item was cut');
  const { response } = await tape.next('response.done', 0, (event) => event.response.id === response_id);
  const figures = { heard_ms: truncated.audio_end_ms, whole_ms: player.whole(item_id), first: response.status };
  const said = await answered(tape, tape.events.indexOf(truncated));
  const heard = await understood(tape, spoken);
  const stray = tape.of('response.output_audio.delta', tape.events.indexOf(truncated));
  expect(!stray.some((event) => event.response_id === response_id), 'the old answer went on');
  return { ...figures, heard, ...said };
}

async function history(call) {
  const { rt, tape } = call;
  await configure(call, null);
  write(call, 'My name is Ada.', { id: 'item_of_my_own' });
  const { item: added } = await tape.next('conversation.item.added');
  await tape.next('conversation.item.done');
  rt.send({ type: 'conversation.item.retrieve', item_id: 'item_of_my_own' });
  const { item } = await tape.next('conversation.item.retrieved');
  expect(added.id === item.id && item.id === 'item_of_my_own', `the item is ${JSON.stringify(item)}`);
  expect(item.content[0].text === 'My name is Ada.', `the item is ${JSON.stringify(item)}`);
  rt.send({ type: 'conversation.item.delete', item_id: item.id });
  const { item_id } = await tape.next('conversation.item.deleted');
  expect(item_id === item.id, `${item_id} was deleted`);
  return { item: item.id, mirror: 'n/a' };
}

async function pushToTalk(call) {
  const { rt, tape } = call;
  const session = await configure(call, null);
  expect(session.audio.input.turn_detection === null, 'the turn detection is still on');
  call.listen();
  await call.mic.say(args.wav);
  call.mic.stop();
  rt.send({ type: 'input_audio_buffer.commit' });
  rt.send({ type: 'response.create' });
  return { heard: await understood(tape, 0), ...(await answered(tape, 0)) };
}

await run('openai', open, { voice, tool, barge_in: bargeIn, history, push_to_talk: pushToTalk });
