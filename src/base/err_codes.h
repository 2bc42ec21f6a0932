/* The table of errors. A row: name (the stable code that clients see), HTTP status, exit status of commands, text in
 * Chinese and in English. {0} and {1} are filled from err_args(). Chinese texts that the hub already sends are the
 * hub's, to the letter (punctuation is full-width there).
 *
 * Exit statuses: 0 done, 1 failed, 2 wrong use, 3 settings, 4 database or a tool not available, 5 busy, 6 the file is
 * refused, 7 cancelled, 8 not allowed.
 */
#ifndef BASE_ERR_CODES_H
#define BASE_ERR_CODES_H

/* clang-format off */
#define ERR_CODES(X) \
    X(OK, 200, 0, "", "") \
    /* Anyone's */ \
    X(INTERNAL_ERROR, 500, 1, "服务器内部错误", "Internal error") \
    X(SYSTEM, 500, 1, "操作系统调用失败", "A call to the operating system failed") \
    X(CANCELLED, 499, 7, "操作已取消，未作任何更改", "Cancelled; nothing was changed") \
    X(SHUTTING_DOWN, 503, 7, "服务正在停止，请稍后重试", "The server is stopping; try again later") \
    X(WRONG_USE, 400, 2, "命令用法错误", "Wrong use of the command") \
    X(CONFIG_INVALID, 500, 3, "配置项 {0} 的值无效", "The value of the setting {0} is not valid") \
    X(FEATURE_UNAVAILABLE, 503, 4, "此功能不可用：数据库缺少 {0}", "This is not available: the database lacks {0}") \
    /* HTTP */ \
    X(NOT_FOUND, 404, 1, "资源不存在", "There is nothing at this address") \
    X(METHOD_NOT_ALLOWED, 405, 1, "不支持的请求方法", "This address does not take this method") \
    X(VALIDATION_FAILED, 400, 2, "请求参数无效：{0}", "The request is not valid: {0}") \
    X(MALFORMED_BODY, 400, 2, "请求内容无法解析", "The request's body cannot be parsed") \
    X(UNSUPPORTED_MEDIA_TYPE, 415, 2, "不支持的内容类型，应为 {0}", "The content type must be {0}") \
    X(BODY_TOO_LARGE, 413, 2, "请求内容过大，最大支持 {0}", "The request's body is too large; the limit is {0}") \
    X(HEADERS_TOO_LARGE, 431, 2, "请求头过大", "The request's headers are too large") \
    X(REQUEST_TIMEOUT, 408, 1, "请求超时", "The request took too long to arrive") \
    X(TOO_MANY_CONNECTIONS, 503, 1, "连接数过多，请稍后重试", "Too many connections; try again later") \
    /* Who may */ \
    X(UNAUTHENTICATED, 401, 8, "未授权，请先登录", "Sign in first") \
    X(CREDENTIAL_MISSING, 401, 8, "未授权，请先登录", "Sign in first: the request has no credential") \
    X(FORBIDDEN, 403, 8, "权限不足", "Only an administrator may do this") \
    X(CSRF_REJECTED, 403, 8, "请求来自其他网站，已拒绝", "Refused: the request comes from another site") \
    X(TICKET_REQUIRED, 403, 8, "请先获取导出凭证", "Get an export ticket first, or use a Bearer token") \
    X(KEY_REQUIRED, 400, 8, "请输入 API Key", "Enter an API key or the admin token") \
    X(KEY_INVALID, 401, 8, "API Key 无效或已过期", "The API key is not valid, or has expired") \
    X(RATE_LIMITED, 429, 8, "登录失败", "Too many wrong tries; try again later") \
    /* Database and tools */ \
    X(DATABASE_UNAVAILABLE, 503, 4, "数据库连接不可用，请检查数据库服务状态", "The database cannot be reached; check the database server") \
    X(DATABASE_ERROR, 500, 4, "数据库操作失败", "The database refused an operation") \
    X(DATABASE_POOLER, 503, 4, "数据库地址是事务级连接池，请使用 PostgreSQL 的直连地址", "DSN goes through a transaction-pooling proxy; use PostgreSQL's own address") \
    X(EXPORT_SOURCE_OTHER, 503, 4, "EXPORT_DSN 指向的不是 DSN 的数据库，也不是其流复制副本，未导出", "EXPORT_DSN leads to another database than DSN's, or to a server that is no streaming replica of DSN's; nothing was exported") \
    X(EXPORT_SOURCE_DIFFERS, 503, 4, "EXPORT_DSN 的数据库缺少 DSN 中的数据表 {0}，未导出", "EXPORT_DSN's database lacks the table {0} that DSN's has; nothing was exported") \
    X(EXPORT_SOURCE_UNLOGGED, 503, 4, "副本没有 UNLOGGED 数据表 {0} 的数据，未导出；请执行 ALTER TABLE … SET LOGGED，或不使用 EXPORT_DSN", "A replica has no rows of the unlogged table {0}; nothing was exported. Use ALTER TABLE ... SET LOGGED, or export without EXPORT_DSN") \
    X(TOOLS_MISSING, 503, 4, "找不到 {0}，请安装 PostgreSQL 的程序（postgresql-client，私有实例另需 postgresql）或设置 PG_BIN_DIR", "{0} was not found; install the programs of PostgreSQL (postgresql-client, for a private server also postgresql) or set PG_BIN_DIR") \
    X(TOOLS_TOO_OLD, 503, 4, "{0} 的版本低于数据库服务器，请安装更新的 postgresql-client", "{0} is older than the server; install a newer postgresql-client") \
    X(OUTCOME_UNKNOWN, 503, 4, "与数据库的连接在提交时中断，无法确定更改是否生效；请先检查再重试", "The connection to the database broke during the commit, and whether the change took effect could not be found out; look before you try again") \
    X(REDIS_UNAVAILABLE, 503, 4, "Redis 不可用", "Redis cannot be reached") \
    X(MIGRATION_FAILED, 500, 4, "数据库迁移失败", "The database migration failed") \
    /* Fetching the price table */ \
    X(FETCH_URL, 500, 3, "价格表地址无效：{0}", "The address of the price table is not valid: {0}") \
    X(FETCH_FAILED, 502, 1, "云端价格表拉取失败：{0}", "The price table could not be fetched: {0}") \
    X(FETCH_STATUS, 502, 1, "云端价格表拉取失败：HTTP {0}", "The price table could not be fetched: HTTP {0}") \
    X(FETCH_EMPTY, 502, 1, "云端价格表拉取失败：内容为空", "The price table could not be fetched: the answer is empty") \
    X(FETCH_REDIRECT, 502, 1, "云端价格表拉取失败：重定向到非预期地址", "The price table could not be fetched: it is redirected to another address") \
    X(FETCH_ADDRESS, 502, 8, "云端价格表拉取失败：拒绝访问非公网地址 {0}", "The price table could not be fetched: {0} is not a public address; PRICE_TABLE_ALLOW_PRIVATE allows it") \
    X(FETCH_TOO_LARGE, 502, 6, "云端价格表拉取失败：内容超过 {0}", "The price table could not be fetched: it is larger than {0}") \
    X(FETCH_TIMEOUT, 502, 1, "云端价格表拉取失败：超时", "The price table could not be fetched in time") \
    X(FETCH_NOT_TABLE, 502, 6, "云端价格表拉取失败：{0}", "What was fetched is no price table: {0}") \
    X(FETCH_TLS, 502, 8, "云端价格表拉取失败：TLS 证书验证失败（{0}）", "The price table could not be fetched: TLS failed ({0})") \
    /* Backup */ \
    X(BACKUP_BUSY, 409, 5, "其他管理员正在执行备份操作，请稍后重试", "Another administrator is running a backup operation; try again later") \
    X(LOCK_LOST, 500, 5, "备份锁已丢失，操作已中止，未作任何更改", "The backup lock was lost; the operation was stopped and nothing was changed") \
    X(EXPORT_FAILED, 500, 1, "导出数据库失败", "The export failed") \
    X(EXPORT_MODE_INVALID, 400, 2, "导出参数无效：{0}", "The export parameter is not valid: {0}") \
    X(COMPRESSION_UNAVAILABLE, 422, 4, "zstd 压缩需要 pg_dump 16 或更新版本，当前为 {0}", "zstd needs pg_dump 16 or newer; this one is {0}") \
    X(FILE_MISSING, 400, 6, "缺少备份文件", "There is no backup file in the request") \
    X(FILE_NOT_DUMP, 400, 6, "文件格式错误，仅支持 .dump 格式的备份文件", "Only backup files named .dump are taken") \
    X(FILE_NOT_ARCHIVE, 400, 6, "文件不是 PostgreSQL 自定义格式的备份", "The file is not an archive in PostgreSQL's custom format (pg_dump -Fc)") \
    X(FILE_TOO_LARGE, 413, 6, "文件过大，最大支持 {0}", "The file is too large; the limit is {0}") \
    X(UPLOAD_GONE, 410, 6, "上传的文件已不在服务器上，请重新上传", "The uploaded file is no longer on the server; upload it again") \
    X(ARCHIVE_DAMAGED, 422, 6, "备份文件已损坏或不完整，未作任何更改", "The backup file is damaged or incomplete; nothing was changed") \
    X(ARCHIVE_UNSUPPORTED, 422, 6, "备份文件的版本不受支持", "This version of the archive format is not supported") \
    X(ARCHIVE_NOT_HUB, 422, 6, "备份中没有 Claude Code Hub 的数据表，未作任何更改", "The archive holds none of the hub's tables; nothing was changed") \
    X(ARCHIVE_PARTIAL, 422, 6, "备份只包含部分数据表，缺少 {0}；未作任何更改", "The archive holds only some of the hub's tables and lacks {0}; nothing was changed") \
    X(OTHERS_WOULD_BE_LOST, 422, 6, "当前数据库中有备份里没有的对象：{0}；如确认丢弃请设置 dropOthers=true", "The live database holds objects that the backup lacks: {0}; say dropOthers=true to let them go") \
    X(ARCHIVE_FOREIGN_CONTENT, 422, 6, "备份中有会在数据库里运行代码的内容：{0}；如信任其来源请设置 allowForeign=true", "The archive holds what can run code in the database, now or later: {0}; if you trust where it comes from say allowForeign=true") \
    X(ARCHIVE_FOREIGN_REFUSED, 422, 6, "备份中有会在数据库里运行代码的内容，而 DSN 的角色权限过大：{0}；请改用普通角色", "The archive holds what can run code, and DSN's role is too mighty to run it: {0}; use a plain role that owns the database") \
    X(ARCHIVE_FORGED, 422, 6, "备份中有 pg_dump 不会写出的内容，已拒绝：{0}", "Refused: the archive holds what no pg_dump writes: {0}") \
    X(DISK_FULL, 507, 4, "磁盘空间不足", "There is not enough room on the disk") \
    X(IMPORT_FAILED, 500, 1, "导入数据库失败", "The import failed") \
    X(RESTORE_FATAL, 500, 1, "发现 {0} 个致命错误：{1}", "{0} fatal errors, the first: {1}") \
    X(COUNTS_DIFFER, 500, 1, "恢复后的行数与备份不一致（{0}），未作任何更改", "Row counts after the restore differ from the archive ({0}); nothing was changed") \
    X(SWITCH_FAILED, 500, 1, "切换数据库失败，原数据库未受影响", "The databases could not be switched; the live one is as it was") \
    X(MERGE_REFUSED, 422, 6, "无法合并表 {0}：{1}；未作任何更改", "The table {0} cannot be merged: {1}; nothing was changed") \
    /* Bulk changes */ \
    X(REQUIRED_FIELD, 400, 2, "{0}不能为空", "{0} is needed") \
    X(EMPTY_UPDATE, 400, 2, "更新内容为空", "There is nothing to change") \
    X(INVALID_FORMAT, 400, 2, "批量操作不能超过 {0} 个项目", "A bulk change takes at most {0} rows") \
    X(TOO_MANY_PROVIDERS, 400, 2, "单次批量操作最多支持 {0} 个供应商", "A bulk change takes at most {0} providers") \
    X(NO_PROVIDERS_TO_UPDATE, 400, 2, "请选择要更新的供应商", "Choose the providers to change") \
    X(NO_PROVIDERS_TO_DELETE, 400, 2, "请选择要删除的供应商", "Choose the providers to delete") \
    X(NO_PROVIDERS_TO_RESET, 400, 2, "请选择要重置的供应商", "Choose the providers to reset") \
    X(NO_FIELDS_TO_UPDATE, 400, 2, "请指定要更新的字段", "Say which fields to change") \
    X(USERS_NOT_FOUND, 404, 2, "部分用户不存在: {0}", "There are no such users: {0}") \
    X(KEYS_NOT_FOUND, 404, 2, "部分 Key 不存在: {0}", "There are no such keys: {0}") \
    X(PROVIDER_NOT_FOUND, 404, 2, "供应商不存在：{0}", "There are no such providers: {0}") \
    X(CANNOT_DISABLE_LAST_KEY, 400, 2, "无法禁用最后一个可用密钥，用户至少需要保留一个启用的密钥", "A user's last usable key cannot be disabled") \
    X(GROUPS_TOO_LONG, 400, 2, "用户 {0} 的全部分组合计超过 200 个字符", "The groups of all keys of {0} have more than 200 characters together") \
    X(UPDATE_FAILED, 500, 1, "更新失败，请稍后重试", "The update failed; try again later") \
    X(INVALID_PATCH_SHAPE, 400, 2, "批量修改的格式无效", "The patch is not of the right shape") \
    X(NOTHING_TO_APPLY, 400, 2, "没有需要应用的更改", "There is nothing to apply") \
    X(PREVIEW_EXPIRED, 410, 2, "预览已过期，请重新预览", "The preview is gone; make a new one") \
    X(PREVIEW_STALE, 409, 5, "数据已被他人更改，请重新预览", "The rows were changed meanwhile; make a new preview") \
    X(IDEMPOTENCY_CONFLICT, 409, 5, "相同的幂等键已用于其他请求", "The idempotency key was used for another request") \
    X(UNDO_EXPIRED, 410, 2, "撤销期限已过", "The time for going back is over") \
    X(UNDO_CONFLICT, 409, 5, "此操作已被撤销", "This operation was undone already") \
    X(UNDO_STALE, 409, 5, "数据已被他人更改，无法撤销", "The rows were changed since; there is nothing left to undo") \
    X(CIRCUITS_NOT_RESET, 503, 4, "部分熔断器未能重置", "Some circuits could not be reset") \
    X(NO_PREVIOUS, 404, 6, "没有可恢复的先前数据库", "There is no previous database to go back to") \
    /* Price tables */ \
    X(PRICE_TABLE_TOO_LARGE, 413, 6, "价格表过大，最大支持 {0}", "The price table is too large; the limit is {0}") \
    X(PRICE_TABLE_EMPTY, 400, 6, "价格表内容为空", "The price table is empty") \
    X(PRICE_TABLE_UNREADABLE, 400, 6, "价格表 JSON 解析失败: {0}；价格表 TOML 解析失败: {1}", "The price table is neither JSON ({0}) nor TOML ({1})") \
    X(PRICE_TABLE_NOT_OBJECT, 400, 6, "价格表必须是一个JSON对象", "The price table must be a JSON object") \
    X(PRICE_TABLE_SCHEMA, 400, 6, "价格表格式无效：schema 不是 cchp.pricing-table/v1（实际为 {0}）", "The price table is not valid: its schema is not cchp.pricing-table/v1 but {0}") \
    X(PRICE_TABLE_NO_MODEL_LIST, 400, 6, "价格表格式无效：缺少 models 数组", "The price table is not valid: it has no array \"models\"") \
    X(PRICE_TABLE_NO_PROVIDERS, 400, 6, "价格表格式无效：缺少 providers 字典", "The price table is not valid: it has no object \"providers\"") \
    X(PRICE_TABLE_NO_MODELS, 400, 6, "价格表格式无效：缺少 models 表", "The price table is not valid: it has no table \"models\"") \
    X(PRICE_TABLE_MODELS_EMPTY, 400, 6, "价格表格式无效：models 为空", "The price table is not valid: \"models\" is empty") \
    X(PRICE_TABLE_NOTHING_USABLE, 400, 6, "价格表中没有可用的模型价格，未作任何更改", "The price table holds no usable price; nothing was changed") \
    X(PRICE_SYNC_BUSY, 409, 5, "价格表正在同步，请稍后重试", "The price table is being synchronised; try again later") \
    X(PRICE_NOT_FOUND, 404, 6, "未找到模型价格：{0}", "There is no price of {0}") \
    X(PRICE_NO_HISTORY, 404, 6, "未找到模型 {0} 的价格变更记录", "The price of {0} has no such change in its history") \
    X(PRICE_NO_CLOUD, 404, 6, "未找到云端模型价格", "The model has no price that came from the cloud") \
    X(PRICE_NO_PROVIDER, 404, 6, "未找到对应的多供应商价格节点", "The model's price has no such provider") \
    X(PRICE_PROVIDER_EMPTY, 400, 2, "价格提供商不能为空", "The pricing provider must not be empty") \
    X(PRICE_NAME_EMPTY, 400, 2, "模型名称不能为空", "The model's name must not be empty") \
    X(PRICE_NAME_DIFFERS, 400, 2, "请求中的模型名称与地址不一致：{0}", "The model's name in the body differs from the address: {0}") \
    X(PRICE_NOT_POSITIVE, 400, 2, "{0}必须为非负数", "{0} must be a number that is not negative") \
    X(PRICE_EXTRA_NOT_OBJECT, 400, 2, "高级字段必须是 JSON 对象", "extraFieldsJson must be a JSON object") \
    X(PRICE_EXTRA_UNREADABLE, 400, 2, "高级字段 JSON 解析失败: {0}", "extraFieldsJson cannot be parsed: {0}") \
    X(PRICE_REFUSED, 400, 2, "价格无效：{0}", "The price is not valid: {0}") \
    X(PRICE_PAGE_INVALID, 400, 2, "页码必须大于0", "page must be a number from 1 on") \
    X(PRICE_PAGE_SIZE_INVALID, 400, 2, "每页大小必须在1-200之间", "pageSize must be from 1 to 200") \
    X(PRICE_SOURCE_INVALID, 400, 2, "source 参数无效", "source must be manual, litellm or cloud") \
    X(PRICE_QUERY_SLOW, 503, 4, "查询超时，请缩短天数后重试", "The query took too long; ask for fewer days") \
    X(PRICE_IMPORT_FAILED, 500, 1, "导入价格表失败，未作任何更改", "The price table could not be imported; nothing was changed")
/* clang-format on */

#endif
