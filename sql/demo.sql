-- Believable data for an empty database (`--demo`). Nothing is random: every choice comes from sha512 of the row's
-- number, so two fillings differ in their times alone, which end at now(). Names are invented, secrets say "demo" and
-- open nothing.
-- usage_ledger is filled by the trigger on message_request.

-- The k-th of 32 numbers in [0, 1) that a digest holds.
CREATE FUNCTION pg_temp.part(digest bytea, k integer) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT (get_byte(digest, 2 * k) * 256 + get_byte(digest, 2 * k + 1)) / 65536.0 $$;

INSERT INTO system_settings (site_title, timezone, currency_display, enable_auto_cleanup, cleanup_retention_days)
SELECT 'Claude Code Hub (demo)', 'Asia/Shanghai', 'USD', true, 30 WHERE NOT EXISTS (SELECT FROM system_settings);

INSERT INTO provider_groups (name, cost_multiplier, description, created_at, updated_at)
SELECT name, multiplier, description, now() - interval '120 days', now() - interval '30 days'
FROM (VALUES
    ('default', 1.0, '所有成员'),
    ('premium', 1.2, '优先线路'),
    ('research', 0.9, '研发部补贴'),
    ('trial', 1.0, '试用')) AS g (name, multiplier, description)
ON CONFLICT (name) DO NOTHING;

INSERT INTO provider_vendors (id, website_domain, display_name, website_url, favicon_url, created_at, updated_at)
SELECT id, domain, name, 'https://' || domain, 'https://' || domain || '/favicon.ico',
    now() - (130 - id) * interval '1 day', now() - (130 - id) * interval '1 day'
FROM (VALUES
    (1, 'anthropic.com', 'Anthropic'),
    (2, 'openai.com', 'OpenAI'),
    (3, 'ai.google.dev', 'Google AI'),
    (4, 'deepseek.com', 'DeepSeek'),
    (5, 'moonshot.cn', 'Moonshot AI 月之暗面'),
    (6, 'bigmodel.cn', '智谱 BigModel'),
    (7, 'openrouter.ai', 'OpenRouter'),
    (8, 'relay-north.example', '北方中继')) AS v (id, domain, name);

INSERT INTO providers (id, name, provider_vendor_id, provider_type, url, key, priority, weight, cost_multiplier,
    group_tag,
    is_enabled, deleted_at, limit_daily_usd, limit_monthly_usd, limit_concurrent_sessions, model_redirects,
        website_url,
    first_byte_timeout_streaming_ms, streaming_idle_timeout_ms, request_timeout_non_streaming_ms, created_at,
        updated_at)
SELECT p.id, name, vendor, type, url, 'demo-secret-' || md5('provider ' || p.id), priority, weight, multiplier, tag,
    state = 'on', CASE WHEN state = 'gone' THEN now() - interval '20 days' END, daily, monthly, sessions,
        redirects::jsonb,
    'https://' || website_domain, 30000, 15000, 600000,
    now() - (118 - p.id) * interval '1 day', now() - (40 - p.id) * interval '1 day'
FROM (VALUES
    (1, 'Anthropic 主账号', 1, 'claude', 'https://api.anthropic.com', 0, 10, 1.0, 'default,premium,research', 'on',
        800.00, 15000.00, 0, NULL),
    (2, 'Anthropic 备用', 1, 'claude', 'https://api.anthropic.com', 1, 5, 1.0, 'default,premium,research', 'on',
        400.00, 8000.00, 20, NULL),
    (3, 'Anthropic 研发部', 1, 'claude', 'https://api.anthropic.com', 0, 8, 1.0, 'default,premium,research', 'on',
        300.00, 6000.00, 10, NULL),
    (4, 'OpenAI 主账号', 2, 'codex', 'https://api.openai.com/v1', 0, 10, 1.0, 'default,premium,research', 'on',
        500.00, 9000.00, 0, NULL),
    (5, 'OpenAI 备用', 2, 'codex', 'https://api.openai.com/v1', 1, 5, 1.0, 'default,premium,research', 'on',
        NULL, 4000.00, 0, NULL),
    (6, 'OpenAI Chat', 2, 'openai-compatible', 'https://api.openai.com/v1', 0, 4, 1.0,
        'default,premium,research', 'on',
        NULL, 2000.00, 0, NULL),
    (7, 'Gemini 主账号', 3, 'gemini', 'https://generativelanguage.googleapis.com/v1beta', 0, 10, 1.0,
        'default,premium,research', 'on', NULL, 3000.00, 0, NULL),
    (8, 'Gemini 备用', 3, 'gemini', 'https://generativelanguage.googleapis.com/v1beta', 1, 3, 1.0,
        'default,premium,research', 'on', NULL, 1000.00, 0, NULL),
    (9, 'Gemini CLI', 3, 'gemini-cli', 'https://generativelanguage.googleapis.com/v1beta', 0, 2, 1.0,
        'default,premium,research', 'on', NULL, NULL, 5, NULL),
    (10, 'DeepSeek', 4, 'openai-compatible', 'https://api.deepseek.com', 0, 5, 1.0, 'default,premium,research', 'on',
        NULL, 500.00, 0, NULL),
    (11, 'DeepSeek (Claude 接口)', 4, 'claude', 'https://api.deepseek.com/anthropic', 5, 2, 0.25,
        'default,premium,research', 'on', NULL, 500.00, 0,
        '[{"matchType": "prefix", "source": "claude-", "target": "deepseek-chat"}]'),
    (12, 'Kimi', 5, 'openai-compatible', 'https://api.moonshot.cn/v1', 0, 5, 1.0, 'default,premium,research', 'on',
        NULL, 500.00, 0, NULL),
    (13, 'Kimi (Claude 接口)', 5, 'claude', 'https://api.moonshot.cn/anthropic', 5, 2, 0.3, 'default,premium,research',
        'on', NULL, 500.00, 0, '[{"matchType": "prefix", "source": "claude-", "target": "kimi-k2-0905-preview"}]'),
    (14, 'GLM', 6, 'openai-compatible', 'https://open.bigmodel.cn/api/paas/v4', 0, 5, 1.0, 'default,premium,research',
        'on', NULL, 500.00, 0, NULL),
    (15, 'GLM (Claude 接口)', 6, 'claude', 'https://open.bigmodel.cn/api/anthropic', 5, 2, 0.3, 'trial', 'on',
        NULL, 300.00, 0, '[{"matchType": "prefix", "source": "claude-", "target": "glm-4.6"}]'),
    (16, 'OpenRouter', 7, 'openai-compatible', 'https://openrouter.ai/api/v1', 8, 2, 1.05, 'default,premium,research',
        'on', NULL, 1000.00, 0, NULL),
    (17, 'OpenRouter 备用', 7, 'openai-compatible', 'https://openrouter.ai/api/v1', 9, 1, 1.05, 'default', 'off',
        NULL, NULL, 0, NULL),
    (18, '北方中继 Claude', 8, 'claude-auth', 'https://claude.relay-north.example', 2, 6, 0.8,
        'default,premium,research', 'on', 600.00, NULL, 0, NULL),
    (19, '北方中继 Claude 经济', 8, 'claude-auth', 'https://eco.relay-north.example', 3, 4, 0.55,
        'default,premium,research,trial', 'on', 200.00, NULL, 0, NULL),
    (20, '北方中继 Codex', 8, 'codex', 'https://codex.relay-north.example/v1', 2, 6, 0.7, 'default,premium,research',
        'on',
        300.00, NULL, 0, NULL),
    (21, '北方中继 Gemini', 8, 'gemini', 'https://gemini.relay-north.example/v1beta', 2, 4, 0.75,
        'default,premium,research', 'on', NULL, NULL, 0, NULL),
    (22, '北方中继 Claude 高速', 8, 'claude', 'https://fast.relay-north.example', 1, 6, 0.95, 'default,premium,research',
        'on', 500.00, NULL, 0, NULL),
    (23, '北方中继 旧线路', 8, 'claude', 'https://old.relay-north.example', 9, 1, 0.6, 'default', 'gone',
        NULL, NULL, 0, NULL),
    (24, '测试通道', 8, 'openai-compatible', 'https://test.relay-north.example/v1', 9, 1, 1.0, NULL, 'off',
        5.00, NULL, 1, NULL)
    ) AS p (id, name, vendor, type, url, priority, weight, multiplier, tag, state, daily, monthly, sessions,
        redirects)
JOIN provider_vendors v ON v.id = p.vendor;

INSERT INTO provider_endpoints (id, vendor_id, provider_type, url, label, sort_order, is_enabled, last_probed_at,
    last_probe_ok, last_probe_status_code, last_probe_latency_ms, last_probe_error_type,
        last_probe_error_message, created_at,
    updated_at)
SELECT row_number() OVER (ORDER BY first_id), vendor, type, url, NULL, (row_number() OVER w)::int - 1, enabled,
    now() - first_id * interval '37 seconds', first_id <> 22, CASE WHEN first_id = 22 THEN 502 ELSE 200 END,
    90 + (first_id * 53) % 420, CASE WHEN first_id = 22 THEN 'http_5xx' END, CASE
        WHEN first_id = 22 THEN 'HTTP 502' END,
    now() - (118 - first_id) * interval '1 day', now() - first_id * interval '37 seconds'
FROM (SELECT provider_vendor_id AS vendor, provider_type AS type, url, min(id) AS first_id,
    bool_or(is_enabled) AS enabled
      FROM providers WHERE deleted_at IS NULL GROUP BY 1, 2, 3) AS e
WINDOW w AS (PARTITION BY vendor, type ORDER BY first_id);

INSERT INTO users (id, name, description, role, rpm_limit, daily_limit_usd, provider_group, limit_5h_usd,
    limit_weekly_usd,
    limit_monthly_usd, limit_concurrent_sessions, tags, is_enabled, expires_at, deleted_at, created_at, updated_at)
SELECT id, name, CASE WHEN id = 1 THEN '系统管理员' WHEN id % 9 = 0 THEN '外包，按季度续期' END,
    CASE WHEN id <= 2 THEN 'admin' ELSE 'user' END, (ARRAY[60, 120, NULL, 30])[1 + id % 4],
    (ARRAY[20.00, 50.00, 100.00])[1 + id % 3],
    CASE WHEN id > 34 THEN 'trial' WHEN id % 7 = 1 THEN 'premium' WHEN id % 3 = 0 THEN 'research' ELSE 'default' END,
    (ARRAY[10.00, 25.00, NULL])[1 + id % 3], (ARRAY[100.00, 250.00, NULL])[1 + id % 3],
    (ARRAY[300.00, 800.00, NULL])[1 + id % 3], (ARRAY[0, 3, 5])[1 + id % 3],
    jsonb_build_array((ARRAY['研发部', '产品部', '数据组', '外部'])[1 + id % 4]),
    id NOT IN (35, 36, 37), CASE WHEN id IN (38, 39) THEN now() - (id - 30) * interval '1 day'
        WHEN id % 9 = 0 THEN now() + id * interval '5 days' END,
    CASE WHEN id = 40 THEN now() - interval '16 days' END,
    now() - (112 - 2 * id) * interval '1 day', now() - (id % 14) * interval '1 day'
FROM unnest(ARRAY['管理员', '陈立', '王思远', '李晓彤', '张明川', '刘若溪', '赵启航', '孙佳宁', '周子墨', '吴雨桐',
    'Alice Morgan', 'Ben Carter', '郑浩然', '冯诗涵', '褚文博', '卫青青', '蒋梓轩', '沈嘉怡', '韩沐阳', '杨可欣',
    'Carla Ruiz', 'Daichi Sato', '朱俊杰', '秦雅楠', '尤世豪', '许梦瑶', '何嘉诚', '吕思琪', '施博文', '张雨萱',
    'Elena Petrova', 'Farid Aziz', '孔令宇', '曹静怡', '严家乐', '华晨曦', '金泽宇', '魏紫涵', '陶天佑', '姜心怡'])
    WITH ORDINALITY AS u (name, id);

-- One key for everybody, 50 more for the first 30. No administrator's key signs in: the keys can be computed from this
-- file.
INSERT INTO keys (id, user_id, key, name, is_enabled, expires_at, limit_5h_usd, limit_daily_usd, limit_monthly_usd,
    limit_concurrent_sessions, can_login_web_ui, provider_group, deleted_at, created_at, updated_at)
SELECT k.id, u.id, 'sk-demo-' || md5('key ' || k.id), (ARRAY['默认', 'laptop', 'CI', 'vscode', '脚本'])[1 + k.id / 20],
    k.id % 17 <> 0 OR k.id <= 40, CASE k.id % 23 WHEN 5 THEN now() + interval '60 days'
        WHEN 6 THEN now() - interval '3 days' END,
    CASE WHEN k.id % 5 = 0 THEN 5.00 END, CASE WHEN k.id % 4 = 0 THEN 20.00 END, CASE
        WHEN k.id % 6 = 0 THEN 200.00 END,
    CASE WHEN k.id % 8 = 0 THEN 2 ELSE 0 END, u.role = 'user' AND k.id <= 40, u.provider_group, u.deleted_at,
    u.created_at + (k.id % 11) * interval '3 hours', u.updated_at
FROM generate_series(1, 90) AS k (id)
JOIN users u ON u.id = CASE WHEN k.id <= 40 THEN k.id ELSE 1 + (k.id * 7) % 30 END;

-- Prices in US dollars for a million tokens: input, output, cache write (5 minutes), cache read.
CREATE TEMPORARY TABLE demo_price ON COMMIT DROP AS
SELECT * FROM (VALUES
    ('claude-opus-4-5-20251101', 'anthropic', 'cloud', 5, 25, 6.25, 0.5, 200000, 64000),
    ('claude-opus-4-5', 'anthropic', 'cloud', 5, 25, 6.25, 0.5, 200000, 64000),
    ('claude-opus-4-1-20250805', 'anthropic', 'cloud', 15, 75, 18.75, 1.5, 200000, 32000),
    ('claude-opus-4-1', 'anthropic', 'cloud', 15, 75, 18.75, 1.5, 200000, 32000),
    ('claude-opus-4-20250514', 'anthropic', 'cloud', 15, 75, 18.75, 1.5, 200000, 32000),
    ('claude-sonnet-4-5-20250929', 'anthropic', 'cloud', 3, 15, 3.75, 0.3, 200000, 64000),
    ('claude-sonnet-4-5', 'anthropic', 'cloud', 3, 15, 3.75, 0.3, 200000, 64000),
    ('claude-sonnet-4-20250514', 'anthropic', 'cloud', 3, 15, 3.75, 0.3, 1000000, 64000),
    ('claude-3-7-sonnet-20250219', 'anthropic', 'litellm', 3, 15, 3.75, 0.3, 200000, 64000),
    ('claude-3-5-sonnet-20241022', 'anthropic', 'litellm', 3, 15, 3.75, 0.3, 200000, 8192),
    ('claude-haiku-4-5-20251001', 'anthropic', 'cloud', 1, 5, 1.25, 0.1, 200000, 64000),
    ('claude-haiku-4-5', 'anthropic', 'cloud', 1, 5, 1.25, 0.1, 200000, 64000),
    ('claude-3-5-haiku-20241022', 'anthropic', 'litellm', 0.8, 4, 1, 0.08, 200000, 8192),
    ('claude-3-haiku-20240307', 'anthropic', 'litellm', 0.25, 1.25, 0.3, 0.03, 200000, 4096),
    ('gpt-5.2', 'openai', 'cloud', 1.75, 14, NULL, 0.175, 400000, 128000),
    ('gpt-5.2-pro', 'openai', 'cloud', 21, 168, NULL, NULL, 400000, 128000),
    ('gpt-5.1', 'openai', 'cloud', 1.25, 10, NULL, 0.125, 272000, 128000),
    ('gpt-5.1-codex', 'openai', 'cloud', 1.25, 10, NULL, 0.125, 272000, 128000),
    ('gpt-5.1-codex-max', 'openai', 'cloud', 1.25, 10, NULL, 0.125, 400000, 128000),
    ('gpt-5.1-codex-mini', 'openai', 'cloud', 0.25, 2, NULL, 0.025, 272000, 128000),
    ('gpt-5', 'openai', 'cloud', 1.25, 10, NULL, 0.125, 272000, 128000),
    ('gpt-5-codex', 'openai', 'cloud', 1.25, 10, NULL, 0.125, 272000, 128000),
    ('gpt-5-pro', 'openai', 'cloud', 15, 120, NULL, NULL, 400000, 272000),
    ('gpt-5-mini', 'openai', 'cloud', 0.25, 2, NULL, 0.025, 272000, 128000),
    ('gpt-5-nano', 'openai', 'cloud', 0.05, 0.4, NULL, 0.005, 272000, 128000),
    ('gpt-4.1', 'openai', 'cloud', 2, 8, NULL, 0.5, 1047576, 32768),
    ('gpt-4.1-mini', 'openai', 'cloud', 0.4, 1.6, NULL, 0.1, 1047576, 32768),
    ('gpt-4.1-nano', 'openai', 'cloud', 0.1, 0.4, NULL, 0.025, 1047576, 32768),
    ('gpt-4o', 'openai', 'litellm', 2.5, 10, NULL, 1.25, 128000, 16384),
    ('gpt-4o-mini', 'openai', 'litellm', 0.15, 0.6, NULL, 0.075, 128000, 16384),
    ('o1', 'openai', 'litellm', 15, 60, NULL, 7.5, 200000, 100000),
    ('o3', 'openai', 'cloud', 2, 8, NULL, 0.5, 200000, 100000),
    ('o3-pro', 'openai', 'cloud', 20, 80, NULL, NULL, 200000, 100000),
    ('o3-mini', 'openai', 'litellm', 1.1, 4.4, NULL, 0.55, 200000, 100000),
    ('o4-mini', 'openai', 'cloud', 1.1, 4.4, NULL, 0.275, 200000, 100000),
    ('codex-mini-latest', 'openai', 'litellm', 1.5, 6, NULL, 0.375, 200000, 100000),
    ('gemini-3-pro-preview', 'google', 'cloud', 2, 12, NULL, 0.2, 1048576, 65535),
    ('gemini-3-flash-preview', 'google', 'cloud', 0.5, 3, NULL, 0.05, 1048576, 65535),
    ('gemini-2.5-pro', 'google', 'cloud', 1.25, 10, NULL, 0.125, 1048576, 65535),
    ('gemini-2.5-flash', 'google', 'cloud', 0.3, 2.5, NULL, 0.03, 1048576, 65535),
    ('gemini-2.5-flash-lite', 'google', 'cloud', 0.1, 0.4, NULL, 0.025, 1048576, 65535),
    ('gemini-2.0-flash', 'google', 'litellm', 0.1, 0.4, NULL, 0.025, 1048576, 8192),
    ('gemini-2.0-flash-lite', 'google', 'litellm', 0.075, 0.3, NULL, 0.01875, 1048576, 8192),
    ('deepseek-chat', 'deepseek', 'cloud', 0.28, 0.42, NULL, 0.028, 131072, 8192),
    ('deepseek-reasoner', 'deepseek', 'cloud', 0.28, 0.42, NULL, 0.028, 131072, 65536),
    ('deepseek-r1', 'deepseek', 'litellm', 0.55, 2.19, NULL, 0.14, 65536, 8192),
    ('kimi-k2-0905-preview', 'moonshot', 'cloud', 0.6, 2.5, NULL, 0.15, 262144, 262144),
    ('kimi-k2-turbo-preview', 'moonshot', 'cloud', 1.15, 8, NULL, 0.15, 262144, 262144),
    ('kimi-k2-thinking', 'moonshot', 'cloud', 0.6, 2.5, NULL, 0.15, 262144, 262144),
    ('kimi-latest', 'moonshot', 'litellm', 2, 5, NULL, 0.15, 131072, 131072),
    ('glm-4.6', 'zai', 'cloud', 0.6, 2.2, NULL, 0.11, 200000, 128000),
    ('glm-4.5', 'zai', 'cloud', 0.6, 2.2, NULL, 0.11, 128000, 32000),
    ('glm-4.5-air', 'zai', 'cloud', 0.2, 1.1, NULL, 0.03, 128000, 32000),
    ('glm-4.5v', 'zai', 'cloud', 0.6, 1.8, NULL, 0.11, 128000, 32000),
    ('grok-4', 'xai', 'cloud', 3, 15, NULL, 0.75, 256000, 256000),
    ('grok-4-fast-reasoning', 'xai', 'cloud', 0.2, 0.5, NULL, 0.05, 2000000, 2000000),
    ('grok-code-fast-1', 'xai', 'cloud', 0.2, 1.5, NULL, 0.02, 256000, 256000),
    ('team-sonnet-contract', 'anthropic', 'manual', 2.4, 12, 3, 0.24, 200000, 64000),
    ('gpt-5.1-codex-contract', 'openai', 'manual', 1, 8, NULL, 0.1, 272000, 128000),
    ('qwen3-coder-local', 'local', 'manual', 0, 0, NULL, 0, 262144, 65536)
    ) AS p (model, vendor, source, input, output, cache_write, cache_read, max_input, max_output);

INSERT INTO model_prices (model_name, price_data, source, created_at, updated_at)
SELECT model, jsonb_strip_nulls(jsonb_build_object(
        'mode', 'chat', 'display_name', initcap(replace(model, '-', ' ')), 'vendor', vendor, 'litellm_provider',
            vendor,
        'input_cost_per_token', trim_scale(input / 1e6), 'output_cost_per_token', trim_scale(output / 1e6),
        'cache_creation_input_token_cost', trim_scale(cache_write / 1e6),
        'cache_creation_input_token_cost_above_1hr', CASE
            WHEN cache_write IS NOT NULL THEN trim_scale(2 * input / 1e6) END,
        'cache_read_input_token_cost', trim_scale(cache_read / 1e6),
        'max_input_tokens', max_input, 'max_output_tokens', max_output, 'supports_prompt_caching',
            cache_read IS NOT NULL)),
    source, now() - interval '21 days', now() - interval '2 days'
FROM demo_price p WHERE NOT EXISTS (SELECT FROM model_prices m WHERE m.model_name = p.model);

-- Where requests go: the model asked for, the first provider, the one that takes over, and how many in a thousand.
CREATE TEMPORARY TABLE demo_route ON COMMIT DROP AS
SELECT r.*, row_number() OVER () AS id FROM (VALUES
    ('claude-sonnet-4-5-20250929', NULL, 1, 22, 220, '/v1/messages', 'claude'),
    ('claude-sonnet-4-5-20250929', NULL, 18, 1, 140, '/v1/messages', 'claude'),
    ('claude-sonnet-4-5-20250929', NULL, 22, 2, 70, '/v1/messages', 'claude'),
    ('claude-opus-4-5-20251101', NULL, 1, 18, 90, '/v1/messages', 'claude'),
    ('claude-opus-4-5-20251101', NULL, 3, 2, 40, '/v1/messages', 'claude'),
    ('claude-haiku-4-5-20251001', NULL, 19, 18, 110, '/v1/messages', 'claude'),
    ('claude-sonnet-4-5-20250929', 'deepseek-chat', 11, 19, 25, '/v1/messages', 'claude'),
    ('claude-sonnet-4-5-20250929', 'kimi-k2-0905-preview', 13, 19, 20, '/v1/messages', 'claude'),
    ('gpt-5.1-codex', NULL, 4, 5, 80, '/v1/responses', 'codex'),
    ('gpt-5.1-codex-max', NULL, 20, 4, 50, '/v1/responses', 'codex'),
    ('gpt-5-mini', NULL, 6, 16, 20, '/v1/chat/completions', 'openai'),
    ('gemini-2.5-pro', NULL, 7, 8, 35, '/v1beta/models/gemini-2.5-pro:streamGenerateContent', 'gemini'),
    ('gemini-2.5-flash', NULL, 21, 7, 30, '/v1beta/models/gemini-2.5-flash:streamGenerateContent', 'gemini'),
    ('gemini-3-pro-preview', NULL, 9, 7, 15, '/v1beta/models/gemini-3-pro-preview:streamGenerateContent', 'gemini'),
    ('deepseek-chat', NULL, 10, 16, 25, '/v1/chat/completions', 'openai'),
    ('kimi-k2-0905-preview', NULL, 12, 16, 15, '/v1/chat/completions', 'openai'),
    ('glm-4.6', NULL, 14, 16, 15, '/v1/chat/completions', 'openai')
    ) AS r (asked, redirected, provider_id, next_id, share, endpoint, api_type);

-- Who asks: keys that may, some people far more than others. A thousand places, each taken by one key.
CREATE TEMPORARY TABLE demo_caller ON COMMIT DROP AS
WITH able AS (
    SELECT k.id, k.key, k.user_id, g.cost_multiplier AS group_multiplier,
        sum(1 / (2 + (u.id * 11) % 33)::numeric) OVER (ORDER BY k.id) AS upto,
        1 / (2 + (u.id * 11) % 33)::numeric AS share
    FROM keys k JOIN users u ON u.id = k.user_id JOIN provider_groups g ON g.name = u.provider_group
    WHERE k.is_enabled AND k.deleted_at IS NULL AND coalesce(k.expires_at, 'infinity') > now()
        AND u.is_enabled AND u.deleted_at IS NULL AND coalesce(u.expires_at, 'infinity') > now())
SELECT place, a.* FROM generate_series(0, 999) AS place
JOIN able a ON (place + 0.5) / 1000 * (SELECT max(upto) FROM able) > a.upto - a.share
    AND (place + 0.5) / 1000 * (SELECT max(upto) FROM able) <= a.upto;

CREATE TEMPORARY TABLE demo_place ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY id, n) - 1 AS place, id AS route
FROM demo_route, generate_series(1, share) AS n;

-- When: 336 hours that end now, busy in office hours of Shanghai, quiet at night and at weekends; request n of 20,000
-- falls into the hour whose share of the total covers it.
CREATE TEMPORARY TABLE demo_time ON COMMIT DROP AS
WITH hours AS (
    SELECT now() - h * interval '1 hour' AS start, extract(hour FROM local)::int AS hour,
        extract(isodow FROM local) > 5 AS weekend
    FROM generate_series(1, 336) AS h,
        LATERAL (SELECT (now() - h * interval '1 hour') AT TIME ZONE 'Asia/Shanghai') AS l (local)
), weighed AS (
    SELECT start, CASE WHEN weekend THEN 0.3 ELSE 1.0 END
        * (ARRAY[6, 4, 2, 1, 1, 1, 2, 5, 14, 38, 52, 50,
            30, 34, 52, 56, 54, 48, 36, 26, 28, 26, 18, 10])[hour + 1] AS weight
    FROM hours
), summed AS (
    SELECT start, weight, sum(weight) OVER (ORDER BY start) AS upto, sum(weight) OVER () AS total FROM weighed
)
SELECT n, start + (n - first + pg_temp.part(sha512(n::text::bytea), 31)) / (last - first + 1)
    * interval '1 hour' AS at
FROM summed, LATERAL (SELECT floor((upto - weight) * 20000 / total)::int + 1 AS first,
    floor(upto * 20000 / total)::int AS last) AS b,
    LATERAL generate_series(first, last) AS n;

-- A request: its caller, its session (a key's requests within some hours; a session keeps its route), its place there.
CREATE TEMPORARY TABLE demo_request ON COMMIT DROP AS
WITH called AS (
    SELECT t.n, t.at, d.digest, c.key, c.user_id, c.group_multiplier,
        sha512((c.id || ' ' || t.n / 400)::bytea) AS session
    FROM demo_time t, LATERAL (SELECT sha512(t.n::text::bytea) AS digest) AS d
    JOIN demo_caller c ON c.place = floor(pg_temp.part(d.digest, 0) * 1000)::int
)
SELECT n, at, digest, key, user_id, group_multiplier, session, p.route,
    row_number() OVER w AS sequence, lag(n) OVER w AS previous,
    -- what becomes of it, in 10,000ths
    floor(pg_temp.part(digest, 1) * 10000)::int AS fate, floor(pg_temp.part(digest, 2) * 10000)::int AS luck
FROM called JOIN demo_place p ON p.place = floor(pg_temp.part(session, 0) * 1000)::int
WINDOW w AS (PARTITION BY session ORDER BY n);

CREATE TEMPORARY TABLE demo_outcome ON COMMIT DROP AS
SELECT q.n, q.at, q.digest, q.key, q.user_id, q.session, q.sequence, q.previous, q.group_multiplier,
    r.asked, coalesce(r.redirected, r.asked) AS model, r.api_type, r.provider_id, f.taken_over, f.status,
        f.failure, f.blocked,
    f.replayed, CASE WHEN f.counting THEN '/v1/messages/count_tokens' ELSE r.endpoint END AS endpoint,
    CASE WHEN f.taken_over THEN r.next_id ELSE r.provider_id END AS final_id, f.answered, t.*
FROM demo_request q JOIN demo_route r ON r.id = q.route,
LATERAL (SELECT fate < 60 AND r.api_type = 'claude' AS warm, fate BETWEEN 60 AND 79 AS banned,
    fate BETWEEN 100 AND 299 AND r.api_type = 'claude' AS counting, fate BETWEEN 300 AND 329
        AND previous IS NOT NULL AS replayed,
    fate BETWEEN 400 AND 899 AS taken_over, fate >= 9600 AS failing) AS k,
LATERAL (SELECT k.counting, k.replayed, k.taken_over,
    CASE WHEN k.warm THEN 'warmup' WHEN k.banned THEN 'sensitive_word' END AS blocked,
    CASE WHEN k.banned THEN 400 WHEN NOT k.failing THEN 200 WHEN luck < 3000 THEN 429 WHEN luck < 4500 THEN 500
        WHEN luck < 6000 THEN 502 WHEN luck < 7500 THEN 529 WHEN luck < 8500 THEN 400 ELSE 499 END AS status,
    CASE WHEN k.banned THEN '请求包含敏感词' WHEN NOT k.failing THEN NULL
        WHEN luck < 3000 THEN 'rate_limit_error: too many requests'
        WHEN luck < 4500 THEN 'api_error: internal server error' WHEN luck < 6000 THEN 'upstream answered 502'
        WHEN luck < 7500 THEN 'overloaded_error: overloaded'
            WHEN luck < 8500 THEN 'invalid_request_error: prompt is too long'
        ELSE 'client closed the request' END AS failure,
    NOT (k.warm OR k.banned OR k.failing) AS answered) AS f,
-- A conversation grows: most of what was said before is read from the cache.
LATERAL (SELECT
    CASE WHEN NOT f.answered THEN 0 WHEN r.api_type = 'claude' THEN (3 + 900 * pg_temp.part(digest, 3))::bigint
        ELSE (700 + 9000 * pg_temp.part(digest, 3) ^ 2)::bigint END AS input,
    CASE WHEN NOT f.answered OR f.counting THEN 0 ELSE (35 * exp(4.3 * pg_temp.part(digest,
        4)))::bigint END AS output,
    CASE WHEN NOT f.answered OR f.counting OR r.api_type <> 'claude' THEN 0
        ELSE (300 + 4200 * pg_temp.part(digest, 5) ^ 2)::bigint END AS cache_write,
    CASE WHEN NOT f.answered OR f.counting THEN 0
        ELSE least(sequence * 2600, 150000) * (0.7 + 0.3 * pg_temp.part(digest,
            6))::numeric END::bigint AS cache_read,
    pg_temp.part(session, 5) < 0.15 AS long_cache,
    (280 + 5000 * pg_temp.part(digest, 7) ^ 3 + CASE WHEN f.taken_over THEN 2500 ELSE 0 END)::int AS ttfb) AS t;

-- Free of charge when not answered or only counted (the hub's default). Billed by the model that was asked for
-- (billing_model_source).
INSERT INTO message_request (id, provider_id, user_id, key, model, original_model, actual_response_model,
    duration_ms, ttfb_ms,
    first_byte_ms, cost_usd, provider_chain, status_code, api_type, input_tokens, output_tokens,
        cache_creation_input_tokens,
    cache_read_input_tokens, cache_creation_5m_input_tokens, cache_creation_1h_input_tokens, cache_ttl_applied,
        error_message,
    session_id, request_sequence, messages_count, blocked_by, blocked_reason, cost_multiplier, group_cost_multiplier,
    user_agent, client_ip, endpoint, is_replay, replay_source_request_id, created_at, updated_at)
SELECT n, o.provider_id, user_id, o.key, o.model, asked, CASE WHEN answered THEN o.model END, d.ms, ttfb, ttfb - 40,
    CASE WHEN endpoint = '/v1/messages/count_tokens' THEN 0 ELSE round((o.input * p.input + o.output * p.output
        + o.cache_write * CASE WHEN long_cache THEN 2 * p.input ELSE coalesce(p.cache_write, 0) END
        + o.cache_read * coalesce(p.cache_read, 0)) / 1e6 * last.cost_multiplier * group_multiplier, 15) END,
    CASE WHEN blocked IS NOT NULL THEN NULL
        WHEN taken_over THEN jsonb_build_array(
            jsonb_build_object('id', first.id, 'name', first.name, 'providerType', first.provider_type,
                'attemptNumber', 1,
                'reason', 'retry_failed', 'statusCode', 503),
            jsonb_build_object('id', last.id, 'name', last.name, 'providerType', last.provider_type,
                'attemptNumber', 2,
                'reason', 'retry_success', 'statusCode', status))
        ELSE jsonb_build_array(
            jsonb_build_object('id', last.id, 'name', last.name, 'providerType', last.provider_type,
                'attemptNumber', 1,
                'reason', CASE WHEN answered THEN 'request_success' ELSE 'retry_failed' END, 'statusCode',
                    status)) END,
    status, api_type, o.input, o.output, o.cache_write, o.cache_read, CASE WHEN long_cache THEN 0
        ELSE o.cache_write END,
    CASE WHEN long_cache THEN o.cache_write ELSE 0 END,
    CASE WHEN o.cache_write > 0 THEN CASE WHEN long_cache THEN '1h' ELSE '5m' END END, failure,
    'demo_' || substr(encode(session, 'hex'), 1, 32), sequence, 2 * sequence - 1, blocked,
    CASE WHEN blocked = 'sensitive_word' THEN '{"word": "***"}' END, last.cost_multiplier, group_multiplier,
    CASE api_type WHEN 'claude' THEN 'claude-cli/2.0.' || 40 + user_id % 20 || ' (external, cli)'
        WHEN 'codex' THEN 'codex_cli_rs/0.6' || user_id % 4 || '.0'
            WHEN 'gemini' THEN 'GeminiCLI/0.1' || user_id % 5 || '.0'
        ELSE 'OpenAI/Python 1.109.1' END,
    CASE WHEN user_id % 5 = 0 THEN '203.0.113.' ELSE '10.20.30.' END || 10 + user_id, endpoint, replayed,
    CASE WHEN replayed THEN previous END, at, least(now(), at + d.ms * interval '1 ms')
FROM demo_outcome o
JOIN demo_price p ON p.model = o.asked
JOIN providers first ON first.id = o.provider_id
JOIN providers last ON last.id = o.final_id,
LATERAL (SELECT ttfb + o.output * (8 + (14 * pg_temp.part(digest, 8))::int) AS ms) AS d
ORDER BY n;

INSERT INTO audit_log (action_category, action_type, target_type, target_id, target_name, after_value,
    operator_user_id,
    operator_user_name, operator_ip, user_agent, success, error_message, created_at)
SELECT 'auth', CASE WHEN n % 9 = 0 THEN 'login.failure' ELSE 'login.success' END, 'user', u.id, u.name,
    CASE WHEN n % 9 <> 0 THEN '{"loginType": "admin"}'::jsonb END, u.id, u.name, '10.20.30.' || 10 + u.id,
        'Mozilla/5.0',
    n % 9 <> 0, CASE WHEN n % 9 = 0 THEN 'KEY_INVALID' END, now() - (29 - n) * interval '11 hours 23 minutes'
FROM generate_series(1, 28) AS n JOIN users u ON u.id = 1 + n % 2 ORDER BY n;

INSERT INTO audit_log (action_category, action_type, target_type, before_value, after_value, operator_user_id,
    operator_user_name, operator_ip, user_agent, success, created_at)
SELECT 'provider', 'providers.batch_update', 'providers',
    jsonb_build_object(id, jsonb_build_object('weight', weight + n, 'priority', priority + 1)),
    jsonb_build_object('ids', jsonb_build_array(id), 'rows',
        jsonb_build_object(id, jsonb_build_object('weight', weight, 'priority', priority))),
    1, (SELECT name FROM users WHERE id = 1), '10.20.30.11', 'Mozilla/5.0', true, now() - n * interval '7 hours 11 minutes'
FROM providers JOIN generate_series(1, 6) AS n ON n = id WHERE deleted_at IS NULL;

INSERT INTO provider_batch_apply_operations (claim_key, preview_token, payload_fingerprint, operation_id, undo_token,
    undo_expires_at, status, result, expires_at, created_at, updated_at)
SELECT 'preview:provider_patch_preview_' || token, 'provider_patch_preview_' || token,
    encode(sha256(token::bytea), 'hex'),
    'provider_patch_apply_' || token, 'provider_patch_undo_' || token, at + interval '10 seconds', 'completed',
    jsonb_build_object('operationId', 'provider_patch_apply_' || token, 'updatedCount', 2 + n),
        at + interval '1 day', at, at
FROM generate_series(1, 3) AS n, LATERAL (SELECT md5('operation ' || n)::uuid::text,
    now() - n * interval '5 hours') AS o (token, at);

-- Chosen ids do not move sequences; never move one back.
DO $$
DECLARE
    name text;
    sequence regclass;
    greatest_id bigint;
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'keys', 'provider_vendors', 'providers', 'provider_endpoints',
        'message_request'] LOOP
        sequence := pg_get_serial_sequence('public.' || name, 'id');
        EXECUTE format('SELECT max(id) FROM public.%I', name) INTO greatest_id;
        PERFORM setval(sequence, greatest(greatest_id, pg_sequence_last_value(sequence)));
    END LOOP;
END
$$;

DROP FUNCTION pg_temp.part(bytea, integer);
