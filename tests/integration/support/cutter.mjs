// A TCP proxy before PostgreSQL that breaks a connection at its COMMIT: before the server has it, or before the client has the
// answer.
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onEnd } from './processes.mjs';

const COMMIT = Buffer.from('COMMIT\0');

/**
 * {port, arm(marker, {answer, deafFor})}. arm: the next connection that sent `marker` (a text of a statement) is broken at its COMMIT;
 * answer: true loses the answer, false the request; for `deafFor` ms after that nobody can connect. cuts() counts.
 */
export async function startCutter(port) {
  let armed = null, cuts = 0, deafUntil = 0;
  const server = createServer((client) => {
    if (Date.now() < deafUntil) return void client.destroy();
    const upstream = createConnection({ port, host: '127.0.0.1' });
    let seen = false, losing = false;
    const end = () => (client.destroy(), upstream.destroy());
    const cut = () => {
      cuts++;
      deafUntil = Date.now() + armed.deafFor;
      armed = null;
      end();
    };
    client.on('data', (bytes) => {
      seen ||= armed !== null && bytes.includes(armed.marker);
      if (!seen || armed === null || !bytes.includes(COMMIT)) return void upstream.write(bytes);
      if (!armed.answer) return cut();
      losing = true;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => (losing ? losing && armed && cut() : client.write(bytes)));
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end).setNoDelay();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => server.close());
  return {
    port: server.address().port,
    arm: (marker, { answer, deafFor = 0 }) => (armed = { marker, answer, deafFor }),
    cuts: async () => (await sleep(0), cuts),
  };
}
