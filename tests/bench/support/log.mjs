// A request log as a busy hub's: what compresses and what does not in the proportions of a real one.
import { cpus } from 'node:os';

const pick = (...values) => `(ARRAY[${values.map((value) => `'${value}'`).join(', ')}])[1 + floor(random() * ${values.length})::int]`;
const some = (share, value) => `CASE WHEN random() < ${share} THEN ${value} END`;
const number = (most) => `floor(random() * ${most})::int`;
const model = pick('claude-sonnet-4-5-20250929', 'claude-opus-4-1-20250805', 'claude-haiku-4-5', 'gpt-5-codex', 'gpt-5.1', 'gemini-2.5-pro');

const COLUMNS = {
  provider_id: number(120) + ' + 1',
  user_id: `1 + floor(random() ^ 3 * 400)::int`,
  key: `'sk-' || md5((floor(random() ^ 2 * 600))::text)`,
  model,
  original_model: model,
  actual_response_model: model,
  duration_ms: `(exp(random() * 4 + 6))::int`,
  ttfb_ms: number(9000),
  first_byte_ms: number(3000),
  cost_usd: `(random() * 0.4)::numeric(21, 15)`,
  status_code: `CASE WHEN random() < 0.94 THEN 200 ELSE ${number(4)} * 100 + 129 END`,
  api_type: pick('claude', 'codex', 'gemini'),
  input_tokens: number(60000),
  output_tokens: number(4000),
  cache_creation_input_tokens: number(20000),
  cache_read_input_tokens: number(180000),
  cache_creation_5m_input_tokens: number(20000),
  cache_ttl_applied: pick('5m', '1h'),
  error_message: some(0.06, `'upstream answered ' || ${number(600)} || ': {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_' || md5(random()::text) || '"}'`),
  error_stack: some(0.03, `repeat(E'    at async dispatch (/app/.next/server/chunks/' || ${number(9000)} || '.js:1:' || ${number(90000)} || E')\\n', 6)`),
  created_at: `timestamptz '2025-09-01 00:00:00+00' + i * interval '11.4 seconds' + random() * interval '9 seconds'`,
  updated_at: `timestamptz '2025-09-01 00:00:05+00' + i * interval '11.4 seconds' + random() * interval '60 seconds'`,
  session_id: `'sess_' || substr(md5((i / 24)::text), 1, 28)`,
  user_agent: pick('claude-cli/2.0.31 (external, cli)', 'claude-cli/1.0.128 (external, sdk-ts)', 'codex_cli_rs/0.58.0 (Ubuntu 24.4.0; x86_64) xterm-256color'),
  endpoint: pick('/v1/messages', '/v1/messages?beta=true', '/v1/responses'),
  messages_count: number(180),
  request_sequence: number(90),
  cost_multiplier: `(1 + ${number(4)} / 10.0)::numeric(10, 4)`,
  group_cost_multiplier: '1.0000',
  client_ip: `'10.' || ${number(4)} || '.' || ${number(250)} || '.' || ${number(250)}`,
  cache_compatibility_key: `md5((i / 24)::text) || md5((i / 30)::text)`,
  cache_score_eligible: 'random() < 0.8',
  session_identity: `md5((i / 24)::text)`,
  session_identity_kind: pick('metadata', 'header'),
  affinity_fingerprint: `md5((i / 12)::text) || md5(i::text)`,
  provider_chain: `jsonb_build_array(jsonb_build_object('id', ${number(120)}, 'name', 'relay-' || ${number(120)}, 'vendorId', ${number(40)},
    'providerType', ${pick('claude', 'codex', 'gemini')}, 'endpointUrl', 'https://api-' || ${number(60)} || '.relay.example/v1', 'reason', ${
    pick('session_reuse', 'initial_selection', 'retry_success')}, 'selectionMethod', 'weighted_random', 'priority', ${number(5)}, 'weight', ${
    number(10)}, 'circuitState', 'closed', 'timestamp', 1756684800000 + i * 11400::bigint + ${number(9000)}, 'attemptNumber', 1, 'statusCode', 200))`,
  routing_trace: `jsonb_build_object('version', 2, 'candidates', (SELECT jsonb_agg(jsonb_build_object('id', ${
    number(120)}, 'score', round(random()::numeric, 4), 'eligible', true) ) FROM generate_series(1, 4 + i % 3)), 'chosen', ${number(120)})`,
  cost_breakdown: `jsonb_build_object('input', round(random()::numeric, 9)::text, 'output', round(random()::numeric, 9)::text,
    'cacheRead', round(random()::numeric, 9)::text, 'total', round(random()::numeric, 9)::text)`,
};

/** About this many megabytes of COPY text in message_request of a migrated database: about 1.3 KB a row. */
export async function fillLog(postgres, database, megabytes) {
  const rows = Math.round(megabytes * 769);
  const indexes = await postgres.sql(database, `SELECT format('DROP INDEX public.%I', i.indexname) FROM pg_indexes i
    WHERE tablename = 'message_request' AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`);
  await postgres.sql(database, `${indexes.flat().join('; ')}; SELECT setseed(0.5);
    ALTER TABLE public.message_request DISABLE TRIGGER USER;
    INSERT INTO public.message_request (${Object.keys(COLUMNS).join(', ')})
    SELECT ${Object.values(COLUMNS).join(',\n')} FROM generate_series(1, ${rows}) i;
    ALTER TABLE public.message_request ENABLE TRIGGER USER;`);
  await postgres.sql(database, 'VACUUM ANALYZE public.message_request; CHECKPOINT');
  return rows;
}

export const machine = () => `${cpus().length} x ${cpus()[0].model.trim()}`;
