// One import on its way: everything that is known about it, from the upload to its end. It ends once.
import { useCallback, useEffect, useReducer, useRef } from 'react';
import { ApiError, networkError } from '../../api/error';
import { type Event, sendForm } from '../../api/events';

export interface Choice {
  file: File;
  overwrite: boolean;
  skipLogs: boolean;
  dropOthers?: boolean;
  allowForeign?: boolean;
}

export interface End {
  kind: 'done' | 'failed' | 'refused' | 'cancelled';
  event?: Event;   // the server's last
  error?: ApiError; // of a refusal, a failure, a connection that was lost
}

export interface Run {
  choice: Choice;
  started: number; // performance.now()
  uploaded: number;
  phase: string;   // "upload", then the server's
  percent: number | undefined;
  message: string;
  way: string | undefined;
  phases: readonly string[]; // those that were entered
  log: readonly string[];
  end: End | undefined;
}

const LOG_LINES = 2000;

type Step =
  | { type: 'start'; choice: Choice }
  | { type: 'upload'; done: number }
  | { type: 'event'; event: Event }
  | { type: 'end'; end: End }
  | { type: 'forget' };

const text = (value: unknown) => (typeof value === 'string' ? value : '');

function takeEvent(run: Run, event: Event): Run {
  const message = text(event.message);
  const log = message === '' ? run.log : [...run.log, message].slice(-LOG_LINES);
  if (event.type === 'complete')
    return { ...run, log, percent: 100, end: { kind: 'done', event } };
  if (event.type === 'error') {
    const error = new ApiError({ status: 200, text: message, code: text(event.code), details: text(event.details), body: event });
    return { ...run, log, end: { kind: 'failed', event, error } };
  }
  const phase = text(event.phase) || run.phase;
  return {
    ...run, log, phase, message,
    percent: typeof event.percent === 'number' ? event.percent : phase === run.phase ? run.percent : undefined,
    way: text(event.way) || run.way,
    phases: run.phases.includes(phase) ? run.phases : [...run.phases, phase],
  };
}

function reduce(run: Run | null, step: Step): Run | null {
  if (step.type === 'start')
    return { choice: step.choice, started: performance.now(), uploaded: 0, phase: 'upload', percent: 0, message: '',
             way: undefined, phases: ['upload'], log: [], end: undefined };
  if (step.type === 'forget' || run === null || run.end !== undefined)
    return step.type === 'forget' ? null : run;
  switch (step.type) {
    case 'upload':
      return { ...run, uploaded: step.done, percent: Math.floor(100 * step.done / Math.max(run.choice.file.size, 1)) };
    case 'event':
      return takeEvent(run, step.event);
    case 'end':
      return { ...run, end: step.end };
  }
}

function formOf({ file, overwrite, skipLogs, dropOthers, allowForeign }: Choice): FormData {
  const form = new FormData();
  form.set('cleanFirst', String(overwrite)); // the fields first: the file is the longest
  form.set('skipLogs', String(skipLogs));
  form.set('dropOthers', String(dropOthers ?? false));
  form.set('allowForeign', String(allowForeign ?? false));
  form.set('file', file);
  return form;
}

export function useRun(onEnd: () => void) {
  const [run, step] = useReducer(reduce, null);
  const stop = useRef<() => void>(undefined);
  const ended = useRef(onEnd);
  ended.current = onEnd;

  const start = useCallback((choice: Choice) => {
    step({ type: 'start', choice });
    let begun = false;
    stop.current = sendForm('/api/admin/database/import', formOf(choice), {
      onUpload: (done) => step({ type: 'upload', done: Math.min(done, choice.file.size) }),
      onEvent: (event) => {
        begun = true;
        step({ type: 'event', event });
      },
      onEnd: (error) => {
        // Events that stop without a last one: the connection broke.
        step({ type: 'end', end: { kind: begun ? 'failed' : 'refused', error: error ?? networkError() } });
        ended.current();
      },
    });
  }, []);
  const cancel = useCallback(() => {
    stop.current?.();
    step({ type: 'end', end: { kind: 'cancelled' } });
    ended.current();
  }, []);
  const forget = useCallback(() => step({ type: 'forget' }), []);

  const active = run !== null && run.end === undefined;
  useEffect(() => {
    if (!active)
      return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [active]);
  useEffect(() => () => stop.current?.(), []); // another page: as when the browser is closed
  return { run, start, cancel, forget };
}
