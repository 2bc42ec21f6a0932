// The typed client: paths, parameters and answers come from docs/openapi.json.
//
//     const status = await ask(api.GET('/api/admin/database/status'));
import createClient, { type Middleware } from 'openapi-fetch';
import { language } from '../i18n/text';
import { errorOf, networkError } from './error';
import type { paths } from './schema';

/** Where the page lives: it works under any path of a reverse proxy. Pages are one segment deep. */
export const BASE = new URL('.', location.href).pathname;
export const addressOf = (path: string) => BASE + path.replace(/^\//, '');

const inOurLanguage: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', language());
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: BASE.replace(/\/$/, ''), credentials: 'same-origin', cache: 'no-store' });
api.use(inOurLanguage);

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The answer's data, or an ApiError. */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError')
      throw cause;
    throw networkError();
  }
  if (!answer.response.ok)
    throw errorOf(answer.response.status, answer.error, answer.response.headers.get('X-Request-Id') ?? undefined);
  return answer.data as Data;
}
