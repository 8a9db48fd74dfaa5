/** What the scripts of all libraries share: arguments, a microphone, a player, a tape of events, and the verdict. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

export const HZ = 24000;
export const LONG = 'Count from one to one hundred, with every number as a word.';
const FRAME_MS = 40;
const LIMIT_MS = 30000;
const SETTLE_MS = 300;

/** Return the arguments; with `trust`, Node itself is made to trust --ca, by starting it again. */
export function readArguments({ trust = false } = {}) {
  const { values: args } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8765/v1' },
      key: { type: 'string', default: 'none' },
      ca: { type: 'string' },
      wav: { type: 'string' },
      wav2: { type: 'string' },
    },
  });
  if (trust && args.ca && process.env.NODE_EXTRA_CA_CERTS !== args.ca) {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: args.ca };
    const words = [...process.execArgv, ...process.argv.slice(1)];
    const again = spawnSync(process.execPath, words, { env, stdio: 'inherit' });
    process.exit(again.status ?? 1);
  }
  return { ...args, wav: readWav(args.wav), wav2: readWav(args.wav2) };
}

/** Return the samples of a mono 16-bit 24 kHz wav as bytes. */
function readWav(path) {
  const file = readFileSync(path);
  const format = file.indexOf('fmt ') + 8;
  const found = [file.readUInt16LE(format + 2), file.readUInt32LE(format + 4), file.readUInt16LE(format + 14)];
  if (found.join() !== `1,${HZ},16`) throw new Error(`${path}: mono, ${HZ} Hz and 16 bits are needed, not ${found}`);
  const data = file.indexOf('data', format);
  return file.subarray(data + 8, data + 8 + file.readUInt32LE(data + 4));
}

/** Sends frames in real time: what is to be said, and silence around it. */
export class Microphone {
  #queue = [];
  #sent = 0;
  #began = performance.now();
  #timer;

  constructor(send) {
    this.send = send;
    this.#tick();
  }

  /** Speak, and return when the last frame has been sent. */
  say(pcm) {
    return new Promise((resolve) => { this.#queue.push({ pcm, resolve }); });
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #tick() {
    for (; this.#sent * FRAME_MS <= performance.now() - this.#began; this.#sent += 1) {
      const frame = Buffer.from(new ArrayBuffer((HZ * 2 * FRAME_MS) / 1000));
      const [saying] = this.#queue;
      if (saying) {
        saying.pcm.copy(frame);
        saying.pcm = saying.pcm.subarray(frame.length);
        if (!saying.pcm.length) this.#queue.shift().resolve();
      }
      this.send(frame);
    }
    this.#timer = setTimeout(() => this.#tick(), this.#began + this.#sent * FRAME_MS - performance.now());
  }
}

/** A loudspeaker that plays as fast as sound is: what came is not yet heard. */
export class Player {
  #items = new Map();

  take(itemId, bytes) {
    const item = this.#items.get(itemId) ?? { began: performance.now(), ms: 0 };
    this.#items.set(itemId, { ...item, ms: item.ms + bytes / (HZ * 0.002) });
    this.item = itemId;
  }

  /** Milliseconds that were heard of an item. */
  heard(itemId) {
    const item = this.#items.get(itemId);
    return item ? Math.floor(Math.min(item.ms, performance.now() - item.began)) : 0;
  }

  whole(itemId) {
    return Math.floor(this.#items.get(itemId)?.ms ?? 0);
  }
}

/** The server's events in order: those on the wire, and those that the library gave to its user. */
export class Tape {
  events = [];
  #wire = [];
  #waiters = new Set();

  wire(text) {
    this.#wire.push(JSON.parse(text));
  }

  put(event) {
    this.events.push(event);
    for (const { look } of [...this.#waiters]) look();
  }

  /** Nothing comes any more. */
  stop(reason) {
    for (const { reject } of this.#waiters) reject(new Error(reason));
  }

  get end() {
    return this.events.length;
  }

  /** Return the first event from `from` on of a type, or that passes a test. */
  next(what, from = 0, test = () => true) {
    this.awaited = what;
    return new Promise((resolve, reject) => {
      let at = from;
      const waiter = { reject };
      waiter.look = () => {
        for (; at < this.end; at += 1) {
          if (this.events[at].type === what && test(this.events[at])) {
            this.#waiters.delete(waiter);
            resolve(this.events[at]);
            return;
          }
        }
      };
      this.#waiters.add(waiter);
      waiter.look();
    });
  }

  of(type, from = 0) {
    return this.events.slice(from).filter((event) => event.type === type);
  }

  /** What was on the wire and never reached the library's user. */
  get lost() {
    const seen = new Set(this.events.map((event) => event.event_id));
    return this.#wire.filter((event) => !seen.has(event.event_id));
  }

  get wired() {
    return this.#wire.length;
  }
}

export function expect(held, otherwise) {
  if (!held) throw new Error(otherwise);
}

/** Wait for the next answer from `from` on that is a message, and return what was said. */
export async function answered(tape, from, audio = 'response.output_audio') {
  const message = (event) => event.response.status !== 'cancelled' && event.response.output[0]?.type === 'message';
  const { response } = await tape.next('response.done', from, message);
  const own = (event) => event.response_id === response.id;
  const bytes = tape.of(`${audio}.delta`, from).filter(own).map((event) => Buffer.byteLength(event.delta, 'base64'));
  const seconds = bytes.reduce((sum, count) => sum + count, 0) / (HZ * 2);
  const text = tape.of(`${audio}_transcript.done`, from).filter(own).map((event) => event.transcript).join(' ');
  const whole = response.status === 'completed' || response.status_details.reason === 'max_output_tokens';
  expect(whole, `the answer is ${JSON.stringify(response)}`);
  expect(text && seconds >= 0.3, `the answer is "${text}" in ${seconds} s of sound`);
  return { answer: text, audio_s: Number(seconds.toFixed(2)), status: response.status };
}

/** Return the caller's words from `from` on, of all turns whose transcript has come, one at least. */
export async function understood(tape, from) {
  const kind = 'conversation.item.input_audio_transcription.completed';
  await tape.next(kind, from);
  const words = tape.of(kind, from).map((event) => event.transcript);
  expect(words.every((text) => text.trim()), `the transcripts are ${JSON.stringify(words)}`);
  return words.join(' ');
}

function version(name) {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version;
    } catch { /* it is in another folder */ }
  }
  return 'unknown';
}

/** Run every round on a connection of its own, print the verdict, and exit. */
export async function run(client, open, rounds) {
  const report = { client, version: version(client), rounds: {}, errors: [], dropped: [] };
  let title = 'start';
  const fault = (what) => report.errors.push(`${title}: ${what?.stack ?? what}`);
  for (const kind of ['uncaughtException', 'unhandledRejection', 'warning']) process.on(kind, fault);
  for (const kind of ['warn', 'error']) console[kind] = (...words) => fault(words.map(String).join(' '));
  for (const [name, play] of Object.entries(rounds)) {
    title = name;
    const drop = (what) => report.dropped.push(`${name}: ${what}`);
    const call = { tape: new Tape(), fault, drop };
    call.closed = (why) => {
      if (!call.closing) fault(`closed: ${why}`);
      call.tape.stop(`closed: ${why}`);
    };
    const limit = new AbortController();
    const late = pause(LIMIT_MS, undefined, { signal: limit.signal }).then(() => {
      throw new Error(`nothing came in ${LIMIT_MS / 1000} s: ${call.tape.awaited ?? 'a connection'}`);
    });
    late.catch(() => {});
    try {
      const figures = await Promise.race([open(call).then(() => play(call)), late]);
      report.rounds[name] = { ok: true, ...figures };
    } catch (error) {
      report.rounds[name] = { ok: false, error: String(error?.message ?? error) };
    }
    limit.abort();
    call.mic?.stop();
    await pause(SETTLE_MS); // nothing announces that no error is under way
    call.closing = true;
    await call.close?.();
    report.rounds[name].events = call.tape.wired;
    for (const event of call.tape.lost) drop(JSON.stringify(event).slice(0, 300));
  }
  const clean = !report.errors.length && !report.dropped.length;
  const ok = clean && Object.values(report.rounds).every((round) => round.ok);
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(ok ? 0 : 1));
}
