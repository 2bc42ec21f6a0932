// Rows of the table in docs/reliability.md. A test that proves a promise against a fault or an attack says so here;
// `make torture` collects the lines and writes the table (scripts/reliability). In `make test` nothing is written.
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';

/** The promises, in the words of the table; a test may have one of its own. */
export const PROMISE = {
  OLD_OR_NEW: 'The database is wholly old or wholly new, the answer and the audit log say which, nothing is left behind',
  OLD: 'The database is as before, the answer says why, nothing is left behind',
  RECOVERS: 'Told honestly, and well again once the fault is over',
  REFUSED: 'Refused, nothing read and nothing changed',
};

/**
 * One row. `group`: a heading of the table ("PostgreSQL", "Sign-in"); `fault`: what was done; `rounds`: how often;
 * `promise`: what was checked; `result`: "held", "FAILED" or "not run: why".
 */
export function record({ group, fault, rounds, promise, result = 'held' }) {
  if (process.env.HUBPORT_RECORD)
    appendFileSync(process.env.HUBPORT_RECORD, `${JSON.stringify({ group, fault, rounds, promise, result })}\n`);
}

/**
 * A test that is a row: `act` gets `round`, which it calls once a round. `unless`: why it cannot run here (false: it
 * can); then it is listed as not run.
 */
export function proves(group, fault, { promise, unless = false, ...options }, act) {
  test(fault, { ...options, skip: unless }, async (context) => {
    let rounds = 0;
    const row = (result) => record({ group, fault, rounds, promise, result });
    try {
      await act(() => (rounds += 1), context);
    } catch (error) {
      row('FAILED');
      throw error;
    }
    row('held');
  });
  if (unless) record({ group, fault, rounds: 0, promise, result: `not run: ${unless}` });
}
