// malloc, open and fork fail at their Nth call (support/fail_call.c, preloaded) in the commands that read and change databases.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, TOP, assertNoLeftovers, makeWorkplace, mustRun, run, startServer } from '../integration/support/hubport.mjs';
import { checksum, fill } from '../integration/support/data.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startPostgres } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';

const ROUNDS = Number(process.env.HUBPORT_ROUNDS ?? 30); // for each function and command, at most
const SEED = Number(process.env.HUBPORT_SEED ?? 1);
const directory = makeWorkplace();
const [library, counted, met, file, output] = ['fail_call.so', 'count', 'met', 'hub.dump', 'out.dump'].map((name) => join(directory, name));
let postgres, env, older, newer;

const content = () => checksum(postgres, 'hub').then(JSON.stringify);
const undo = () => postgres.sql('hub', 'DELETE FROM message_request WHERE id % 3 = 0');
const hubport = (args, more = {}) => run(args, { env: { ...env, ...more }, binary: RELEASE, directory });

before(async () => {
  execFileSync('gcc', ['-std=gnu17', '-O1', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-o', library, join(TOP, 'tests/torture/support/fail_call.c')]);
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  // Without Kerberos, which libpq asks for encryption: MIT's gss_indicate_mechs() (1.20) reads NULL when its malloc fails.
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), PGGSSENCMODE: 'disable' };
  await mustRun(['migrate'], { env, binary: RELEASE, directory });
  await fill(postgres, 'hub', { user: 'hub', requests: 300 });
  await mustRun(['export', '-o', file], { env, binary: RELEASE, directory });
  newer = await content();
  await undo();
  older = await content();
});
after(() => cleanUp());

/** `changes`: the database becomes `newer` when it succeeds. */
const COMMANDS = {
  'an export': { args: ['export', '-o', output], changes: false },
  'an overwrite': { args: ['import', file, '--overwrite'], changes: true },
  'a merge': { args: ['import', file, '--merge'], changes: true },
};

async function backToOld() {
  if ((await content()) !== older) await undo();
  for (const name of await postgres.databases()) if (name.includes('_before_')) await postgres.dropDatabase(name);
  rmSync(output, { force: true });
  rmSync(met, { force: true });
  assert.ok((await content()) === older);
}

/** Every call when there are few, else spread over all of them, moved by the seed. */
function places(calls) {
  const count = Math.min(calls, ROUNDS), step = calls / count;
  return Array.from({ length: count }, (_, i) => 1 + (Math.floor((i + ((SEED * 0.618) % 1)) * step) % calls));
}

async function tryPlace({ args, changes }, name, at, count) {
  const { status, signal, stderr } = await hubport(args, { LD_PRELOAD: library, FAIL_CALL: name, FAIL_AT: String(at), FAIL_MET: met });
  const what = `${name} ${at} of ${count}: status ${status ?? signal}: ${stderr.trim().split('\n').at(-1)}`;
  const reached = existsSync(met);
  const now = await content();
  assert.ok(now === older || now === newer, `${what}: neither old nor new`);
  assert.ok(signal === null || signal === 'SIGABRT', `${what}: died`);
  if (changes && status === 0) assert.ok(now === newer, `${what}: told done, and it is old`);
  if (!changes) assert.ok(now === older, what);
  if (!changes && status === 0) await mustRun(['verify', output], { env, binary: RELEASE, directory });
  if (!changes && status !== 0) assert.ok(!existsSync(output), `${what}: an export that failed left a file under its name`);
  if (signal !== null) { // out of memory ends the process: what it left goes when hubport next runs
    const server = await startServer({ env: { ...env, ADMIN_TOKEN: 'torture' }, binary: RELEASE, directory });
    await assertNoLeftovers({ server, postgres }, 20_000);
    await server.stop();
  }
  await assertNoLeftovers({ postgres }, 5000).catch((error) => assert.fail(`${what}: ${error.message}`));
  await backToOld();
  return reached;
}

for (const name of ['malloc', 'open', 'fork'])
  for (const [words, command] of Object.entries(COMMANDS))
    proves('Calls that fail', `${name} failing at its Nth call in ${words}`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
      const counting = await hubport(command.args, { LD_PRELOAD: library, FAIL_CALL: name, FAIL_AT: '0', FAIL_COUNT: counted });
      assert.equal(counting.status, 0, counting.stderr);
      await backToOld();
      const count = Number(readFileSync(counted, 'utf8')), problems = [];
      assert.ok(count > 0);
      let reached = 0;
      for (const at of places(count)) {
        round();
        await tryPlace(command, name, at, count).then((met) => (reached += met), async (error) => {
          problems.push(error.message);
          await backToOld();
        });
      }
      assert.deepEqual(problems, []);
      assert.ok(reached > 0, 'no call failed');
    });
