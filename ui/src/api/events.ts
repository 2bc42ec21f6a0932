// A POST of a form whose answer is Server-Sent Events. XMLHttpRequest, because fetch() tells no upload progress.
//
//     for await (const event of ...) is not offered: the upload's progress and the events come from one object.
import { language } from '../i18n/text';
import { addressOf } from './client';
import { type ApiError, errorOf, networkError } from './error';

export type Event = { type: string; message?: string } & Record<string, unknown>;

/** Takes text in any pieces; gives each whole event's data, parsed. Comments and other fields are passed by. */
export function eventParser(onEvent: (event: Event, id: string | undefined) => void) {
  let rest = '';
  return (piece: string) => {
    const blocks = (rest + piece).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, '')).join('\n');
      const id = lines.find((line) => line.startsWith('id:'))?.slice(3).trim();
      if (data !== '')
        onEvent(JSON.parse(data) as Event, id);
    }
  };
}

interface Handlers {
  onUpload?: (done: number, total: number) => void;
  onEvent: (event: Event, id: string | undefined) => void;
  onEnd: (error: ApiError | undefined) => void; // once, last; undefined: the answer came to its end
}

/** Begins at once; the returned function ends it. */
export function sendForm(path: string, form: FormData, { onUpload, onEvent, onEnd }: Handlers): () => void {
  const request = new XMLHttpRequest();
  const parse = eventParser(onEvent);
  let taken = 0;
  const isStream = () => request.status === 200 && (request.getResponseHeader('Content-Type') ?? '').startsWith('text/event-stream');
  const take = () => {
    parse(request.responseText.slice(taken));
    taken = request.responseText.length;
  };
  request.open('POST', addressOf(path));
  request.setRequestHeader('Accept-Language', language());
  request.upload.onprogress = ({ loaded, total }) => onUpload?.(loaded, total);
  request.onprogress = () => isStream() && take();
  request.onload = () => {
    if (isStream()) {
      take();
      onEnd(undefined);
      return;
    }
    const body = parseJson(request.responseText);
    if (request.status >= 200 && request.status < 300 && body !== undefined) {
      onEvent({ type: 'answer', body }, undefined);
      onEnd(undefined);
    } else {
      onEnd(errorOf(request.status, body, request.getResponseHeader('X-Request-Id') ?? undefined));
    }
  };
  request.onerror = () => onEnd(networkError());
  request.send(form);
  return () => {
    request.onload = request.onerror = request.onprogress = request.upload.onprogress = null;
    request.abort();
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
