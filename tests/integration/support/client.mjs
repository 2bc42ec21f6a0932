// An HTTP client for tests that hides nothing: headers as given, bodies as streams, borders of chunks, aborts.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

/**
 * One connection a request, unless an `agent` of node:http keeps them. {token} for Bearer, {cookie} for the session cookie's
 * value, neither for nobody.
 */
export class Client {
  constructor(url, { token, cookie, agent = false } = {}) {
    Object.assign(this, { url, token, cookie, agent });
  }

  headers(more) {
    const own = {
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      ...(this.cookie === undefined ? {} : { cookie: `auth-token=${this.cookie}` }),
      ...more,
    };
    return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  }

  /**
   * Send a request and give it and the answer as they come: {request, response}. `body`: text, Buffer or a readable
   * stream. Without a body's known length it goes out chunked. After this `response` is a stream to read, slowly or not
   * at all; request.destroy() leaves.
   */
  async open(method, path, { headers = {}, body, signal, timeout = 60_000 } = {}) {
    const request =
      httpRequest(new URL(path, this.url), { method, headers: this.headers(headers), agent: this.agent, signal, timeout });
    request.on('timeout', () => request.destroy(new Error(`no byte for ${timeout} ms: ${method} ${path}`)));
    request.on('error', () => {}); // reported through the promise below, or through the response
    const answered = once(request, 'response');
    if (body instanceof Readable) sendStream(request, body);
    else request.end(body);
    const [response] = await answered;
    response.on('error', () => {}); // a transfer that breaks is seen by who reads it
    return { request, response };
  }

  /**
   * Send and read all: {status, headers, trailers, body, text, json, complete}. A broken transfer gives complete:
   * false.
   */
  async send(method, path, options) {
    const { response } = await this.open(method, path, options);
    return readAnswer(response);
  }

  get(path, options) {
    return this.send('GET', path, options);
  }

  /** An object goes as JSON. */
  post(path, value, { headers = {}, ...options } = {}) {
    if (value === undefined) return this.send('POST', path, { headers, ...options });
    const body = Buffer.from(JSON.stringify(value));
    const all = { 'content-type': 'application/json', 'content-length': body.length, ...headers };
    return this.send('POST', path, { headers: all, body, ...options });
  }

  /** GET that must answer 200 with JSON. */
  async json(path, options) {
    const answer = await this.get(path, options);
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.json;
  }

  /** Sign in with a token, key or one-use code; a client that carries the cookie. */
  async login(key) {
    const answer = await this.post('/api/auth/login', { key });
    assert.equal(answer.status, 200, `signing in: ${answer.text}`);
    return new Client(this.url, { cookie: cookieOf(answer) });
  }

  /** POST a form as multipart/form-data and read the whole answer. See form() for `fields` and `file`. */
  async upload(path, fields, file, options = {}) {
    const { response } = await this.openUpload(path, fields, file, options);
    return readAnswer(response);
  }

  openUpload(path, fields, file, { headers = {}, chunked = false, ...options } = {}) {
    const { type, length, body } = form(fields, file);
    const all = {
      'content-type': type,
      ...(chunked || length === undefined ? {} : { 'content-length': length }),
      ...headers
    };
    return this.open('POST', path, { headers: all, body, ...options });
  }

  /** Upload, and give the events that the answer is made of; an answer that is no event stream fails. */
  async uploadForEvents(path, fields, file, options) {
    const { request, response } = await this.openUpload(path, fields, file, options);
    if (!/^text\/event-stream/.test(response.headers['content-type'] ?? '')) {
      const answer = await readAnswer(response);
      assert.fail(`${path} answered ${answer.status}: ${answer.text}`);
    }
    return new EventStream(request, response);
  }
}

/** What a browser would keep of Set-Cookie: the session cookie's value. */
export function cookieOf(answer) {
  const line = (answer.headers['set-cookie'] ?? []).find((cookie) => cookie.startsWith('auth-token='));
  assert.ok(line, 'the answer sets no cookie');
  return line.slice('auth-token='.length).split(';')[0];
}

/** A server may answer and close before it took the whole body; what it answered counts then. */
async function sendStream(request, body) {
  try {
    for await (const bytes of body) {
      if (request.destroyed) return;
      if (!request.write(bytes)) await Promise.race([once(request, 'drain'), once(request, 'close')]);
    }
    request.end();
  } catch (error) {
    request.destroy(error);
  } finally {
    body.destroy();
  }
}

export async function readAnswer(response) {
  const parts = [];
  try {
    for await (const part of response) parts.push(part);
  } catch {
    // complete is false then
  }
  const body = Buffer.concat(parts);
  const text = body.toString('utf8');
  return {
    status: response.statusCode,
    headers: response.headers,
    trailers: response.trailers,
    complete: response.complete,
    body,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

/**
 * A multipart/form-data body as a stream. `fields`: an object, or a list of [name, value] when order or repetition
 * matters. They go before the file. `file`: {path} or {bytes} or {stream, size}, with `name` (what the form says) and
 * `field` ("file"); null for none.
 */
export function form(fields, file) {
  const boundary = `hubport-test-${randomBytes(12).toString('hex')}`;
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields);
  const head =
    pairs.map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('');
  const tail = Buffer.from(`${file ? '\r\n' : ''}--${boundary}--\r\n`);
  const type = `multipart/form-data; boundary=${boundary}`;
  if (!file) {
    const body = Buffer.concat([Buffer.from(head), tail]);
    return { type, length: body.length, body: Readable.from([body]) };
  }
  const name = file.name ?? (file.path ? basename(file.path) : 'backup.dump');
  const start = Buffer.from(
    `${head}--${boundary}\r\nContent-Disposition: form-data; name="${file.field ?? 'file'}"; filename="${name}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n');
  const size = file.bytes?.length ?? file.size ?? (file.path ? statSync(file.path).size : undefined);
  const content =
    file.stream ?? (file.path ? createReadStream(file.path, { highWaterMark: 256 * 1024 }) : [file.bytes]);
  async function* parts() {
    yield start;
    yield* content;
    yield tail;
  }
  return {
    type,
    length: size === undefined ? undefined : start.length + size + tail.length,
    body: Readable.from(parts(), { objectMode: true })
  };
}

/**
 * Server-Sent Events as they arrive. Iterate it for the events; `chunks` has the pieces as the server sent them, with
 * their times.
 */
export class EventStream {
  constructor(request, response) {
    Object.assign(this, {
      request,
      response,
      status: response.statusCode,
      headers: response.headers,
      chunks: [],
      comments: [],
      rest: ''
    });
  }

  /** Each event: {data (parsed JSON), event, id, at (ms), chunk (number of the piece that completed it)}. */
  async * [Symbol.asyncIterator]() {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for await (const bytes of this.response) {
      this.chunks.push({ bytes, at: Date.now() });
      this.rest += decoder.decode(bytes, { stream: true });
      for (let end; (end = this.rest.indexOf('\n\n')) >= 0;) {
        const block = this.rest.slice(0, end);
        this.rest = this.rest.slice(end + 2);
        const event = this.parse(block);
        if (event) yield {...event, at: Date.now(), chunk: this.chunks.length - 1 };
      }
    }
    assert.equal(this.rest, '', 'the stream ends in the middle of an event');
  }

  parse(block) {
    const fields = { data: [] };
    for (const line of block.split('\n')) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === '') this.comments.push({ text: value, at: Date.now() });
      else if (name === 'data') fields.data.push(value);
      else fields[name] = value;
    }
    return fields.data.length === 0 ? null : {...fields, data: JSON.parse(fields.data.join('\n')) };
  }

  /** All that is still to come: {events, last}; events are the data objects. */
  async collect() {
    const events = [];
    for await (const { data } of this) events.push(data);
    return { events, last: events.at(-1) };
  }

  /** Read until an event fits; the stream stays open. */
  async until(fits) {
    this.iterator ??= this[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await this.iterator.next();
      if (done) assert.fail('the stream ended before the event came');
      if (fits(value.data)) return value;
    }
  }

  /** As a browser that is closed. */
  leave() {
    this.request.destroy();
  }
}
