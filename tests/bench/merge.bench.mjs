// A merge of request logs of which half are here already, against a plain COPY of the half that is new into the same table
// with its indexes (what no merge can undercut). Interleaved rounds, medians. Target: at most 1.45 times.
import { join } from 'node:path';
import { RELEASE, makeWorkplace, mustRun } from '../integration/support/hubport.mjs';
import { migrate } from '../integration/support/data.mjs';
import { cleanUp, runProgram } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const ROWS = Number(process.env.ROWS ?? 200_000);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function timed(work) {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

/** Rows like a busy hub's: about 1.5 KB each as text. */
const REQUESTS = `INSERT INTO message_request (id, provider_id, user_id, key, model, original_model, duration_ms, cost_usd,
    provider_chain, status_code, input_tokens, output_tokens, cache_read_input_tokens, created_at, session_id, user_agent,
    endpoint, messages_count, special_settings, cost_breakdown, client_ip, ttfb_ms)
  SELECT i, 1 + i % 40, 1 + i % 50, 'sk-' || md5((i % 400)::text), 'claude-model-' || i % 12, 'claude-model-' || i % 12, i % 90000,
    (i % 1000) / 7.0, jsonb_build_array(jsonb_build_object('id', 1 + i % 40, 'name', 'provider ' || i % 40, 'reason', 'initial',
      'hash', md5(i::text), 'text', repeat(md5((i * 3)::text), 8)), jsonb_build_object('id', 1 + i % 40, 'statusCode', 200)),
    CASE WHEN i % 30 = 0 THEN 500 ELSE 200 END, i % 5000, i % 3000, i % 100000, timestamptz '2026-01-01' + i * interval '3 seconds',
    'sess_' || md5((i / 20)::text), 'claude-cli/2.0 (external, cli) ' || md5((i % 30)::text), '/v1/messages', i % 60,
    jsonb_build_array(jsonb_build_object('type', 'x', 'note', repeat(md5(i::text), 10))),
    jsonb_build_object('input', i / 3.0, 'output', i / 9.0, 'total', i / 2.0), '10.0.' || i % 250 || '.' || i % 99, i % 3000
  FROM generate_series(1, ${ROWS}) i`;

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min' } });
  const directory = makeWorkplace();
  await postgres.createDatabase('full');
  await migrate(postgres, 'full');
  await postgres.sql('full', `ALTER TABLE message_request DISABLE TRIGGER USER; ${REQUESTS}; ALTER TABLE message_request ENABLE
    TRIGGER USER; SELECT setval('message_request_id_seq', ${ROWS})`);
  const archive = join(directory, 'full.dump'), rows = join(directory, 'new.copy');
  const dumped = await runProgram(join(PG_BIN, 'pg_dump'), ['-Fc', '-f', archive, '-d', postgres.socketDsn('full')], { timeout: 600_000 });
  if (dumped.status !== 0) throw new Error(dumped.stderr);
  const copied = await runProgram('sh', ['-c', `${join(PG_BIN, 'psql')} -X -d '${postgres.socketDsn('full')}' -c 'COPY (SELECT * FROM
    message_request WHERE id % 2 = 0 ORDER BY id) TO STDOUT' > ${rows}`], { timeout: 600_000 });
  if (copied.status !== 0) throw new Error(copied.stderr);
  await postgres.sql('full', `DELETE FROM message_request WHERE id % 2 = 0`);
  await postgres.sql('full', 'VACUUM (FULL, ANALYZE)');

  let count = 0;
  const runs = {
    // The ledger's trigger is off for both: a merge brings the ledger's rows from the archive.
    copy: (database) => runProgram('sh', ['-c', `(echo 'BEGIN; ALTER TABLE message_request DISABLE TRIGGER USER;
      COPY message_request FROM STDIN;'; cat ${rows}; printf '\\\\.\\n'; echo 'ALTER TABLE message_request ENABLE TRIGGER USER; COMMIT;') |
      ${join(PG_BIN, 'psql')} -X -q -v ON_ERROR_STOP=1 -d '${postgres.dsn(database)}'`], { timeout: 600_000 }),
    merge: (database) => mustRun(['import', archive], { binary: RELEASE, env: { DSN: postgres.dsn(database) }, timeout: 600_000 }),
  };
  const seconds = { copy: [], merge: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of round % 2 ? ['merge', 'copy'] : ['copy', 'merge']) {
      const database = `half${++count}`;
      await postgres.createDatabase(database, { template: 'full' });
      await postgres.sql(database, 'CHECKPOINT');
      seconds[name].push(await timed(() => runs[name](database)));
      const got = Number(await postgres.value(database, 'SELECT count(*) FROM message_request'));
      if (got !== ROWS) throw new Error(`${name}: ${got} rows`);
      await postgres.dropDatabase(database);
    }
  }
  const [copy, merge] = [median(seconds.copy), median(seconds.merge)];
  const preview = await timed(() => mustRun(['import', archive, '--dry-run'], { binary: RELEASE, env: { DSN: postgres.dsn('full') },
    timeout: 600_000 }));
  console.log(`merge of ${ROWS} requests of which half are here, medians of ${ROUNDS}:`);
  console.log(`  COPY of the new half    ${copy.toFixed(2)} s`);
  console.log(`  hubport import          ${merge.toFixed(2)} s  ${(merge / copy).toFixed(2)} times (target: at most 1.45)`);
  console.log(`  hubport import --dry-run ${preview.toFixed(2)} s`);
} finally {
  await cleanUp();
}
