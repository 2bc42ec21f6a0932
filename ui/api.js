// Calls of the server. Every failure is an ApiError, whatever went wrong.

import { language } from "./texts.js";

/** What the server says about a failure; `key` instead of `error` is a sentence of our own catalogue (texts.js). */
export class ApiError extends Error {
    constructor(fields) {
        super(fields.error ?? fields.key);
        Object.assign(this, fields);
    }
}

/** The error that an answer's body holds; some proxies answer with a page of their own. */
export function errorOf(status, text, requestId) {
    try {
        const body = JSON.parse(text);
        if (typeof body.error === "string")
            return new ApiError({ requestId, ...body, status });
    } catch { /* not JSON */ }
    return new ApiError({ key: "badAnswer", values: [status], status, requestId });
}

async function call(method, path, body) {
    let answer, text;
    const headers = { "Accept": "application/json", "Accept-Language": language };
    if (body !== undefined)
        headers["Content-Type"] = "application/json";
    try {
        answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body),
                                     credentials: "same-origin", cache: "no-store" });
        text = await answer.text();
    } catch {
        throw new ApiError({ key: "networkError", status: 0 });
    }
    if (!answer.ok)
        throw errorOf(answer.status, text, answer.headers.get("X-Request-Id") ?? undefined);
    try {
        return JSON.parse(text);
    } catch {
        throw new ApiError({ key: "badAnswer", values: [answer.status], status: answer.status });
    }
}

export const signIn = (key) => call("POST", "api/auth/login", { key });
export const signOut = () => call("POST", "api/auth/logout");
export const status = () => call("GET", "api/admin/database/status");
export const exportTicket = () => call("POST", "api/admin/database/export-ticket");
export const rollback = (name) => call("POST", "api/admin/database/rollback", { name });
export const IMPORT_PATH = "api/admin/database/import";
export const exportPath = (mode, ticket) =>
    `api/admin/database/export?${new URLSearchParams({ mode, ticket })}`;
