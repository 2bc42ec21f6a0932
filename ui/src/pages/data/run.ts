// One import on its way: everything that is known about it, from the upload to its end. It ends once. It lives beside the
// pages, so that another page may be looked at meanwhile; a connection that breaks, or a page that is loaded anew, comes
// back to it (reattach).
import { useSyncExternalStore } from 'react';
import { addressOf, api, ask } from '../../api/client';
import { ApiError, errorOf, networkError } from '../../api/error';
import { type Event, eventParser, sendForm } from '../../api/events';
import { language } from '../../i18n/text';

export interface Options {
  overwrite: boolean;
  skipLogs: boolean;
  updateRows: boolean;
  acceptForeignParents: boolean;
  dropOthers: boolean;
  allowForeign: boolean;
}

export interface Choice extends Options {
  file: { name: string; size: number };
  fileId?: string; // on the server already
  preview: boolean; // nothing is changed
}

export interface End {
  kind: 'done' | 'failed' | 'refused' | 'cancelled';
  event?: Event;   // the server's last
  error?: ApiError; // of a refusal, a failure, a connection that was lost
}

export interface Run {
  choice: Choice;
  jobId: string | undefined;
  started: number; // performance.now()
  uploaded: number;
  phase: string;   // "upload", then the server's
  percent: number | undefined;
  message: string;
  way: string | undefined;
  phases: readonly string[]; // those that were entered
  log: readonly string[];
  lost: boolean; // the connection broke, and we try to come back
  end: End | undefined;
}

const LOG_LINES = 2000;
const REATTACH_S = 20, RETRY_MS = 1000;
const STORED = 'hubport.import';

// ---- The store -----------------------------------------------------------------------------------------------------

let run: Run | null = null;
let lastId = 0;              // of the events
let stop = () => {};         // of the connection
let generation = 0;          // what an older connection still says is not heard
const listeners = new Set<() => void>();

function put(next: Run | null) {
  run = next;
  listeners.forEach((listener) => listener());
}
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
export const useRun = () => useSyncExternalStore(subscribe, () => run);
export const isRunning = () => run !== null && run.end === undefined;

const warn = (event: BeforeUnloadEvent) => event.preventDefault();

function finish(end: End) {
  if (run === null || run.end !== undefined)
    return;
  sessionStorage.removeItem(STORED);
  removeEventListener('beforeunload', warn);
  put({ ...run, lost: false, percent: end.kind === 'done' ? 100 : run.percent, end });
}

// ---- Events --------------------------------------------------------------------------------------------------------

const text = (value: unknown) => (typeof value === 'string' ? value : '');

function takeEvent(event: Event, id: string | undefined) {
  if (run === null || run.end !== undefined)
    return;
  lastId = Number(id ?? lastId);
  const message = text(event.message);
  const log = message === '' ? run.log : [...run.log, message].slice(-LOG_LINES);
  if (event.type === 'complete' || event.type === 'error') {
    put({ ...run, log });
    finish(event.type === 'complete' ? { kind: 'done', event } : {
      kind: event.code === 'CANCELLED' ? 'cancelled' : 'failed', event,
      error: new ApiError({ status: 200, text: message, code: text(event.code), details: text(event.details), body: event }),
    });
    return;
  }
  const jobId = text(event.jobId) || run.jobId;
  if (jobId !== undefined && jobId !== run.jobId)
    sessionStorage.setItem(STORED, JSON.stringify({ jobId, choice: run.choice }));
  const phase = text(event.phase) || run.phase;
  put({
    ...run, jobId, log, phase, lost: false,
    message: message || run.message,
    percent: typeof event.percent === 'number' ? event.percent : phase === run.phase ? run.percent : undefined,
    way: text(event.way) || run.way,
    phases: run.phases.includes(phase) ? run.phases : [...run.phases, phase],
  });
}

/** Come back to the job: its events after the last one that is known. Tries again until the server has given it up. */
async function comeBack(jobId: string) {
  const mine = ++generation;
  const until = performance.now() + 1000 * REATTACH_S;
  for (;;) {
    const control = new AbortController();
    stop = () => control.abort();
    try {
      const answer = await fetch(addressOf(`/api/admin/database/import/${jobId}/events`), {
        headers: { 'Accept-Language': language(), 'Last-Event-ID': String(lastId) }, signal: control.signal, cache: 'no-store',
      });
      if (!answer.ok || answer.body === null) {
        const body: unknown = await answer.json().catch(() => undefined);
        finish({ kind: 'failed', error: errorOf(answer.status, body, answer.headers.get('X-Request-Id') ?? undefined) });
        return;
      }
      if (run !== null && mine === generation)
        put({ ...run, lost: false });
      const parse = eventParser(takeEvent), reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        if (mine === generation)
          parse(piece.value);
    } catch {
      // The connection broke again, or was never made.
    }
    if (mine !== generation || !isRunning())
      return;
    if (performance.now() > until) {
      finish({ kind: 'failed', error: networkError() });
      return;
    }
    put({ ...(run as Run), lost: true });
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

// ---- What the page does ----------------------------------------------------------------------------------------------

const fresh = (choice: Choice): Run => ({
  choice, jobId: undefined, started: performance.now(), uploaded: 0, phase: choice.fileId === undefined ? 'upload' : 'verify',
  percent: 0, message: '', way: undefined, phases: [choice.fileId === undefined ? 'upload' : 'verify'], log: [], lost: false,
  end: undefined,
});

function formOf(choice: Choice, file: File | undefined): FormData {
  const form = new FormData();
  const fields = {
    cleanFirst: choice.overwrite, skipLogs: choice.skipLogs, dropOthers: choice.dropOthers, allowForeign: choice.allowForeign,
    acceptForeignParents: choice.acceptForeignParents, dryRun: choice.preview,
  };
  for (const [name, value] of Object.entries(fields))
    form.set(name, String(value)); // the fields first: the file is the longest
  form.set('onConflict', choice.updateRows ? 'update' : 'skip');
  form.set('reattach', String(REATTACH_S));
  if (choice.fileId !== undefined)
    form.set('fileId', choice.fileId);
  else if (file !== undefined)
    form.set('file', file);
  return form;
}

export function start(choice: Choice, file?: File) {
  const mine = ++generation;
  lastId = 0;
  put(fresh(choice));
  addEventListener('beforeunload', warn);
  stop = sendForm('/api/admin/database/import', formOf(choice, file), {
    onUpload: (done) => {
      if (run !== null && mine === generation && run.phase === 'upload')
        put({ ...run, uploaded: Math.min(done, choice.file.size), percent: Math.floor(100 * done / Math.max(choice.file.size, 1)) });
    },
    onEvent: takeEvent,
    onEnd: (error) => {
      if (mine !== generation || run === null || run.end !== undefined)
        return;
      if (run.jobId !== undefined)
        void comeBack(run.jobId);
      else if (error?.code === 'UPLOAD_GONE' && choice.fileId !== undefined && file !== undefined)
        start({ ...choice, fileId: undefined }, file); // it was kept for a while only: send it again
      else
        finish({ kind: 'refused', error: error ?? networkError() });
    },
  });
}

/** A page that was loaded anew finds its import again. */
export function resume() {
  const stored = sessionStorage.getItem(STORED);
  if (stored === null || run !== null)
    return;
  const { jobId, choice } = JSON.parse(stored) as { jobId: string; choice: Choice };
  lastId = 0;
  put({ ...fresh(choice), jobId });
  addEventListener('beforeunload', warn);
  void comeBack(jobId);
}

/** The server says when it has cleaned up; an upload just ends. */
export function cancel() {
  if (run === null)
    return;
  if (run.jobId !== undefined) {
    void ask(api.POST('/api/admin/database/import/{id}:cancel', { params: { path: { id: run.jobId } } })).catch(() => {});
    return;
  }
  generation++;
  stop();
  finish({ kind: 'cancelled' });
}

export function forget() {
  generation++;
  put(null);
}
