#include "batch/fields.h"

#include <string.h>

#define MONEY_MAX "99999999.99" /* numeric(10,2) */
#define RESET_MODE "fixed|rolling"
#define INT4_MAX "2147483647"

/* clang-format off */
#define MONEY(api, col, most, zh, en) \
    {.name = api, .column = col, .type = FIELD_DECIMAL, .min = "0", .max = most, .scale = 2, .nullable = true, \
     .clear_to = "null", .label = {zh, en}}
#define PATCH_MONEY(api, col, zh, en) \
    {.name = api, .column = col, .type = FIELD_DECIMAL, .min = "0", .max = MONEY_MAX, .scale = 2, .nullable = true, \
     .clear_to = "null", .patch_only = true, .label = {zh, en}}
#define INHERITED(api, col, values, types, zh, en) \
    {.name = api, .column = col, .type = FIELD_CHOICE, .choices = values, .nullable = true, .clear_to = "\"inherit\"", \
     .patch_only = true, .only_for = types, .label = {zh, en}}
#define PATCH_INTEGER(api, col, least, most, zh, en) \
    {.name = api, .column = col, .type = FIELD_INTEGER, .min = least, .max = most, .patch_only = true, .label = {zh, en}}
#define PATCH_BOOL(api, col, zh, en) \
    {.name = api, .column = col, .type = FIELD_BOOL, .patch_only = true, .label = {zh, en}}

static const struct field user_fields[] = {
    {.name = "note", .column = "description", .type = FIELD_TEXT, .max_length = 200, .clear_to = "\"\"", .label = {"备注", "Note"}},
    {.name = "tags", .column = "tags", .type = FIELD_TEXTS, .max_length = 32, .max_items = 20, .clear_to = "[]", .label = {"标签", "Tags"}},
    {.name = "rpm", .column = "rpm_limit", .type = FIELD_INTEGER, .min = "0", .max = "1000000", .nullable = true, .clear_to = "null",
     .label = {"每分钟请求限制", "Requests per minute"}},
    MONEY("dailyQuota", "daily_limit_usd", "100000", "每日配额（美元）", "Daily quota (USD)"),
    MONEY("limit5hUsd", "limit_5h_usd", "10000", "5 小时消费限额（美元）", "Limit in 5 hours (USD)"),
    {.name = "limit5hResetMode", .column = "limit_5h_reset_mode", .type = FIELD_CHOICE, .choices = RESET_MODE,
     .label = {"5 小时限额重置方式", "5-hour reset mode"}},
    MONEY("limitWeeklyUsd", "limit_weekly_usd", "50000", "周消费限额（美元）", "Weekly limit (USD)"),
    MONEY("limitMonthlyUsd", "limit_monthly_usd", "200000", "月消费限额（美元）", "Monthly limit (USD)"),
};

static const struct field key_fields[] = {
    {.name = "providerGroup", .column = "provider_group", .type = FIELD_GROUPS, .max_length = 200, .nullable = true,
     .clear_to = "null", .label = {"供应商分组", "Provider groups"}},
    MONEY("limit5hUsd", "limit_5h_usd", MONEY_MAX, "5 小时消费限额（美元）", "Limit in 5 hours (USD)"),
    {.name = "limit5hResetMode", .column = "limit_5h_reset_mode", .type = FIELD_CHOICE, .choices = RESET_MODE,
     .label = {"5 小时限额重置方式", "5-hour reset mode"}},
    MONEY("limitDailyUsd", "limit_daily_usd", MONEY_MAX, "日消费限额（美元）", "Daily limit (USD)"),
    MONEY("limitWeeklyUsd", "limit_weekly_usd", MONEY_MAX, "周消费限额（美元）", "Weekly limit (USD)"),
    MONEY("limitMonthlyUsd", "limit_monthly_usd", MONEY_MAX, "月消费限额（美元）", "Monthly limit (USD)"),
    {.name = "canLoginWebUi", .column = "can_login_web_ui", .type = FIELD_BOOL, .label = {"允许登录 Web UI", "May sign in to the web UI"}},
    {.name = "isEnabled", .column = "is_enabled", .type = FIELD_BOOL, .label = {"启用", "Enabled"}},
};

#define CODEX "codex"
#define ANTHROPIC "claude|claude-auth"
#define GEMINI "gemini|gemini-cli"

static const struct field provider_fields[] = {
    {.name = "isEnabled", .column = "is_enabled", .type = FIELD_BOOL, .label = {"启用", "Enabled"}},
    {.name = "priority", .column = "priority", .type = FIELD_INTEGER, .min = "0", .max = INT4_MAX, .label = {"优先级", "Priority"}},
    {.name = "weight", .column = "weight", .type = FIELD_INTEGER, .min = "0", .max = INT4_MAX, .label = {"权重", "Weight"}},
    {.name = "costMultiplier", .column = "cost_multiplier", .type = FIELD_DECIMAL, .min = "0", .max = "999999.9999", .scale = 4,
     .label = {"成本倍率", "Cost multiplier"}},
    {.name = "groupTag", .column = "group_tag", .type = FIELD_GROUPS, .max_length = 255, .nullable = true, .clear_to = "null",
     .label = {"分组标签", "Group tags"}},
    {.name = "modelRedirects", .column = "model_redirects", .type = FIELD_RULES, .nullable = true, .clear_to = "null",
     .label = {"模型重定向", "Model redirects"}},
    {.name = "allowedModels", .column = "allowed_models", .type = FIELD_RULES, .nullable = true, .clear_to = "null",
     .label = {"允许的模型", "Allowed models"}},
    {.name = "allowedClients", .column = "allowed_clients", .type = FIELD_TEXTS, .max_length = 200, .max_items = 1000, .clear_to = "[]",
     .label = {"允许的客户端", "Allowed clients"}},
    {.name = "blockedClients", .column = "blocked_clients", .type = FIELD_TEXTS, .max_length = 200, .max_items = 1000, .clear_to = "[]",
     .label = {"禁止的客户端", "Blocked clients"}},
    MONEY("limit5hUsd", "limit_5h_usd", MONEY_MAX, "5 小时消费限额（美元）", "Limit in 5 hours (USD)"),
    {.name = "limit5hResetMode", .column = "limit_5h_reset_mode", .type = FIELD_CHOICE, .choices = RESET_MODE,
     .label = {"5 小时限额重置方式", "5-hour reset mode"}},
    MONEY("limitDailyUsd", "limit_daily_usd", MONEY_MAX, "日消费限额（美元）", "Daily limit (USD)"),
    {.name = "dailyResetMode", .column = "daily_reset_mode", .type = FIELD_CHOICE, .choices = RESET_MODE, .label = {"日限额重置方式", "Daily reset mode"}},
    {.name = "dailyResetTime", .column = "daily_reset_time", .type = FIELD_TIME, .label = {"日限额重置时间", "Daily reset time"}},
    {.name = "codexImageGenerationPreference", .column = "codex_image_generation_preference", .type = FIELD_CHOICE,
     .choices = "inherit|enabled|disabled", .nullable = true, .clear_to = "\"inherit\"", .only_for = CODEX, .label = {"Codex 图片生成", "Codex image generation"}},
    {.name = "codexServiceTierPreference", .column = "codex_service_tier_preference", .type = FIELD_CHOICE,
     .choices = "inherit|auto|default|flex|priority", .nullable = true, .clear_to = "\"inherit\"", .only_for = CODEX, .label = {"Codex 服务等级", "Codex service tier"}},
    {.name = "anthropicThinkingBudgetPreference", .column = "anthropic_thinking_budget_preference", .type = FIELD_NUMERAL,
     .min = "1024", .max = "32000", .nullable = true, .clear_to = "\"inherit\"", .only_for = ANTHROPIC, .label = {"思考预算", "Thinking budget"}},
    {.name = "anthropicAdaptiveThinking", .column = "anthropic_adaptive_thinking", .type = FIELD_OBJECT, .nullable = true,
     .clear_to = "null", .only_for = ANTHROPIC, .label = {"自适应思考", "Adaptive thinking"}},
    {.name = "activeTimeStart", .column = "active_time_start", .type = FIELD_TIME, .nullable = true, .clear_to = "null", .patch_only = true, .label = {"启用时段开始", "Active from"}},
    {.name = "activeTimeEnd", .column = "active_time_end", .type = FIELD_TIME, .nullable = true, .clear_to = "null", .patch_only = true, .label = {"启用时段结束", "Active until"}},
    PATCH_BOOL("preserveClientIp", "preserve_client_ip", "保留客户端 IP", "Keep the client's address"),
    PATCH_BOOL("disableSessionReuse", "disable_session_reuse", "禁用会话复用", "No session reuse"),
    {.name = "groupPriorities", .column = "group_priorities", .type = FIELD_OBJECT, .nullable = true, .clear_to = "null", .patch_only = true, .label = {"分组优先级", "Priorities by group"}},
    INHERITED("cacheTtlPreference", "cache_ttl_preference", "inherit|5m|1h", NULL, "缓存 TTL", "Cache TTL"),
    PATCH_BOOL("swapCacheTtlBilling", "swap_cache_ttl_billing", "互换缓存 TTL 计费", "Swap cache TTL billing"),
    INHERITED("context1mPreference", "context_1m_preference", "inherit|force_enable|disabled", ANTHROPIC, "1M 上下文", "1M context"),
    INHERITED("codexReasoningEffortPreference", "codex_reasoning_effort_preference", "inherit|none|minimal|low|medium|high|xhigh|max", CODEX, "Codex 推理强度", "Codex reasoning effort"),
    INHERITED("codexReasoningSummaryPreference", "codex_reasoning_summary_preference", "inherit|auto|detailed", CODEX, "Codex 推理摘要", "Codex reasoning summary"),
    INHERITED("codexTextVerbosityPreference", "codex_text_verbosity_preference", "inherit|low|medium|high", CODEX, "Codex 文本详细度", "Codex text verbosity"),
    INHERITED("codexParallelToolCallsPreference", "codex_parallel_tool_calls_preference", "inherit|true|false", CODEX, "Codex 并行工具调用", "Codex parallel tool calls"),
    {.name = "anthropicMaxTokensPreference", .column = "anthropic_max_tokens_preference", .type = FIELD_NUMERAL, .min = "1",
     .max = INT4_MAX, .nullable = true, .clear_to = "\"inherit\"", .patch_only = true, .only_for = ANTHROPIC, .label = {"最大 token 数", "Max tokens"}},
    INHERITED("geminiGoogleSearchPreference", "gemini_google_search_preference", "inherit|enabled|disabled", GEMINI, "Gemini 谷歌搜索", "Gemini Google search"),
    PATCH_MONEY("limitWeeklyUsd", "limit_weekly_usd", "周消费限额（美元）", "Weekly limit (USD)"),
    PATCH_MONEY("limitMonthlyUsd", "limit_monthly_usd", "月消费限额（美元）", "Monthly limit (USD)"),
    PATCH_MONEY("limitTotalUsd", "limit_total_usd", "总消费限额（美元）", "Total limit (USD)"),
    PATCH_INTEGER("limitConcurrentSessions", "limit_concurrent_sessions", "0", INT4_MAX, "并发会话上限", "Concurrent sessions"),
    PATCH_INTEGER("circuitBreakerFailureThreshold", "circuit_breaker_failure_threshold", "0", INT4_MAX, "熔断失败阈值", "Circuit: failures to open"),
    PATCH_INTEGER("circuitBreakerOpenDuration", "circuit_breaker_open_duration", "0", INT4_MAX, "熔断时长（毫秒）", "Circuit: open for (ms)"),
    PATCH_INTEGER("circuitBreakerHalfOpenSuccessThreshold", "circuit_breaker_half_open_success_threshold", "0", INT4_MAX, "半开恢复阈值", "Circuit: successes to close"),
    {.name = "maxRetryAttempts", .column = "max_retry_attempts", .type = FIELD_INTEGER, .min = "0", .max = INT4_MAX, .nullable = true,
     .clear_to = "null", .patch_only = true, .label = {"最大重试次数", "Retries"}},
    {.name = "proxyUrl", .column = "proxy_url", .type = FIELD_TEXT, .max_length = 512, .nullable = true, .clear_to = "null",
     .patch_only = true, .secret = true, .label = {"代理地址", "Proxy"}},
    PATCH_BOOL("proxyFallbackToDirect", "proxy_fallback_to_direct", "代理失败时直连", "Without the proxy when it fails"),
    PATCH_INTEGER("firstByteTimeoutStreamingMs", "first_byte_timeout_streaming_ms", "0", INT4_MAX, "首字节超时（毫秒）", "First byte timeout (ms)"),
    PATCH_INTEGER("streamingIdleTimeoutMs", "streaming_idle_timeout_ms", "0", INT4_MAX, "流式空闲超时（毫秒）", "Idle timeout of streams (ms)"),
    PATCH_INTEGER("requestTimeoutNonStreamingMs", "request_timeout_non_streaming_ms", "0", INT4_MAX, "非流式超时（毫秒）", "Timeout without stream (ms)"),
    {.name = "mcpPassthroughType", .column = "mcp_passthrough_type", .type = FIELD_CHOICE, .choices = "none|minimax|glm|custom",
     .patch_only = true, .label = {"MCP 透传", "MCP passthrough"}},
    {.name = "mcpPassthroughUrl", .column = "mcp_passthrough_url", .type = FIELD_TEXT, .max_length = 512, .nullable = true,
     .clear_to = "null", .patch_only = true, .secret = true, .label = {"MCP 透传地址", "MCP passthrough address"}},
};

const struct kind batch_kinds[KIND_COUNT] = {
    {KIND_USERS, "users", "userIds", "userId", "user", "'{}'::jsonb", user_fields, ARRAY_LEN(user_fields)},
    {KIND_KEYS, "keys", "keyIds", "keyId", "key", "'{}'::jsonb", key_fields, ARRAY_LEN(key_fields)},
    {KIND_PROVIDERS, "providers", "providerIds", "providerId", "provider",
     "jsonb_build_object('providerType', t.provider_type, 'isEnabled', t.is_enabled)", provider_fields, ARRAY_LEN(provider_fields)},
};
/* clang-format on */

/* The hub's patches call codex_reasoning_effort_preference codex_reasoning_effort, and so on. */
static bool is_short_for(const char *name, const char *column)
{
    size_t length = strlen(name);
    return strncmp(name, column, length) == 0 && strcmp(column + length, "_preference") == 0;
}

const struct field *kind_field(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if (strcmp(field->name, name) == 0 || strcmp(field->column, name) == 0 || is_short_for(name, field->column))
            return field;
    }
    return NULL;
}

bool field_is_for(const struct field *field, const char *provider_type)
{
    size_t length = strlen(provider_type);
    for (const char *at = field->only_for; at != NULL; at = strchr(at, '|') == NULL ? NULL : strchr(at, '|') + 1)
        if (strncmp(at, provider_type, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return true;
    return field->only_for == NULL;
}

enum err_code kind_not_found(const struct kind *kind)
{
    static const enum err_code codes[] = {ERR_USERS_NOT_FOUND, ERR_KEYS_NOT_FOUND, ERR_PROVIDER_NOT_FOUND};
    return codes[kind->id];
}

const char *field_type_name(enum field_type type)
{
    static const char *const names[] = {"bool",    "integer", "decimal", "text",  "choice", "time",
                                        "numeral", "texts",   "groups",  "rules", "object"};
    return names[type];
}
