// The restore: choosing a file, confirming, the upload, the server's events, and the end, whichever it is.
//
// One `run` object holds all that is known about a restore on its way; render() shows it. A run ends once, in finish().

import * as api from "./api.js";
import { announce, byId, confirmDialog, el, errorBox, nameList, setText } from "./dom.js";
import { bytesText, durationText, numberText, t, timeText } from "./texts.js";

// In the order in which they happen; a restore in place has no check and no switch.
const STEPS = ["upload", "verify", "restore", "check", "migrate", "switch"];
const PARTIAL = ["ARCHIVE_PARTIAL", "ARCHIVE_NOT_HUB"]; // a backup of something less than a hub: may be meant
const LOG_LINES = 2000;
const RATE_WINDOW_MS = 5000;

let page;           // what app.js gives: status(), refresh(), signedOut(error)
let file = null;
let fileProblem = null; // [key, name]
let run = null;

export const isImporting = () => run !== null && run.result === null;

// ---- The server's events ---------------------------------------------------------------------------------------

/** Takes text in any pieces, gives each whole event's data. Comments and other fields are passed by. */
export function eventParser(onData) {
    let rest = "";
    return (piece) => {
        const blocks = (rest + piece).split(/\r?\n\r?\n/);
        rest = blocks.pop();
        for (const block of blocks) {
            const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:"))
                .map((line) => line.slice(5).replace(/^ /, "")).join("\n");
            if (data !== "")
                onData(data);
        }
    };
}

function takeEvent(data) {
    let event;
    try {
        event = JSON.parse(data);
    } catch {
        event = { type: "progress", message: data };
    }
    if (event.message)
        addLog(event.message);
    if (event.type === "complete") {
        finish({ kind: "done", event });
        return;
    }
    if (event.type === "error") {
        finish({ kind: "failed", error: { ...event, error: event.message }, changed: event.changed });
        return;
    }
    run.way = event.way ?? run.way; // "switch" or "in_place", where the server says it
    if (STEPS.includes(event.phase))
        enterStep(event.phase, event.percent);
    run.message = event.message ?? "";
    render();
}

// ---- Steps -----------------------------------------------------------------------------------------------------

function enterStep(name, percent) {
    if (run.now !== name) {
        run.steps[run.now] = "done";
        run.steps[name] = "active";
        run.now = name;
        announce(`${t(`step_${name}`)}: ${t("step_is_active")}`);
    }
    run.percent = percent ?? null;
}

/** What the step of now, and those that did not begin, are at each end. */
const ENDS = {
    done: { active: "done", waiting: "skipped" },
    failed: { active: "failed", waiting: "unreached" },
    broken: { active: "failed", waiting: "unreached" },
    cancelled: { active: "stopped", waiting: "unreached" },
};

function endSteps(kind) {
    for (const name of STEPS)
        run.steps[name] = ENDS[kind][run.steps[name]] ?? run.steps[name];
}

/** In place, all is committed before the migration; beside the live database it is the switch that counts. */
const isTooLate = () => run.now === "switch" || (run.now === "migrate" && run.way !== "switch");

// ---- The upload ------------------------------------------------------------------------------------------------

/** Bytes a second over the last seconds, so that a pause shows; null before there is anything to tell. */
function rateOf(samples, now, loaded) {
    samples.push({ now, loaded });
    while (samples.length > 2 && now - samples[0].now > RATE_WINDOW_MS)
        samples.shift();
    const ms = now - samples[0].now;
    return ms < 500 ? null : (loaded - samples[0].loaded) * 1000 / ms;
}

function uploadProgress(event) {
    const rate = rateOf(run.samples, performance.now(), event.loaded);
    run.upload = { loaded: event.loaded, total: event.total, rate };
    run.percent = event.total === 0 ? null : Math.floor(event.loaded * 100 / event.total);
    render();
}

function uploadText({ loaded, total, rate }) {
    const parts = [t("uploaded", bytesText(loaded), bytesText(total))];
    if (rate !== null && loaded < total) {
        parts.push(t("uploadRate", bytesText(Math.round(rate))));
        if (rate > 0)
            parts.push(t("timeLeft", durationText((total - loaded) * 1000 / rate)));
    }
    return parts.join(" · ");
}

function send(options) {
    const form = new FormData();
    // Options first: the server reads the form in order.
    form.append("cleanFirst", "true");
    form.append("skipLogs", String(options.skipLogs));
    form.append("dropOthers", String(options.dropOthers));
    form.append("allowForeign", String(options.allowForeign === true));
    form.append("file", options.file, options.file.name);

    const xhr = new XMLHttpRequest();
    const feed = eventParser((data) => { if (run.result === null) takeEvent(data); });
    let fed = 0;
    const isEvents = () => xhr.status === 200
        && (xhr.getResponseHeader("Content-Type") ?? "").startsWith("text/event-stream");
    const takeMore = () => {
        if (!isEvents() || xhr.responseText.length === fed)
            return;
        const piece = xhr.responseText.slice(fed);
        fed += piece.length;
        feed(piece);
    };
    xhr.open("POST", api.IMPORT_PATH);
    xhr.setRequestHeader("Accept", "text/event-stream, application/json");
    xhr.setRequestHeader("Accept-Language", document.documentElement.lang);
    xhr.upload.addEventListener("progress", uploadProgress);
    xhr.upload.addEventListener("load", () => {
        if (run.now === "upload" && run.result === null) {
            run.upload = null;
            run.percent = null;
            run.message = null;
            render();
        }
    });
    xhr.addEventListener("progress", takeMore);
    xhr.addEventListener("load", () => {
        takeMore();
        if (run.result !== null || run.settling)
            return;
        if (isEvents())
            settle("broken"); // the events stopped without a last one
        else
            refused(api.errorOf(xhr.status, xhr.responseText, xhr.getResponseHeader("X-Request-Id") ?? undefined));
    });
    xhr.addEventListener("error", () => settle("broken"));
    xhr.addEventListener("abort", () => settle("cancelled"));
    xhr.send(form);
    return xhr;
}

/** An error instead of events: the restore did not begin. */
function refused(error) {
    if (run.upload === null)
        run.steps.upload = "done";
    run.refused = true;
    if (error.status === 401) {
        finish({ kind: "failed", error, changed: false });
        page.signedOut(error);
        return;
    }
    // A refusal by an error of its own comes before anything was touched.
    finish({ kind: "failed", error, changed: typeof error.code === "string" ? false : undefined });
}

// ---- The end ---------------------------------------------------------------------------------------------------

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** The server's state when no restore is on its way any more; null when it cannot be had within some seconds. */
async function settledStatus() {
    for (let tries = 0; tries < 30; tries++) {
        const status = await api.status().catch(() => null);
        if (status !== null && status.isAvailable && status.lock?.operation !== "import")
            return status;
        await wait(500);
    }
    return null;
}

/** Whether the data was replaced: true, false, or undefined when it cannot be told. */
function changedBy(kind, neverStarted, switched, status) {
    if (switched)
        return true;
    if (neverStarted)
        return false;
    if (status === null)
        return undefined;
    // Beside the live database, nothing is touched before the switch, and a switch leaves a previous database behind.
    if (run.way === "switch" || run.steps.check !== "waiting")
        return run.steps.switch === "waiting" || status.keepPreviousMs > 0 ? false : undefined;
    // In place, the commit ends the restore; a server that did not see the connection break may have got there unseen.
    const before = run.steps.migrate === "waiting" && !(run.now === "restore" && run.percent === 100);
    return kind === "cancelled" && before ? false : undefined;
}

/** No last event: cancelled, or the connection broke. What became of the data is found out, not assumed. */
async function settle(kind) {
    if (run.result !== null || run.settling)
        return;
    const neverStarted = run.now === "upload" && run.upload !== null; // the file had not wholly left
    run.settling = true;
    render();
    const status = neverStarted ? null : await settledStatus();
    const newest = status?.previous?.[0]?.name;
    const switched = newest !== undefined && !run.previousBefore.includes(newest);
    finish({ kind, changed: changedBy(kind, neverStarted, switched, status), previous: switched ? newest : null });
}

function finish(result) {
    const endKind = result.previous ? "done" : result.kind;
    endSteps(endKind);
    run.result = result;
    run.settling = false;
    run.log.flush();
    announce("");
    render();
    byId("import-result").querySelector("h3")?.focus();
    page.refresh();
}

function doneBox({ event }) {
    const { tables, rows, durationMs, previous, previousUntil } = event;
    const lines = [];
    if (tables !== undefined && rows !== undefined && durationMs !== undefined)
        lines.push(t("doneFigures", numberText(tables), numberText(rows), durationText(durationMs)));
    if (event.sealed)
        lines.push(t("doneSealed"));
    if (previous)
        lines.push(previousUntil ? t("donePrevious", previous, timeText(previousUntil))
            : t("donePreviousPinned", previous));
    const warned = (event.warningCount ?? 0) > 0;
    return el("div", { className: `alert ${warned || event.notice ? "warning" : "success"}` },
        el("h3", { tabIndex: -1 }, warned ? t("doneWarnings", event.warningCount) : t("doneTitle")),
        ...lines.map((line) => el("p", {}, line)),
        event.notice ? el("p", {}, el("b", {}, event.notice)) : null);
}

function changedText({ changed, previous }) {
    if (previous)
        return t("switchedAnyway", previous);
    return changed === true ? t("changed") : changed === false ? t("unchanged") : t("changedUnknown");
}

/** What can run code, with its text: all that there is to judge it by. */
function foreignList(foreign) {
    return foreign.map(({ name, reason, text }) => el("details", {},
        el("summary", {}, `${name}: ${reason}`), el("pre", {}, text)));
}

/** What the server refuses unless it is told that it is meant: {text of the button, what the dialog says, the option}. */
function goOnOf({ code, others, foreign }) {
    if (Array.isArray(others) && others.length > 0)
        return { label: "goOnWithout", losses: () => [t("confirmOthers"), nameList(others)], option: "dropOthers" };
    if (code === "ARCHIVE_FOREIGN_CONTENT" && Array.isArray(foreign))
        return { label: "goOnForeign", losses: () => [t("confirmForeign"), ...foreignList(foreign)],
            option: "allowForeign" };
    if (PARTIAL.includes(code) && !run.options.dropOthers)
        return { label: "goOnPartial", losses: () => [t("confirmPartial")], option: "dropOthers" };
    return null;
}

function failedBox(result) {
    const { error } = result;
    const goOn = goOnOf(error);
    const extra = [el("p", {}, changedText(result))];
    if (error.others)
        extra.push(el("p", {}, t("othersListed", error.others.length)), nameList(error.others));
    if (error.foreign)
        extra.push(...foreignList(error.foreign));
    if (goOn !== null) {
        const button = el("button", { type: "button", className: "danger" }, t(goOn.label));
        button.addEventListener("click", () => begin({ ...run.options, [goOn.option]: true }, goOn.losses()));
        extra.push(el("div", { className: "buttons" }, button));
    }
    // The server tells its clients which option to set; here there is a button.
    const key = error.others ? "othersLost" : error.code === "ARCHIVE_FOREIGN_CONTENT" ? "foreignFound" : undefined;
    const shown = key ? { ...error, error: undefined, key } : error;
    return errorBox(shown, t(run.refused ? "refusedTitle" : "failedTitle"), ...extra);
}

function stoppedBox(result) {
    let title = "cancelledTitle", style = result.changed === false ? "info" : "warning";
    if (result.kind === "broken")
        [title, style] = result.previous ? ["brokenDone", "success"] : ["brokenTitle", "warning"];
    return el("div", { className: `alert ${style}` },
        el("h3", { tabIndex: -1 }, t(title)), el("p", {}, changedText(result)));
}

// ---- The log ---------------------------------------------------------------------------------------------------

/** Lines come in bursts: they go to the page once a frame, and only the last ones stay. */
function makeLog(pre) {
    const lines = [];
    let waiting = 0;
    pre.textContent = "";
    const flush = () => {
        cancelAnimationFrame(waiting);
        waiting = 0;
        const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
        pre.textContent = lines.join("\n");
        if (atEnd)
            pre.scrollTop = pre.scrollHeight;
    };
    const add = (text) => {
        lines.push(text);
        if (lines.length > LOG_LINES)
            lines.shift();
        waiting ||= requestAnimationFrame(flush);
    };
    return { add, flush, isEmpty: () => lines.length === 0 };
}

function addLog(text) {
    run.log.add(`${new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false })}  ${text}`);
}

// ---- Showing ---------------------------------------------------------------------------------------------------

/** The name of the text that says why no backup operation can begin now; null when one can. */
export function hindranceOf(status, importing) {
    if (status === null)
        return null; // still unknown: nothing to say
    if (!status.isAvailable)
        return "unavailableWait";
    return importing || status.lock ? "busyWait" : null;
}

function renderForm() {
    setText(byId("file-name"), file === null ? t("chooseFile") : file.name);
    setText(byId("file-size"), file === null ? "" : `${bytesText(file.size)} · ${t("chooseOther")}`);
    byId("drop").classList.toggle("filled", file !== null);
    setText(byId("file-note"), fileProblem === null ? t("fileNote") : t(...fileProblem));
    byId("file-note").classList.toggle("bad", fileProblem !== null);
    const hindrance = hindranceOf(page.status(), false) ?? (file === null ? "importNeedsFile" : null);
    byId("import").disabled = page.status() === null || hindrance !== null;
    setText(byId("import-note"), hindrance === null ? "" : t(hindrance));
}

const MARKS = { waiting: "", active: "", done: "✓", failed: "✕", stopped: "–", skipped: "–", unreached: "" };

function renderSteps() {
    const items = STEPS.map((name) => {
        const state = run.steps[name];
        const percent = state === "active" && run.percent !== null ? `${run.percent}%` : "";
        const item = el("li", { className: `step ${state}` },
            el("span", { className: "step-mark", ariaHidden: "true" }, MARKS[state]),
            el("span", {}, t(`step_${name}`)),
            el("span", { className: "step-note" }, percent || t(`step_is_${state}`)));
        if (state === "active")
            item.setAttribute("aria-current", "step");
        return item;
    });
    byId("steps").replaceChildren(...items);
}

function renderRun() {
    const ended = run.result !== null;
    setText(byId("run-file"), run.options.file.name);
    setText(byId("run-size"), bytesText(run.options.file.size));
    const message = run.upload ? uploadText(run.upload) : run.message ?? t("waitingServer");
    setText(byId("run-message"), run.settling ? t("settling") : message);
    const bar = byId("run-bar");
    if (run.percent === null || run.settling)
        bar.removeAttribute("value");
    else
        bar.value = run.percent;
    renderSteps();
    byId("run-now").hidden = ended;
    byId("cancel").hidden = ended;
    byId("cancel").disabled = run.settling || isTooLate();
    byId("again").hidden = !ended;
    byId("run-details").hidden = ended && run.log.isEmpty();
    byId("run-note").hidden = ended;
    byId("run-note").dataset.t = isTooLate() ? "tooLate" : "keepOpen";
    setText(byId("run-note"), t(byId("run-note").dataset.t));
    if (ended && run.shownIn !== document.documentElement.lang) {
        const makers = { done: doneBox, failed: failedBox, cancelled: stoppedBox, broken: stoppedBox };
        byId("import-result").replaceChildren(makers[run.result.kind](run.result));
        run.shownIn = document.documentElement.lang;
    }
}

export function render() {
    byId("import-form").hidden = run !== null;
    byId("import-run").hidden = run === null;
    if (run === null)
        renderForm();
    else
        renderRun();
}

// ---- Choosing and starting -------------------------------------------------------------------------------------

/** The name and the first bytes are looked at before hundreds of megabytes are sent. */
async function problemOf(chosen) {
    if (!chosen.name.endsWith(".dump"))
        return ["fileNotDump", chosen.name];
    try {
        return await chosen.slice(0, 5).text() === "PGDMP" ? null : ["fileNotArchive", chosen.name];
    } catch {
        return ["fileUnreadable", chosen.name]; // a folder, or a file that is gone
    }
}

async function choose(chosen) {
    if (chosen === undefined || run !== null)
        return;
    fileProblem = await problemOf(chosen);
    file = fileProblem === null ? chosen : null;
    render();
}

function newRun(options) {
    return {
        options,
        steps: { ...Object.fromEntries(STEPS.map((step) => [step, "waiting"])), upload: "active" },
        now: "upload",
        percent: 0,             // of the step of now; null unknown
        way: null,
        message: null,          // the server's last; null before the first
        upload: { loaded: 0, total: options.file.size, rate: null }, // null once all has left
        samples: [],
        previousBefore: (page.status()?.previous ?? []).map((each) => each.name),
        log: makeLog(byId("run-log")),
        settling: false,
        refused: false,
        result: null,           // the end: {kind, changed...}
    };
}

async function begin(options, losses = []) {
    const status = page.status();
    const name = status.databaseName;
    const text = [t("confirmText", options.file.name, bytesText(options.file.size), name), ...losses];
    text.push(status.keepPreviousMs > 0 ? t("confirmKept", durationText(status.keepPreviousMs)) : t("confirmNotKept"));
    const sure = await confirmDialog({ title: t("confirmTitle", name), text, go: t("confirmGo"),
                                       typed: name, typedLabel: t("confirmType", name) });
    if (!sure)
        return;
    run = newRun(options);
    byId("import-result").replaceChildren();
    run.xhr = send(options);
    render();
    page.refresh(); // what must not be begun now is greyed out
    byId("import-title").focus();
}

function setUpDrop() {
    const drop = byId("drop");
    // A file that misses the field must not replace the page.
    for (const type of ["dragover", "drop"])
        window.addEventListener(type, (event) => event.preventDefault());
    for (const type of ["dragenter", "dragover"])
        drop.addEventListener(type, () => drop.classList.add("over"));
    for (const type of ["dragleave", "drop"])
        drop.addEventListener(type, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => choose(event.dataTransfer.files[0]));
    byId("file").addEventListener("change", (event) => {
        choose(event.target.files[0]);
        event.target.value = ""; // the same file can be chosen again
    });
}

export function setUpImport(given) {
    page = given;
    setUpDrop();
    byId("import").addEventListener("click",
        () => begin({ file, skipLogs: byId("skip-logs").checked, dropOthers: false }));
    byId("cancel").addEventListener("click", () => run.xhr.abort());
    byId("again").addEventListener("click", () => {
        run = null;
        render();
        byId("import-title").focus();
    });
    window.addEventListener("beforeunload", (event) => {
        if (isImporting())
            event.preventDefault();
    });
}
