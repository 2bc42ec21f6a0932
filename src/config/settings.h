/* The table of settings. A row: identifier, environment variable, kind, default, secret, help in Chinese and in
 * English.
 *
 * The same setting is the flag --name, where the name is the variable's without HUBPORT_, in lower case, with dashes. A
 * secret may also come from a file: <VARIABLE>_FILE. docs/settings.md is made from this table.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

/* clang-format off */
#define SETTINGS(X) \
    X(DSN, "DSN", TEXT, "", true, \
        "PostgreSQL 地址（libpq URI）；留空则启动私有 PostgreSQL", \
        "PostgreSQL's address, a libpq URI (postgresql://user:password@host:port/database); empty starts a private PostgreSQL") \
    X(EXPORT_DSN, "EXPORT_DSN", TEXT, "", true, \
        "导出时读取的 PostgreSQL 地址：DSN 服务器的流复制副本；留空则读取 DSN", \
        "Where exports read: a streaming replica of DSN's server; empty: from DSN") \
    X(REDIS_URL, "REDIS_URL", TEXT, "", true, \
        "Redis 地址；留空则使用进程内锁", \
        "redis://[[user]:password@]host[:port][/db]; empty: locks in this process and in PostgreSQL only") \
    X(ADMIN_TOKEN, "ADMIN_TOKEN", TEXT, "", true, \
        "管理员令牌；留空则自动生成并保存在数据目录", \
        "The administrator's token, as the hub's; empty: made once and kept in the data directory") \
    X(LISTEN, "HUBPORT_LISTEN", LISTEN, "127.0.0.1:8450", false, \
        "监听地址 host:port；端口 0 表示任意空闲端口", \
        "Where to listen, host:port; port 0 takes any free one") \
    X(DATA_DIR, "HUBPORT_DATA_DIR", TEXT, "", false, \
        "数据目录；默认 root 用户为 /var/lib/hubport，其他用户为 ~/.local/share/hubport", \
        "Data directory; default /var/lib/hubport as root, else ~/.local/share/hubport") \
    X(MAX_UPLOAD, "HUBPORT_MAX_UPLOAD", BYTES, "500MB", false, \
        "导入文件的最大字节数", \
        "Largest backup file that an import takes") \
    X(MAX_UNPACKED, "HUBPORT_MAX_UNPACKED", BYTES, "1024GB", false, \
        "备份文件解压后的最大字节数", \
        "Most bytes that a backup file may unpack to") \
    X(MAX_UNPACK_RATIO, "HUBPORT_MAX_UNPACK_RATIO", INTEGER, "200", false, \
        "备份文件解压后的大小最多为文件的多少倍（1 到 100000）；1GB 以内不限", \
        "How many times its size a backup file may unpack to, 1 to 100000; up to 1GB is always taken") \
    X(KEEP_UPLOADS, "HUBPORT_KEEP_UPLOADS", DURATION, "15m", false, \
        "检查过的上传文件保留多久以供导入；0 表示不保留", \
        "How long an upload that was inspected is kept, to be imported; 0: not at all") \
    X(KEEP_UPLOADS_SIZE, "HUBPORT_KEEP_UPLOADS_SIZE", BYTES, "2GB", false, \
        "保留的上传文件的总字节数上限（最多 8 个文件）", \
        "Most bytes of uploads kept, of at most 8 files") \
    X(TMP_DIR, "HUBPORT_TMP_DIR", TEXT, "/tmp", false, \
        "临时文件目录", \
        "Directory of temporary files") \
    X(LOCK_TTL, "HUBPORT_LOCK_TTL", DURATION, "5m", false, \
        "备份锁在 Redis 中的有效期，持有期间自动续期", \
        "Life of the backup lock in Redis; renewed while held") \
    X(LOCK_DATABASE, "HUBPORT_LOCK_DATABASE", TEXT, "postgres", false, \
        "存放咨询锁的维护数据库；共用同一数据库的所有服务必须一致", \
        "Maintenance database that holds the advisory lock; the same for all servers that share a database") \
    X(TMP_SWEEP_INTERVAL, "HUBPORT_TMP_SWEEP_INTERVAL", DURATION, "1h", false, \
        "临时文件清理间隔", \
        "How often dead temporary files, shadow and expired previous databases are looked for") \
    X(TMP_MAX_AGE, "HUBPORT_TMP_MAX_AGE", DURATION, "6h", false, \
        "临时文件最大保留时间", \
        "Age from which a dead temporary file is removed by the periodic sweep") \
    X(PG_BIN_DIR, "PG_BIN_DIR", TEXT, "", false, \
        "pg_dump、pg_restore 所在目录；默认取 /usr/lib/postgresql 中的最新版本，再取 PATH", \
        "Directory of pg_dump and pg_restore; default: the newest below /usr/lib/postgresql, else PATH") \
    X(EXPORT_COMPRESSION, "HUBPORT_EXPORT_COMPRESSION", CHOICE, "balanced|fast|none|zstd", false, \
        "导出的默认压缩方式：balanced 体积小，fast 速度快，none 不压缩；zstd 要求两端均为 PostgreSQL 16 或更新版本", \
        "Compression of exports: balanced is as small as pg_dump's, fast is larger, none; zstd needs PostgreSQL 16 or newer here and where the archive is read") \
    X(EXPORT_THREADS, "HUBPORT_EXPORT_THREADS", INTEGER, "0", false, \
        "导出时的压缩线程数（1 到 8）；0 表示与处理器数相同", \
        "Threads that compress an export, 1 to 8; 0: as many as there are processors") \
    X(EXPORT_PARALLEL_FROM, "HUBPORT_EXPORT_PARALLEL_FROM", BYTES, "64MB", false, \
        "并行导出时，从多大的表开始由多个连接读取", \
        "Size on disk from which a parallel export reads a table by several connections") \
    X(RESTORE_JOBS, "HUBPORT_RESTORE_JOBS", INTEGER, "2", false, \
        "恢复时的并行连接数（1 到 32）", \
        "Parallel connections of a restore, 1 to 32") \
    X(KEEP_PREVIOUS, "HUBPORT_KEEP_PREVIOUS", DURATION, "24h", false, \
        "覆盖导入后保留先前数据库的时间", \
        "How long the previous database is kept after an overwrite") \
    X(AUTO_MIGRATE, "AUTO_MIGRATE", BOOL, "true", false, \
        "启动时自动执行数据库迁移", \
        "Apply migrations at start") \
    X(CREATE_SCHEMA, "HUBPORT_CREATE_SCHEMA", BOOL, "true", false, \
        "在空数据库中创建 hub 的数据表；与 hub 并存时设为 0", \
        "Create the hub's tables in an empty database; 0 beside a hub, which creates them itself") \
    X(SESSION_TTL, "AUTH_SESSION_TTL_SECONDS", INTEGER, "604800", false, \
        "登录会话有效期（秒，60 到 31536000）", \
        "Life of a sign-in, seconds, 60 to 31536000") \
    X(CSRF_SECRET, "CSRF_SECRET", TEXT, "", true, \
        "CSRF 令牌的密钥（至少 16 个字符），与 hub 相同；留空则使用管理员令牌", \
        "Secret of CSRF tokens, as the hub's, 16 characters or more; empty: the administrator's token") \
    X(SECURE_COOKIES, "ENABLE_SECURE_COOKIES", CHOICE, "auto|true|false", false, \
        "Cookie 的 Secure 属性；auto 表示按 X-Forwarded-Proto 判断", \
        "Secure attribute of cookies; auto: when X-Forwarded-Proto says https") \
    X(TRUSTED_PROXIES, "HUBPORT_TRUSTED_PROXIES", TEXT, "", false, \
        "可信反向代理地址，逗号分隔", \
        "Addresses of reverse proxies whose X-Real-IP and X-Forwarded-For count, separated by commas") \
    X(MAX_CONNECTIONS, "HUBPORT_MAX_CONNECTIONS", INTEGER, "400", false, \
        "最大并发连接数（10 到 10000）", \
        "Connections served at once, 10 to 10000; more get 503") \
    X(CLIENT_TIMEOUT, "HUBPORT_CLIENT_TIMEOUT", DURATION, "60s", false, \
        "客户端停滞多久后断开", \
        "How long a client may stall a transfer before it is cut") \
    X(HEADER_TIMEOUT, "HUBPORT_HEADER_TIMEOUT", DURATION, "10s", false, \
        "接收请求头的时限", \
        "Time for a request's headers to arrive") \
    X(DB_LOCK_TIMEOUT, "HUBPORT_DB_LOCK_TIMEOUT", DURATION, "10s", false, \
        "在原数据库中恢复时等待表锁的时限", \
        "How long a restore in place waits for a table that others use") \
    X(PRICE_TABLE_MAX, "PRICE_TABLE_MAX", BYTES, "20MB", false, \
        "价格表的最大字节数", \
        "Largest price table that is read") \
    X(PRICE_MAX_PER_TOKEN, "PRICE_MAX_PER_TOKEN", TEXT, "1", false, \
        "每个 token 的价格上限（美元），超过者不导入；其他单位的上限为其 10000 倍", \
        "Highest price of one token that is taken, USD; of other units 10,000 times as much") \
    X(PRICE_TABLE_URL, "PRICE_TABLE_URL", TEXT, "https://cch-plus.com/pricing/v1/models.json", true, \
        "云端价格表地址", \
        "Where the cloud's price table is fetched from, https") \
    X(PRICE_SYNC_INTERVAL, "PRICE_SYNC_INTERVAL", DURATION, "30m", false, \
        "自动同步价格表的间隔；0 表示不自动同步（启动时也不）", \
        "How often the price table is synchronised with the cloud's; 0: never by itself, not at start either") \
    X(PRICE_TABLE_TIMEOUT, "PRICE_TABLE_TIMEOUT", DURATION, "30s", false, \
        "拉取云端价格表的时限", \
        "Time for fetching the cloud's price table") \
    X(PRICE_TABLE_ALLOW_PRIVATE, "PRICE_TABLE_ALLOW_PRIVATE", BOOL, "false", false, \
        "允许从内网地址拉取价格表", \
        "Let the price table come from a loopback, private or link-local address") \
    X(PRICE_TABLE_ALLOW_HTTP, "PRICE_TABLE_ALLOW_HTTP", BOOL, "false", false, \
        "允许以 http 拉取价格表", \
        "Let the price table come over plain http") \
    X(PRICE_TABLE_CA_FILE, "PRICE_TABLE_CA_FILE", TEXT, "", false, \
        "拉取价格表时信任的 CA 证书文件；留空则使用系统证书", \
        "Certificates to trust when fetching the price table; empty: the system's") \
    X(UNDO_WINDOW, "HUBPORT_UNDO_WINDOW", DURATION, "24h", false, \
        "批量修改和批量删除可以撤销的时间", \
        "How long a bulk change or deletion can be taken back") \
    X(METRICS, "HUBPORT_METRICS", CHOICE, "local|admin|off", false, \
        "谁可以读取 /metrics：local 表示本机地址无需凭据、其他地址须为管理员；admin 表示仅管理员；off 表示关闭", \
        "Who may read /metrics: local: this machine without a credential, others as administrators; admin: only administrators; off: nobody") \
    X(LOG_LEVEL, "HUBPORT_LOG_LEVEL", CHOICE, "info|debug|warn|error", false, \
        "日志级别", \
        "Lowest level of log lines")
/* clang-format on */

#endif
