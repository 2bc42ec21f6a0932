// Elements: making them, errors with a copy button, the one dialog. Text goes in as text, never as markup.

import { isText, t, timeText } from "./texts.js";

export const byId = (id) => document.getElementById(id);

/** el("p", {className: "x"}, "text", child...) */
export function el(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

/** Set only what differs: a screen reader hears a live region again each time its text is set. */
export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

export function announce(text) {
    setText(byId("announce"), text);
}

// ---- Errors ----------------------------------------------------------------------------------------------------

const shown = new Map(); // slot -> error, so that a change of language can show it again

const errorText = (error) => error.error ?? t(error.key ?? "badAnswer", ...(error.values ?? []));

export function holderText(holder) {
    const name = `operation_${holder.operation}`;
    const operation = isText(name) ? t(name) : holder.operation;
    const user = holder.user === "the hub" ? t("theHub") : holder.user;
    return holder.since ? t("heldBySince", user, operation, timeText(holder.since)) : t("heldBy", user, operation);
}

function facts(error) {
    return [
        ["errorDetails", error.details],
        ["errorHolder", error.holder && holderText(error.holder)],
        ["errorCode", error.code],
        ["errorRequest", error.requestId],
    ].filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value]) => [t(name), typeof value === "string" ? value : JSON.stringify(value)]);
}

/** The clipboard's interface exists only on https and localhost; the old command works on a plain address too. */
async function copy(text, near) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const area = el("textarea", { value: text, className: "unseen", readOnly: true });
        near.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    }
}

function copyButton(text) {
    const button = el("button", { type: "button", className: "small" }, t("copy"));
    button.addEventListener("click", async () => {
        await copy(text, button.parentElement);
        setText(button, t("copied"));
        button.focus();
        setTimeout(() => setText(button, t("copy")), 2000);
    });
    return button;
}

/** What is known about an error, with a button that copies all of it. `title` goes above the error's own text. */
export function errorBox(error, title, ...extra) {
    const rows = facts(error);
    const lines = rows.map(([name, value]) => `${name}: ${value}`);
    const all = [title, errorText(error), ...lines].filter(Boolean).join("\n");
    return el("div", { className: "alert error" },
        title ? el("h3", { tabIndex: -1 }, title) : null,
        el("p", { className: "alert-text" }, errorText(error)),
        ...extra,
        el("div", { className: "error-foot" },
            el("dl", { className: "error-facts" },
                ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
            copyButton(all)));
}

const sameError = (a, b) => ["error", "key", "code", "details"].every((name) => a?.[name] === b?.[name]);

/** Show an error in a slot of the page; null empties it. One that shows already stays: it is not read out again. */
export function showError(slot, error) {
    if (error !== null && shown.has(slot) && sameError(shown.get(slot), error))
        return;
    if (error === null)
        shown.delete(slot);
    else
        shown.set(slot, error);
    slot.replaceChildren(...(error === null ? [] : [errorBox(error)]));
}

/** All that stands in index.html, and errors that are on the page, in the language of now. */
export function translatePage() {
    for (const element of document.querySelectorAll("[data-t]"))
        setText(element, t(element.dataset.t));
    for (const element of document.querySelectorAll("[data-t-label]"))
        element.setAttribute("aria-label", t(element.dataset.tLabel));
    for (const [slot, error] of shown)
        slot.replaceChildren(errorBox(error));
}

// ---- The dialog ------------------------------------------------------------------------------------------------

/** Ask before a step that takes something away. `typed`: a name that must be typed first. Enter never confirms. */
export function confirmDialog({ title, text, typed, typedLabel, go }) {
    const dialog = byId("dialog"), input = byId("dialog-input"), button = byId("dialog-go");
    setText(byId("dialog-title"), title);
    byId("dialog-text").replaceChildren(...text.map((part) => typeof part === "string" ? el("p", {}, part) : part));
    byId("dialog-field").hidden = typed === undefined;
    setText(byId("dialog-label"), typedLabel ?? "");
    input.value = "";
    setText(button, go);
    button.disabled = typed !== undefined;
    return new Promise((resolve) => {
        const listening = new AbortController();
        const on = (target, type, listener) => target.addEventListener(type, listener, { signal: listening.signal });
        on(input, "input", () => { button.disabled = input.value.trim() !== typed; });
        on(byId("dialog-cancel"), "click", () => dialog.close("no"));
        on(button, "click", () => dialog.close("yes"));
        on(dialog, "close", () => {
            listening.abort();
            resolve(dialog.returnValue === "yes");
        });
        dialog.returnValue = "no";
        dialog.showModal();
        (typed === undefined ? byId("dialog-cancel") : input).focus();
    });
}

export function nameList(names) {
    return el("ul", { className: "names", tabIndex: 0 }, ...names.map((name) => el("li", {}, name)));
}
