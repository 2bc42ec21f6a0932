// The page: signing in, the state of the database, export, going back to a previous database. The restore is import.js.

import * as api from "./api.js";
import { byId, confirmDialog, el, holderText, setText, showError, translatePage } from "./dom.js";
import { hindranceOf, isImporting, render as renderImport, setUpImport } from "./import.js";
import { language, numberText, setLanguage, t, timeText } from "./texts.js";

const POLL_IDLE_MS = 15000;
const POLL_BUSY_MS = 2000;
const EXPORT_LOOKS = 5;  // a short export is over before its lock is seen

let status = null;       // the newest answer of api.status()
let exportNote = null;   // a text's name
let exportSeen = false;  // the export that was begun here shows in the status
let exportLooks = 0;     // how often we still look for it
let wentBack = null;     // the name under which the formerly live database is kept
let pollTimer = 0;

// ---- Views -----------------------------------------------------------------------------------------------------

function show(view) {
    for (const name of ["loading", "sign-in", "data"])
        byId(`view-${name}`).hidden = name !== view;
    byId("sign-out").hidden = view !== "data";
}

function showSignIn(error) {
    clearTimeout(pollTimer);
    status = null;
    byId("dialog").close();
    show("sign-in");
    showError(byId("sign-in-error"), error);
    byId("key").focus();
}

function showData() {
    show("data");
    render();
    byId("data-title").focus({ preventScroll: true });
}

/** Text of a button that has another one while its work goes on. */
function setBusy(button, busy, busyKey, key) {
    button.disabled = busy;
    button.dataset.t = busy ? busyKey : key;
    setText(button, t(button.dataset.t));
}

// ---- The state of the database ---------------------------------------------------------------------------------

const tag = (style, text) => el("span", { className: `tag ${style}` }, text);

function toolsText({ pgDump, pgRestore }) {
    return `pg_dump ${pgDump || t("toolMissing")} · pg_restore ${pgRestore || t("toolMissing")}`;
}

const REDIS = { ok: ["good", "redisOk"], down: ["bad", "redisDown"], off: ["", "redisOff"] };

function redisTag(state) {
    const [style, name] = REDIS[state] ?? REDIS.off;
    return tag(style, t(name));
}

const drawn = {};

/** What is unchanged is not drawn again: it would lose the focus, or the text that is being selected. */
function differs(name, ...values) {
    const before = drawn[name];
    drawn[name] = JSON.stringify([language, ...values]);
    return drawn[name] !== before;
}

function renderFacts() {
    const s = status;
    if (!differs("facts", s))
        return;
    const rows = [
        ["state", s && (s.isAvailable ? tag("good", t("available")) : tag("bad", t("notAvailable")))],
        ["database", s?.databaseName],
        ["server", s?.containerName],
        ["PostgreSQL", s?.postgresVersion],
        ["size", s?.databaseSize],
        ["tables", s && numberText(s.tableCount)],
        ["Redis", s && redisTag(s.redis)],
        ["tools", s?.tools && toolsText(s.tools)],
        ["activity", s && (s.lock ? tag("busy", holderText(s.lock)) : t("idle"))],
    ];
    byId("facts").replaceChildren(...rows.map(([name, value]) =>
        el("div", {}, el("dt", {}, /^[A-Z]/.test(name) ? name : t(name)), el("dd", {}, value || "—"))));
}

function schedulePoll() {
    clearTimeout(pollTimer);
    const soon = status?.lock || exportLooks > 0;
    pollTimer = setTimeout(() => {
        if (document.hidden)
            schedulePoll();
        else
            refresh();
    }, soon ? POLL_BUSY_MS : POLL_IDLE_MS);
}

/** Ask for the state anew and show it, or what hinders. False when nobody is signed in. */
async function refresh(opening = false) {
    clearTimeout(pollTimer);
    try {
        status = await api.status();
        showError(byId("status-error"), status.error ? { error: status.error } : null);
    } catch (error) {
        if (error.status === 401 || error.status === 403) {
            // Not being signed in is no error when the page opens.
            if (!isImporting())
                showSignIn(opening && error.status === 401 ? null : error);
            return false;
        }
        showError(byId("status-error"), error);
    }
    trackExport();
    render();
    schedulePoll();
    return true;
}

// ---- Export ----------------------------------------------------------------------------------------------------

/** The notes follow an export that this page began: handed over, running, gone. */
function trackExport() {
    if (exportNote === null)
        return;
    exportLooks = Math.max(0, exportLooks - 1);
    const running = status?.lock?.operation === "export";
    if (exportSeen && !running)
        exportNote = null;
    else if (running) {
        exportNote = "exportRunning";
        exportSeen = true;
        exportLooks = 0;
    }
}

function renderExport() {
    const button = byId("export");
    const hindrance = hindranceOf(status, isImporting());
    if (button.dataset.t === "export") // else it is busy
        button.disabled = status === null || hindrance !== null;
    const note = exportNote ?? hindrance;
    setText(byId("export-note"), note ? t(note) : "");
}

/** The browser downloads by itself, so nothing of the file is held in memory; its errors cannot be read, so the lock is
 * looked at first. */
async function startExport() {
    const button = byId("export");
    exportNote = null;
    showError(byId("export-error"), null);
    setBusy(button, true, "exportPreparing", "export");
    try {
        status = await api.status();
        if (status.isAvailable && !status.lock) {
            const mode = document.querySelector("input[name=mode]:checked").value;
            const { ticket } = await api.exportTicket();
            const link = el("a", { href: api.exportPath(mode, ticket), download: "", hidden: true });
            document.body.append(link);
            link.click();
            link.remove();
            exportNote = "exportBegun";
            exportSeen = false;
            exportLooks = EXPORT_LOOKS;
        }
    } catch (error) {
        if (error.status === 401)
            showSignIn(error);
        else
            showError(byId("export-error"), error);
    }
    setBusy(button, false, "exportPreparing", "export");
    render();
    button.focus();
    if (status !== null)
        schedulePoll();
}

// ---- Previous databases ----------------------------------------------------------------------------------------

let goingBack = null;    // the name of the database that is being put back

function renderPrevious() {
    const list = status?.previous ?? [];
    const blocked = !status?.isAvailable || Boolean(status.lock) || isImporting();
    if (differs("previous", list, blocked, goingBack, status === null)) {
        byId("previous").replaceChildren(...list.map((each) => previousItem(each, blocked)));
        if (list.length === 0)
            byId("previous").append(el("li", { className: "empty" }, t(status === null ? "loading" : "previousNone")));
    }
    setText(byId("previous-note"), wentBack === null ? "" : t("wentBack", wentBack));
}

function previousItem(each, blocked) {
    const busy = goingBack === each.name;
    const button = el("button", { type: "button", className: "danger", disabled: blocked || busy },
        t(busy ? "goingBack" : "goBack"));
    button.setAttribute("aria-label", busy ? t("goingBack") : t("goBackLabel", each.name));
    button.addEventListener("click", () => goBack(each));
    const kept = each.until ? t("previousUntil", timeText(each.until)) : t("previousPinned");
    return el("li", {},
        el("div", {}, el("b", {}, each.name),
            el("small", {}, t("previousSince", timeText(each.since))), el("small", {}, kept)),
        button);
}

async function goBack(each) {
    const sure = await confirmDialog({ title: t("goBackTitle"), go: t("goBackGo"),
                                       text: [t("goBackText", each.name, status.databaseName), t("goBackKept")] });
    if (!sure)
        return;
    wentBack = null;
    showError(byId("previous-error"), null);
    goingBack = each.name;
    renderPrevious();
    try {
        wentBack = (await api.rollback(each.name)).previous;
    } catch (error) {
        showError(byId("previous-error"), error);
    }
    goingBack = null;
    if (await refresh())
        byId("previous-title").focus();
}

// ---- Signing in ------------------------------------------------------------------------------------------------

async function submitKey(event) {
    event.preventDefault();
    const button = byId("sign-in-button");
    showError(byId("sign-in-error"), null);
    setBusy(button, true, "signingIn", "signIn");
    try {
        await api.signIn(byId("key").value.trim());
        byId("sign-in-form").reset();
        if (await refresh())
            showData();
    } catch (error) {
        showError(byId("sign-in-error"), error);
        byId("key").select();
    }
    setBusy(button, false, "signingIn", "signIn");
}

async function leave() {
    try {
        await api.signOut();
        showSignIn(null);
    } catch (error) {
        showError(byId("status-error"), error);
    }
}

/** The printed address carries a one-use code behind "#", which no server log or Referer sees. */
async function signInByAddress() {
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    if (!code)
        return null;
    try {
        await api.signIn(code);
    } catch (error) {
        if (error.status === 0)
            return error; // not used up: a reload tries again
        forgetAddress();
        return error;
    }
    forgetAddress();
    return null;
}

const forgetAddress = () => history.replaceState(null, "", location.pathname + location.search);

async function open() {
    show("loading");
    const failure = await signInByAddress();
    if (failure !== null) {
        showSignIn(failure);
        return;
    }
    if (await refresh(true))
        showData();
}

// ---- The whole -------------------------------------------------------------------------------------------------

function render() {
    renderFacts();
    renderExport();
    renderPrevious();
    renderImport();
}

function speak() {
    document.documentElement.lang = language;
    document.title = `hubport · ${t("dataTitle")}`;
    for (const button of document.querySelectorAll("[data-language]"))
        button.setAttribute("aria-pressed", String(button.dataset.language === language));
    translatePage();
    render();
}

setUpImport({ status: () => status, refresh, signedOut: showSignIn });
byId("sign-in-form").addEventListener("submit", submitKey);
byId("sign-out").addEventListener("click", leave);
byId("refresh").addEventListener("click", () => refresh());
byId("export").addEventListener("click", startExport);
for (const button of document.querySelectorAll("[data-language]"))
    button.addEventListener("click", () => {
        setLanguage(button.dataset.language);
        speak();
    });
window.addEventListener("hashchange", () => { if (location.hash.startsWith("#code=")) open(); });
speak();
open();
