// A price table's server that a test tells what to answer.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, onEnd, runProgram } from './processes.mjs';

/** A certificate of its own for 127.0.0.1: {key, cert, certFile}. */
export async function selfSigned() {
  const directory = makeDirectory('tls');
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => join(directory, name));
  const { status, stderr } = await runProgram('openssl', [
    'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile, '-days', '2', '-subj',
    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'
  ]);
  if (status !== 0) throw new Error(stderr);
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
}

/** A model of a table. */
export const model = (input, more = {}) => ({
  mode: 'chat',
  litellm_provider: 'acme',
  max_tokens: 8192,
  input_cost_per_token: input,
  output_cost_per_token: input * 4,
  ...more,
});

/**
 * On a free port of 127.0.0.1, gone at the end. `answer` may be set at any time: a function (request, response), or
 * what is sent as JSON. `requests`: the headers of all that was asked.
 */
export async function startCloud({ tls } = {}) {
  const cloud = { requests: [], answer: {} };
  const handler = (request, response) => {
    cloud.requests.push(request.headers);
    response.on('error', () => {});
    if (typeof cloud.answer === 'function') return cloud.answer(request, response);
    response.setHeader('content-type', 'application/json');
    return response.end(typeof cloud.answer === 'string' ? cloud.answer : JSON.stringify(cloud.answer));
  };
  const server = tls ? createTlsServer(tls, handler) : createServer(handler);
  server.on('tlsClientError', () => {});
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  cloud.port = server.address().port;
  cloud.url = `${tls ? 'https' : 'http'}://127.0.0.1:${cloud.port}/pricing/v1/models.json`;
  /** Settings of a hubport that asks it. */
  cloud.env = { PRICE_TABLE_URL: cloud.url, PRICE_TABLE_ALLOW_HTTP: '1', PRICE_TABLE_ALLOW_PRIVATE: '1' };
  return cloud;
}
