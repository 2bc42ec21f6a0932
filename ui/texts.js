// Every sentence of the page in both languages, and which language is in use. The server's own texts come in the one
// that api.js asks for.

const catalogues = {
    "zh-CN": {
        language: "语言",
        signOut: "退出登录",
        loading: "加载中",
        refresh: "刷新",
        cancel: "取消",
        back: "返回",
        copy: "复制",
        copied: "已复制",
        errorDetails: "详情",
        errorCode: "错误代码",
        errorRequest: "请求编号",
        errorHolder: "占用者",
        networkError: "无法连接服务器，请检查网络或服务状态",
        badAnswer: "服务器返回了无法识别的内容（HTTP {0}）",

        signInTitle: "登录",
        signInHint: "请输入 ADMIN_TOKEN 或管理员的 API Key，也可以打开服务启动时打印的地址直接登录。",
        key: "管理员令牌或 API Key",
        signIn: "登录",
        signingIn: "登录中…",

        dataTitle: "数据管理",
        statusTitle: "数据库状态",
        state: "状态",
        available: "可用",
        notAvailable: "不可用",
        server: "服务器",
        database: "数据库",
        size: "大小",
        tables: "数据表",
        tools: "备份工具",
        toolMissing: "未找到",
        redisOk: "已连接",
        redisDown: "无法连接",
        redisOff: "未配置",
        activity: "当前操作",
        idle: "空闲",
        heldBy: "{0} 正在{1}",
        heldBySince: "{0} 正在{1}，始于 {2}",
        operation_export: "导出",
        operation_import: "导入",
        operation_rollback: "回退到先前的数据库",
        operation_cleanup: "清理",
        operation_backup: "执行备份操作",
        theHub: "Claude Code Hub",

        exportTitle: "导出数据库",
        exportMode: "导出内容",
        modeFull: "完整备份",
        modeFullHint: "全部数据表和数据",
        modeExcludeLogs: "不含请求日志",
        modeExcludeLogsHint: "保留日志表的结构，不含其数据，文件更小",
        modeLedgerOnly: "仅用量账本",
        modeLedgerOnlyHint: "完全不含请求日志表，用量账本仍保留",
        export: "导出",
        exportPreparing: "准备中…",
        exportBegun: "下载已交给浏览器。如果浏览器提示下载失败，请不要使用该文件。",
        exportRunning: "正在导出，请在浏览器的下载列表中查看进度。",
        busyWait: "备份操作正在进行，请等待其完成。",
        unavailableWait: "数据库不可用，暂时无法操作。",

        importTitle: "恢复数据库",
        chooseFile: "点击选择备份文件，或拖放到此处",
        chooseOther: "点击可更换文件",
        fileNote: "仅支持 .dump 文件（PostgreSQL 自定义格式）",
        fileNotDump: "“{0}” 不是 .dump 文件，请选择本系统导出的备份",
        fileNotArchive: "“{0}” 的内容不是 PostgreSQL 自定义格式的备份",
        fileUnreadable: "无法读取 “{0}”",
        importWay: "恢复方式",
        overwrite: "覆盖",
        overwriteHint: "用备份替换当前的全部数据。无论哪一步失败，数据要么保持原样，要么完整替换。",
        merge: "合并（尚不可用）",
        mergeHint: "将备份中的数据加入现有数据，后续版本提供。",
        skipLogs: "跳过请求日志",
        skipLogsHint: "不恢复日志表的数据，速度更快",
        importStart: "覆盖数据库…",
        importNeedsFile: "请先选择备份文件。",

        confirmTitle: "覆盖数据库 {0}？",
        confirmText: "“{0}”（{1}）将替换数据库 {2} 中的全部数据。",
        confirmKept: "如果以切换方式恢复，先前的数据库会保留 {0}，其间可以回退。",
        confirmNotKept: "先前的数据库不会保留。",
        confirmOthers: "以下对象仅存在于当前数据库中，将会丢失：",
        confirmPartial: "备份只包含部分数据表：其余的数据表和对象在恢复后将不存在。",
        confirmType: "请输入数据库名称 {0} 以确认",
        confirmGo: "覆盖",

        step_upload: "上传",
        step_verify: "校验",
        step_restore: "恢复",
        step_migrate: "迁移",
        step_check: "核对",
        step_switch: "切换",
        step_is_waiting: "等待中",
        step_is_active: "进行中",
        step_is_done: "已完成",
        step_is_failed: "失败",
        step_is_stopped: "已中止",
        step_is_skipped: "无需执行",
        step_is_unreached: "未执行",
        progress: "进度",
        uploaded: "已上传 {0} / {1}",
        uploadRate: "{0}/秒",
        timeLeft: "剩余约 {0}",
        waitingServer: "上传完成，等待服务器响应…",
        log: "详细日志",
        cancelImport: "取消恢复",
        keepOpen: "请保持页面打开：关闭页面会取消恢复。",
        tooLate: "即将完成，已不能取消。",
        settling: "正在确认服务器上的结果…",

        doneTitle: "恢复成功",
        doneWarnings: "恢复成功，有 {0} 条警告",
        doneFigures: "{0} 个表，{1} 行，用时 {2}。",
        doneSealed: "备份的校验和一致。",
        donePrevious: "先前的数据库保留为 {0}，可在 {1} 前回退。",
        donePreviousPinned: "先前的数据库保留为 {0}，可随时回退。",
        failedTitle: "恢复失败",
        refusedTitle: "恢复未开始",
        cancelledTitle: "恢复已取消",
        brokenTitle: "与服务器的连接中断",
        brokenDone: "连接中断，但恢复已完成",
        unchanged: "当前数据未受影响。",
        changed: "当前数据已被更改。",
        changedUnknown: "无法确定数据是否已被替换，请刷新状态并检查数据。",
        switchedAnyway: "数据已被替换，先前的数据库保留为 {0}。",
        goOnWithout: "丢弃这些对象并继续…",
        goOnPartial: "仍要继续…",
        goOnForeign: "信任此备份并继续…",
        foreignFound: "备份中有会在数据库里运行代码的内容，当前数据库中没有相同的内容。",
        confirmForeign: "以下内容会进入数据库，并在以后以使用数据库的程序的权限运行。仅在信任备份来源时继续：",
        othersLost: "当前数据库中有备份里没有的对象，覆盖后将会丢失。",
        othersListed: "仅存在于当前数据库中的对象（{0} 个）：",

        previousTitle: "先前的数据库",
        previousHint: "覆盖恢复后，先前的数据库会保留一段时间，其间可以随时回退。",
        previousNone: "没有保留的数据库",
        previousSince: "于 {0} 被替换",
        previousUntil: "保留至 {0}",
        previousPinned: "不会自动删除（含有备份中没有的对象）",
        goBack: "回退…",
        goingBack: "回退中…",
        goBackLabel: "回退到 {0}",
        goBackTitle: "回退到先前的数据库？",
        goBackText: "{0} 将重新成为当前数据库 {1}。",
        goBackKept: "现在的数据库会作为先前的数据库保留，此操作可以撤销。切换时现有连接会短暂中断。",
        goBackGo: "回退",
        wentBack: "已回退到先前的数据库，原当前数据库保留为 {0}。",

        seconds: "{0} 秒",
        minutes: "{0} 分 {1} 秒",
        hours: "{0} 小时",
        hoursMinutes: "{0} 小时 {1} 分",
    },
    en: {
        language: "Language",
        signOut: "Sign out",
        loading: "Loading",
        refresh: "Refresh",
        cancel: "Cancel",
        back: "Back",
        copy: "Copy",
        copied: "Copied",
        errorDetails: "Details",
        errorCode: "Code",
        errorRequest: "Request",
        errorHolder: "Held by",
        networkError: "The server cannot be reached; check the network and the service",
        badAnswer: "The server's answer could not be understood (HTTP {0})",

        signInTitle: "Sign in",
        signInHint: "Enter ADMIN_TOKEN or an administrator's API key, or open the address that the server prints.",
        key: "Admin token or API key",
        signIn: "Sign in",
        signingIn: "Signing in…",

        dataTitle: "Data",
        statusTitle: "Database",
        state: "State",
        available: "Available",
        notAvailable: "Not available",
        server: "Server",
        database: "Database",
        size: "Size",
        tables: "Tables",
        tools: "Backup tools",
        toolMissing: "not found",
        redisOk: "Connected",
        redisDown: "Cannot be reached",
        redisOff: "Not configured",
        activity: "Running now",
        idle: "Nothing",
        heldBy: "{1} by {0}",
        heldBySince: "{1} by {0} since {2}",
        operation_export: "Export",
        operation_import: "Import",
        operation_rollback: "Going back to a previous database",
        operation_cleanup: "Clean-up",
        operation_backup: "A backup operation",
        theHub: "Claude Code Hub",

        exportTitle: "Export",
        exportMode: "What to export",
        modeFull: "Everything",
        modeFullHint: "All tables with all their data",
        modeExcludeLogs: "Without request logs",
        modeExcludeLogsHint: "The log table is kept empty; a smaller file",
        modeLedgerOnly: "Usage ledger only",
        modeLedgerOnlyHint: "Leaves the request log table out; the usage ledger stays",
        export: "Export",
        exportPreparing: "Preparing…",
        exportBegun: "The download was handed to the browser. If the browser says that it failed, do not use the file.",
        exportRunning: "The export is running; see the browser's downloads for its progress.",
        busyWait: "A backup operation is running; wait until it is done.",
        unavailableWait: "The database is not available.",

        importTitle: "Restore",
        chooseFile: "Choose a backup file, or drop it here",
        chooseOther: "Choose again to take another file",
        fileNote: "A .dump file (PostgreSQL's custom format)",
        fileNotDump: "“{0}” is not a .dump file; choose a backup that was exported here",
        fileNotArchive: "The content of “{0}” is not a backup in PostgreSQL's custom format",
        fileUnreadable: "“{0}” cannot be read",
        importWay: "How to restore",
        overwrite: "Overwrite",
        overwriteHint: "Replaces all present data. Whatever fails, the data is wholly as before or wholly replaced.",
        merge: "Merge (not available yet)",
        mergeHint: "Adds the backup's data to the present data; comes with a later version.",
        skipLogs: "Skip request logs",
        skipLogsHint: "Rows of the log table are not restored; faster",
        importStart: "Overwrite the database…",
        importNeedsFile: "Choose a backup file first.",

        confirmTitle: "Overwrite the database {0}?",
        confirmText: "“{0}” ({1}) replaces all data in the database {2}.",
        confirmKept: "When the restore ends by a switch, the previous database is kept for {0} as a way back.",
        confirmNotKept: "The previous database is not kept.",
        confirmOthers: "These objects are only in the live database and will be lost:",
        confirmPartial: "The backup holds only some tables; the others and all further objects will be gone.",
        confirmType: "Type the database's name, {0}, to confirm",
        confirmGo: "Overwrite",

        step_upload: "Upload",
        step_verify: "Verify",
        step_restore: "Restore",
        step_migrate: "Migrate",
        step_check: "Check",
        step_switch: "Switch",
        step_is_waiting: "waiting",
        step_is_active: "running",
        step_is_done: "done",
        step_is_failed: "failed",
        step_is_stopped: "stopped",
        step_is_skipped: "not needed",
        step_is_unreached: "not reached",
        progress: "Progress",
        uploaded: "{0} of {1} uploaded",
        uploadRate: "{0}/s",
        timeLeft: "about {0} left",
        waitingServer: "Uploaded; waiting for the server…",
        log: "Log",
        cancelImport: "Cancel the restore",
        keepOpen: "Keep this page open: closing it cancels the restore.",
        tooLate: "Almost done: it can no longer be cancelled.",
        settling: "Asking the server how it ended…",

        doneTitle: "The restore is complete",
        doneWarnings: "The restore is complete, with warnings: {0}",
        doneFigures: "{0} tables, {1} rows, in {2}.",
        doneSealed: "The backup's checksum agrees.",
        donePrevious: "The previous database is kept as {0}; going back is possible until {1}.",
        donePreviousPinned: "The previous database is kept as {0}; going back is possible.",
        failedTitle: "The restore failed",
        refusedTitle: "The restore was not started",
        cancelledTitle: "The restore was cancelled",
        brokenTitle: "The connection to the server broke",
        brokenDone: "The connection broke, but the restore was completed",
        unchanged: "The live data is as it was.",
        changed: "The live data was changed.",
        changedUnknown: "Whether the data was replaced is not known; refresh the state and look at the data.",
        switchedAnyway: "The data was replaced; the previous database is kept as {0}.",
        goOnWithout: "Go on and lose these objects…",
        goOnPartial: "Go on all the same…",
        goOnForeign: "Trust this backup and go on…",
        foreignFound: "The backup holds what can run code in the database, and the live one has none of the same.",
        confirmForeign: "This becomes part of the database, and runs from then on with the rights of whoever uses it. "
            + "Go on only if you trust where the backup comes from:",
        othersLost: "The live database holds objects that the backup lacks; an overwrite loses them.",
        othersListed: "Only in the live database ({0}):",

        previousTitle: "Previous databases",
        previousHint: "After an overwrite the previous database is kept for a while as a way back.",
        previousNone: "None is kept",
        previousSince: "Replaced {0}",
        previousUntil: "Kept until {0}",
        previousPinned: "Never dropped by itself (holds objects that the backup lacked)",
        goBack: "Go back…",
        goingBack: "Going back…",
        goBackLabel: "Go back to {0}",
        goBackTitle: "Go back to the previous database?",
        goBackText: "{0} becomes the live database {1} again.",
        goBackKept: "What is live now is kept, so this can be undone. Connections are cut for a moment.",
        goBackGo: "Go back",
        wentBack: "The previous database is back; what was live is kept as {0}.",

        seconds: "{0} s",
        minutes: "{0} min {1} s",
        hours: "{0} h",
        hoursMinutes: "{0} h {1} min",
    },
};

const STORED = "hubport.language";

function preferred() {
    let stored = null;
    try {
        stored = localStorage.getItem(STORED);
    } catch { /* storage may be forbidden: then the browser's language each time */ }
    if (stored in catalogues)
        return stored;
    const known = navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag)) ?? "en";
    return known.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export let language = preferred();

export function setLanguage(name) {
    language = name;
    try {
        localStorage.setItem(STORED, name);
    } catch { /* as above */ }
}

/** The sentence of that name; {0}, {1}... are filled from the arguments. */
export function t(name, ...values) {
    const text = catalogues[language][name] ?? name;
    return text.replace(/\{(\d)\}/g, (_, index) => String(values[index] ?? ""));
}

/** Whether there is such a sentence: for names that are made from the server's words. */
export const isText = (name) => Object.hasOwn(catalogues[language], name);

// ---- Figures as people write them ------------------------------------------------------------------------------

export function bytesText(bytes) {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit++)
        bytes /= 1024;
    return `${unit === 0 ? bytes : bytes.toFixed(bytes < 10 ? 2 : 1)} ${units[unit]}`;
}

export function durationText(ms) {
    const seconds = Math.max(1, Math.round(ms / 1000));
    if (seconds < 60)
        return t("seconds", seconds);
    if (seconds < 3600)
        return t("minutes", Math.floor(seconds / 60), seconds % 60);
    const minutes = Math.round((seconds % 3600) / 60) % 60;
    const hours = minutes === 0 ? Math.round(seconds / 3600) : Math.floor(seconds / 3600);
    return minutes === 0 ? t("hours", hours) : t("hoursMinutes", hours, minutes);
}

export const numberText = (number) => new Intl.NumberFormat(language).format(number);

export function timeText(iso) {
    const time = new Date(iso);
    return Number.isNaN(time.getTime()) ? String(iso)
        : new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(time);
}
