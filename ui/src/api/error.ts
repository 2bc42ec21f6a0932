// Every failure of a call is an ApiError, whatever went wrong: the server's own words, its code, the request's id.
import { translate } from '../i18n';
import { commonTexts } from '../i18n/common';

export interface ApiErrorFields {
  status: number; // 0: no answer came
  text: string;
  code?: string;
  details?: string;
  requestId?: string;
  body?: Record<string, unknown>; // all that the server said
}

export class ApiError extends Error implements ApiErrorFields {
  status: number;
  text: string;
  code?: string;
  details?: string;
  requestId?: string;
  body?: Record<string, unknown>;

  constructor(fields: ApiErrorFields) {
    super(fields.text);
    this.status = fields.status;
    this.text = fields.text;
    this.code = fields.code;
    this.details = fields.details;
    this.requestId = fields.requestId;
    this.body = fields.body;
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** From an answer's body, in any of the three forms that the server's errors have. */
export function errorOf(status: number, body: unknown, requestId?: string): ApiError {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const words = text(fields.error) ?? text(fields.detail) ?? text(fields.message);
  if (words === undefined)
    return new ApiError({ status, requestId, text: translate(commonTexts, 'badAnswer', status) });
  return new ApiError({
    status,
    text: words,
    code: text(fields.code) ?? text(fields.errorCode),
    details: text(fields.details),
    requestId: text(fields.requestId) ?? requestId,
    body: fields,
  });
}

export const networkError = () => new ApiError({ status: 0, text: translate(commonTexts, 'networkError') });

export const asApiError = (error: unknown) =>
  error instanceof ApiError ? error : new ApiError({ status: 0, text: error instanceof Error ? error.message : String(error) });
