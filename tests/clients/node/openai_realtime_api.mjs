/** A voice round with npm `openai-realtime-api`, which speaks the beta dialect: its client, mirror and tools. */
import { RealtimeClient } from 'openai-realtime-api';
import { answered, expect, HZ, LONG, Microphone, Player, readArguments, run, understood } from './round.mjs';

const args = readArguments({ trust: true });
const AUDIO = 'response.audio';
const LATER = /^(response\.output_(audio|text)|conversation\.item\.(added|done)$)/;
const WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city now.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

// With `debug` the library says what its mirror could not take in; the rest of what it says then is not wanted.
console.log = () => {};

async function open(call) {
  const { tape } = call;
  const url = `${args.url.replace(/^http/, 'ws')}/realtime`;
  const client = new RealtimeClient({ url, apiKey: args.key, debug: true });
  client.realtime.on('server.*', (event) => {
    tape.put(event);
    if (LATER.test(event.type)) call.drop(`not of the beta: ${event.type}`);
  });
  client.realtime.on('server.error', ({ error }) => {
    call.fault(`error: ${JSON.stringify(error)}`);
  });
  client.realtime.on('close', ({ error }) => call.closed(error ? 'by an error' : 'by the server'));
  client.updateSession({ instructions: 'Answer in one short sentence.' });
  call.client = client;
  call.listen = () => { call.mic = new Microphone((pcm) => client.appendInputAudio(new Int16Array(pcm.buffer))); };
  call.close = () => client.disconnect();
  await client.connect();
  client.realtime.ws.addEventListener('message', ({ data }) => tape.wire(data));
  await client.waitForSessionCreated();
  await tape.next('session.updated');
}

async function configure({ client, tape }, settings) {
  const from = tape.end;
  client.updateSession(settings);
  const { session } = await tape.next('session.updated', from);
  for (const [name, value] of Object.entries(settings)) {
    if (value === null || typeof value !== 'object') expect(session[name] === value, `${name}: ${session[name]}`);
  }
  return session;
}

/** What the library's mirror holds, a line each. */
function mirror({ client }) {
  return client.conversation.getItems().map(({ role, type, formatted }) => {
    const text = formatted.text || formatted.transcript || formatted.tool?.arguments || formatted.output || '';
    return `${role ?? type}: ${text}`;
  });
}

/** Wait for a whole spoken answer, and hold the library's mirror against it. */
async function mirrored(call, from) {
  const said = await answered(call.tape, from, AUDIO);
  const item = call.client.conversation.getItems().at(-1);
  expect(item.formatted.transcript === said.answer, `the mirror says ${item.formatted.transcript}`);
  expect(Math.abs(item.formatted.audio.length / HZ - said.audio_s) < 0.01, `${item.formatted.audio.length} samples`);
  expect(item.status === said.status, `the mirror's item is ${item.status}`);
  return said;
}

async function voice(call) {
  await configure(call, { turn_detection: { type: 'server_vad' } });
  call.listen();
  await call.mic.say(args.wav);
  const said = await mirrored(call, 0);
  const heard = await understood(call.tape, 0);
  const [turn] = call.client.conversation.getItems();
  expect(turn.formatted.transcript === heard, `the mirror heard ${turn.formatted.transcript}`);
  expect(turn.formatted.audio.length > HZ, `the mirror holds ${turn.formatted.audio.length} samples of the turn`);
  return { heard, ...said };
}

async function tool(call) {
  const { client, tape } = call;
  const calls = [];
  client.addTool(WEATHER, ({ city }) => {
    calls.push(city);
    return { sky: 'clear' };
  });
  for (const tool_choice of ['required', { type: 'function', name: 'get_weather' }]) {
    const from = tape.end;
    const content = [{ type: 'input_text', text: 'What is the weather in Paris?' }];
    client.realtime.send('conversation.item.create', { item: { type: 'message', role: 'user', content } });
    client.realtime.send('response.create', { response: { tool_choice } });
    call.said = await mirrored(call, from);
  }
  expect(calls.length === 2, `the calls were ${JSON.stringify(calls)}`);
  expect(mirror(call).includes('function_call_output: {"sky":"clear"}'), `the mirror holds ${mirror(call)}`);
  return { calls, mirror: mirror(call), ...call.said };
}

async function bargeIn(call) {
  const { client, tape } = call;
  await configure(call, { turn_detection: { type: 'server_vad' } });
  const player = new Player();
  client.on('conversation.updated', ({ item, delta }) => {
    if (delta?.audio) player.take(item.id, delta.audio.byteLength);
  });
  client.on('conversation.interrupted', () => {
    if (call.cut !== undefined) return;
    call.cut = player.heard(player.item);
    client.cancelResponse(player.item, (call.cut * HZ) / 1000);
  });
  call.listen();
  client.realtime.send('conversation.item.create', {
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: LONG }] },
  });
  client.realtime.send('response.create');
  const { response_id, item_id } = await tape.next(`${AUDIO}.delta`);
  const spoken = tape.end;
  await call.mic.say(args.wav2);
  const truncated = await tape.next('conversation.item.truncated', spoken);
  expect(truncated.item_id === item_id && truncated.audio_end_ms === call.cut, 'another item was cut');
  const { response } = await tape.next('response.done', 0, (event) => event.response.id === response_id);
  const held = client.conversation.getItem(item_id).formatted;
  expect(held.audio.length === (call.cut * HZ) / 1000, `the mirror holds ${held.audio.length} samples`);
  const said = await mirrored(call, tape.events.indexOf(truncated));
  const stray = tape.of(`${AUDIO}.delta`, tape.events.indexOf(truncated));
  expect(!stray.some((event) => event.response_id === response_id), 'the old answer went on');
  const cut = { heard_ms: truncated.audio_end_ms, whole_ms: player.whole(item_id), first: response.status };
  return { ...cut, mirror: mirror(call), heard: await understood(tape, spoken), ...said };
}

async function history(call) {
  const { client, tape } = call;
  const id = 'item_of_my_own';
  const content = [{ type: 'input_text', text: 'My name is Ada.' }];
  const appended = client.waitForNextItem();
  client.realtime.send('conversation.item.create', { item: { id, type: 'message', role: 'user', content } });
  expect((await appended).id === id, 'the item has another id');
  expect(mirror(call).join() === 'user: My name is Ada.', `the mirror holds ${mirror(call)}`);
  client.realtime.send('conversation.item.retrieve', { item_id: id });
  const { item } = await tape.next('conversation.item.retrieved');
  expect(item.content[0].text === 'My name is Ada.', `the item is ${JSON.stringify(item)}`);
  client.deleteItem(id);
  await tape.next('conversation.item.deleted');
  expect(mirror(call).length === 0, `the mirror holds ${mirror(call)}`);
  return { item: id };
}

async function pushToTalk(call) {
  call.listen();
  await call.mic.say(args.wav);
  call.mic.stop();
  call.client.createResponse();
  const said = await mirrored(call, 0);
  const heard = await understood(call.tape, 0);
  const [turn] = call.client.conversation.getItems();
  expect(turn.formatted.transcript === heard, `the mirror heard ${turn.formatted.transcript}`);
  expect(turn.formatted.audio.length > HZ, `the mirror holds ${turn.formatted.audio.length} samples of the turn`);
  return { heard, ...said };
}

await run('openai-realtime-api', open, { voice, tool, barge_in: bargeIn, history, push_to_talk: pushToTalk });
