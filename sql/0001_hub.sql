-- hub
-- What hubport needs of the hub's own tables, with the hub's names, types, defaults, indexes and foreign keys.
-- Applied only to a database that has none of them (src/pg/migrate.h), with search_path public. The functions name
-- schemas and set their own search_path, because pg_restore runs triggers with an empty one.

-- Types and functions may be left from dropped tables.
DO $$
DECLARE
    enum record;
BEGIN
    FOR enum IN
        SELECT * FROM (VALUES
            ('daily_reset_mode', ARRAY['fixed', 'rolling']),
            ('notification_type', ARRAY['circuit_breaker', 'daily_leaderboard', 'cost_alert', 'cache_hit_rate_alert']),
            ('webhook_provider_type', ARRAY['wechat', 'feishu', 'dingtalk', 'telegram', 'custom'])) AS e (name, labels)
    LOOP
        IF to_regtype('public.' || enum.name) IS NULL THEN
            EXECUTE format('CREATE TYPE public.%I AS ENUM (%s)', enum.name,
                (SELECT string_agg(quote_literal(label), ', ') FROM unnest(enum.labels) AS label));
        END IF;
    END LOOP;
END
$$;

CREATE TABLE users (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    description text,
    role varchar DEFAULT 'user',
    rpm_limit integer,
    daily_limit_usd numeric(10,2),
    provider_group varchar(200) DEFAULT 'default',
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    deleted_at timestamptz,
    limit_5h_usd numeric(10,2),
    limit_weekly_usd numeric(10,2),
    limit_monthly_usd numeric(10,2),
    limit_concurrent_sessions integer,
    tags jsonb DEFAULT '[]',
    limit_total_usd numeric(10,2),
    is_enabled boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    allowed_clients jsonb DEFAULT '[]',
    daily_reset_mode daily_reset_mode NOT NULL DEFAULT 'fixed',
    daily_reset_time varchar(5) NOT NULL DEFAULT '00:00',
    allowed_models jsonb DEFAULT '[]',
    blocked_clients jsonb NOT NULL DEFAULT '[]',
    cost_reset_at timestamptz,
    limit_5h_reset_mode daily_reset_mode NOT NULL DEFAULT 'rolling',
    limit_5h_cost_reset_at timestamptz
);
CREATE INDEX idx_users_active_role_sort ON users (deleted_at, role, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_users_created_at ON users (created_at);
CREATE INDEX idx_users_deleted_at ON users (deleted_at);
CREATE INDEX idx_users_enabled_expires_at ON users (is_enabled, expires_at) WHERE deleted_at IS NULL;
CREATE INDEX idx_users_tags_gin ON users USING gin (tags) WHERE deleted_at IS NULL;

CREATE TABLE keys (
    id serial PRIMARY KEY,
    user_id integer NOT NULL,
    key varchar NOT NULL,
    name varchar NOT NULL,
    is_enabled boolean DEFAULT true,
    expires_at timestamptz,
    limit_5h_usd numeric(10,2),
    limit_weekly_usd numeric(10,2),
    limit_monthly_usd numeric(10,2),
    limit_concurrent_sessions integer DEFAULT 0,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    deleted_at timestamptz,
    can_login_web_ui boolean DEFAULT false,
    daily_reset_mode daily_reset_mode NOT NULL DEFAULT 'fixed',
    limit_daily_usd numeric(10,2),
    daily_reset_time varchar(5) NOT NULL DEFAULT '00:00',
    limit_total_usd numeric(10,2),
    provider_group varchar(200) DEFAULT 'default',
    cache_ttl_preference varchar(10),
    cost_reset_at timestamptz,
    limit_5h_reset_mode daily_reset_mode NOT NULL DEFAULT 'rolling'
);
CREATE INDEX idx_keys_created_at ON keys (created_at);
CREATE INDEX idx_keys_deleted_at ON keys (deleted_at);
CREATE INDEX idx_keys_key ON keys (key);
CREATE INDEX idx_keys_user_id ON keys (user_id);

CREATE TABLE provider_vendors (
    id serial PRIMARY KEY,
    website_domain varchar(255) NOT NULL,
    display_name varchar(200),
    website_url text,
    favicon_url text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
CREATE INDEX idx_provider_vendors_created_at ON provider_vendors (created_at);
CREATE UNIQUE INDEX uniq_provider_vendors_website_domain ON provider_vendors (website_domain);

CREATE TABLE provider_endpoints (
    id serial PRIMARY KEY,
    vendor_id integer NOT NULL,
    provider_type varchar(20) NOT NULL DEFAULT 'claude',
    url text NOT NULL,
    label varchar(200),
    sort_order integer NOT NULL DEFAULT 0,
    is_enabled boolean NOT NULL DEFAULT true,
    last_probed_at timestamptz,
    last_probe_ok boolean,
    last_probe_status_code integer,
    last_probe_latency_ms integer,
    last_probe_error_type varchar(64),
    last_probe_error_message text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT provider_endpoints_vendor_id_provider_vendors_id_fk
        FOREIGN KEY (vendor_id) REFERENCES provider_vendors(id) ON DELETE CASCADE
);
CREATE INDEX idx_provider_endpoints_created_at ON provider_endpoints (created_at);
CREATE INDEX idx_provider_endpoints_deleted_at ON provider_endpoints (deleted_at);
CREATE INDEX idx_provider_endpoints_enabled
    ON provider_endpoints (is_enabled, vendor_id, provider_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_provider_endpoints_pick_enabled
    ON provider_endpoints (vendor_id, provider_type, is_enabled, sort_order, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_provider_endpoints_vendor_type
    ON provider_endpoints (vendor_id, provider_type) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX uniq_provider_endpoints_vendor_type_url
    ON provider_endpoints (vendor_id, provider_type, url) WHERE deleted_at IS NULL;

CREATE TABLE provider_groups (
    id serial PRIMARY KEY,
    name varchar(200) NOT NULL,
    cost_multiplier numeric(10,4) NOT NULL DEFAULT 1.0,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_groups_name_unique UNIQUE (name)
);

CREATE TABLE providers (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    description text,
    url varchar NOT NULL,
    key varchar NOT NULL,
    is_enabled boolean NOT NULL DEFAULT true,
    weight integer NOT NULL DEFAULT 1,
    priority integer NOT NULL DEFAULT 0,
    cost_multiplier numeric(10,4) DEFAULT 1.0,
    group_tag varchar(255),
    provider_type varchar(20) NOT NULL DEFAULT 'claude',
    model_redirects jsonb,
    limit_5h_usd numeric(10,2),
    limit_weekly_usd numeric(10,2),
    limit_monthly_usd numeric(10,2),
    limit_concurrent_sessions integer DEFAULT 0,
    tpm integer DEFAULT 0,
    rpm integer DEFAULT 0,
    rpd integer DEFAULT 0,
    cc integer DEFAULT 0,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    deleted_at timestamptz,
    allowed_models jsonb DEFAULT 'null',
    circuit_breaker_failure_threshold integer DEFAULT 5,
    circuit_breaker_open_duration integer DEFAULT 1800000,
    circuit_breaker_half_open_success_threshold integer DEFAULT 2,
    proxy_url varchar(512),
    proxy_fallback_to_direct boolean DEFAULT false,
    codex_instructions_strategy varchar(20) DEFAULT 'auto',
    website_url text,
    favicon_url text,
    first_byte_timeout_streaming_ms integer NOT NULL DEFAULT 0,
    streaming_idle_timeout_ms integer NOT NULL DEFAULT 0,
    request_timeout_non_streaming_ms integer NOT NULL DEFAULT 0,
    mcp_passthrough_type varchar(20) NOT NULL DEFAULT 'none',
    mcp_passthrough_url varchar(512),
    daily_reset_mode daily_reset_mode NOT NULL DEFAULT 'fixed',
    limit_daily_usd numeric(10,2),
    daily_reset_time varchar(5) NOT NULL DEFAULT '00:00',
    max_retry_attempts integer,
    cache_ttl_preference varchar(10),
    preserve_client_ip boolean NOT NULL DEFAULT false,
    context_1m_preference varchar(20),
    limit_total_usd numeric(10,2),
    total_cost_reset_at timestamptz,
    codex_reasoning_effort_preference varchar(20),
    codex_reasoning_summary_preference varchar(20),
    codex_text_verbosity_preference varchar(10),
    codex_parallel_tool_calls_preference varchar(10),
    provider_vendor_id integer,
    anthropic_max_tokens_preference varchar(20),
    anthropic_thinking_budget_preference varchar(20),
    gemini_google_search_preference varchar(20),
    group_priorities jsonb DEFAULT 'null',
    anthropic_adaptive_thinking jsonb,
    swap_cache_ttl_billing boolean NOT NULL DEFAULT false,
    allowed_clients jsonb NOT NULL DEFAULT '[]',
    blocked_clients jsonb NOT NULL DEFAULT '[]',
    active_time_start varchar(5),
    active_time_end varchar(5),
    codex_service_tier_preference varchar(20),
    disable_session_reuse boolean NOT NULL DEFAULT false,
    limit_5h_reset_mode daily_reset_mode NOT NULL DEFAULT 'rolling',
    custom_headers jsonb,
    codex_image_generation_preference varchar(10),
    CONSTRAINT providers_provider_vendor_id_provider_vendors_id_fk
        FOREIGN KEY (provider_vendor_id) REFERENCES provider_vendors(id) ON DELETE RESTRICT
);
CREATE INDEX idx_providers_created_at ON providers (created_at);
CREATE INDEX idx_providers_deleted_at ON providers (deleted_at);
CREATE INDEX idx_providers_enabled_priority ON providers (is_enabled, priority, weight) WHERE deleted_at IS NULL;
CREATE INDEX idx_providers_enabled_vendor_type
    ON providers (provider_vendor_id, provider_type)
    WHERE deleted_at IS NULL AND is_enabled = true AND provider_vendor_id IS NOT NULL AND provider_vendor_id > 0;
CREATE INDEX idx_providers_group ON providers (group_tag) WHERE deleted_at IS NULL;
CREATE INDEX idx_providers_vendor_type ON providers (provider_vendor_id, provider_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_providers_vendor_type_url_active
    ON providers (provider_vendor_id, provider_type, url) WHERE deleted_at IS NULL;

CREATE TABLE model_prices (
    id serial PRIMARY KEY,
    model_name varchar NOT NULL,
    price_data jsonb NOT NULL,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    source varchar(20) NOT NULL DEFAULT 'cloud'
);
CREATE INDEX idx_model_prices_aliases ON model_prices USING gin ((price_data -> 'aliases'));
CREATE INDEX idx_model_prices_created_at ON model_prices (created_at DESC NULLS LAST);
CREATE INDEX idx_model_prices_latest ON model_prices (model_name, created_at DESC NULLS LAST);
CREATE INDEX idx_model_prices_model_name ON model_prices (model_name);
CREATE INDEX idx_model_prices_source ON model_prices (source);
CREATE INDEX idx_model_prices_vendor ON model_prices ((price_data ->> 'vendor'));

CREATE TABLE message_request (
    id serial PRIMARY KEY,
    provider_id integer NOT NULL,
    user_id integer NOT NULL,
    key varchar NOT NULL,
    model varchar(128),
    duration_ms integer,
    cost_usd numeric(21,15) DEFAULT '0',
    provider_chain jsonb,
    status_code integer,
    api_type varchar(20),
    input_tokens bigint,
    output_tokens bigint,
    cache_creation_input_tokens bigint,
    cache_read_input_tokens bigint,
    error_message text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    deleted_at timestamptz,
    session_id varchar(64),
    blocked_by varchar(50),
    blocked_reason text,
    cost_multiplier numeric(10,4),
    original_model varchar(128),
    user_agent varchar(512),
    messages_count integer,
    endpoint varchar(256),
    cache_creation_5m_input_tokens bigint,
    cache_creation_1h_input_tokens bigint,
    cache_ttl_applied varchar(10),
    request_sequence integer DEFAULT 1,
    context_1m_applied boolean DEFAULT false,
    error_stack text,
    error_cause text,
    ttfb_ms integer,
    special_settings jsonb,
    swap_cache_ttl_applied boolean DEFAULT false,
    group_cost_multiplier numeric(10,4),
    cost_breakdown jsonb,
    client_ip varchar(45),
    actual_response_model varchar(128),
    hedge_losers jsonb,
    routing_trace jsonb,
    cache_compatibility_key varchar(64),
    cache_score_eligible boolean,
    cache_score_excluded_reason varchar(32),
    theoretical_cache_tokens bigint,
    cache_ttl_bucket varchar(10),
    first_byte_ms integer,
    session_identity varchar(64),
    session_identity_kind varchar(20),
    affinity_scope_tag varchar(16),
    affinity_fingerprint varchar(64),
    affinity_fingerprint_chain jsonb,
    is_replay boolean NOT NULL DEFAULT false,
    replay_source_request_id integer
);
CREATE INDEX idx_message_request_blocked_by ON message_request (blocked_by) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_client_ip_created_at
    ON message_request (client_ip, created_at DESC NULLS LAST) WHERE deleted_at IS NULL AND client_ip IS NOT NULL;
CREATE INDEX idx_message_request_created_at ON message_request (created_at);
CREATE INDEX idx_message_request_created_at_id_active
    ON message_request (created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_cursor ON message_request (created_at DESC, id DESC);
CREATE INDEX idx_message_request_deleted_at ON message_request (deleted_at);
CREATE INDEX idx_message_request_endpoint ON message_request (endpoint) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_key ON message_request (key);
CREATE INDEX idx_message_request_key_cost_active
    ON message_request (key, cost_usd) WHERE deleted_at IS NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_key_created_at_id
    ON message_request (key, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_key_endpoint_active
    ON message_request (key, endpoint)
    WHERE deleted_at IS NULL AND endpoint IS NOT NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_key_last_active
    ON message_request (key, created_at DESC NULLS LAST)
    WHERE deleted_at IS NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_key_model_active
    ON message_request (key, model)
    WHERE deleted_at IS NULL AND model IS NOT NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_model_active ON message_request (model) WHERE deleted_at IS NULL AND model IS NOT NULL;
CREATE INDEX idx_message_request_provider_created_at_active
    ON message_request (provider_id, created_at)
    WHERE deleted_at IS NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_provider_created_at_finalized_active
    ON message_request (provider_id, created_at DESC NULLS LAST) WHERE deleted_at IS NULL AND status_code IS NOT NULL;
CREATE INDEX idx_message_request_provider_id ON message_request (provider_id);
CREATE INDEX idx_message_request_proxy_status_active
    ON message_request (created_at DESC NULLS LAST, user_id)
    WHERE deleted_at IS NULL AND is_replay = false AND status_code IS NULL
        AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_proxy_status_latest
    ON message_request (user_id, updated_at DESC NULLS LAST, id DESC NULLS LAST)
    WHERE deleted_at IS NULL AND is_replay = false AND status_code IS NOT NULL
        AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_session_id ON message_request (session_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_session_id_prefix
    ON message_request (session_id varchar_pattern_ops)
    WHERE deleted_at IS NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_session_identity_created_at
    ON message_request (COALESCE(session_identity, session_id), created_at DESC NULLS LAST, id DESC NULLS LAST)
    WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_session_seq ON message_request (session_id, request_sequence) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_session_user_info
    ON message_request (session_id, created_at, user_id, key) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_status_code_active
    ON message_request (status_code) WHERE deleted_at IS NULL AND status_code IS NOT NULL;
CREATE INDEX idx_message_request_user_created_at_cost_stats
    ON message_request (user_id, created_at, cost_usd)
    WHERE deleted_at IS NULL AND (blocked_by IS NULL OR blocked_by <> 'warmup');
CREATE INDEX idx_message_request_user_date_cost
    ON message_request (user_id, created_at, cost_usd) WHERE deleted_at IS NULL;
CREATE INDEX idx_message_request_user_id ON message_request (user_id);
CREATE INDEX idx_message_request_user_query ON message_request (user_id, created_at) WHERE deleted_at IS NULL;

CREATE TABLE usage_ledger (
    id serial PRIMARY KEY,
    request_id integer NOT NULL,
    user_id integer NOT NULL,
    key varchar NOT NULL,
    provider_id integer NOT NULL,
    final_provider_id integer NOT NULL,
    model varchar(128),
    original_model varchar(128),
    endpoint varchar(256),
    api_type varchar(20),
    session_id varchar(64),
    status_code integer,
    is_success boolean NOT NULL DEFAULT false,
    blocked_by varchar(50),
    cost_usd numeric(21,15) DEFAULT '0',
    cost_multiplier numeric(10,4),
    input_tokens bigint,
    output_tokens bigint,
    cache_creation_input_tokens bigint,
    cache_read_input_tokens bigint,
    cache_creation_5m_input_tokens bigint,
    cache_creation_1h_input_tokens bigint,
    cache_ttl_applied varchar(10),
    context_1m_applied boolean DEFAULT false,
    swap_cache_ttl_applied boolean DEFAULT false,
    duration_ms integer,
    ttfb_ms integer,
    created_at timestamptz NOT NULL,
    group_cost_multiplier numeric(10,4),
    client_ip varchar(45),
    success_rate_outcome varchar(16),
    actual_response_model varchar(128),
    first_byte_ms integer,
    session_identity varchar(64),
    session_identity_kind varchar(20),
    affinity_scope_tag varchar(16),
    affinity_fingerprint varchar(64),
    affinity_fingerprint_chain jsonb,
    is_replay boolean NOT NULL DEFAULT false,
    replay_source_request_id integer
);
CREATE INDEX idx_usage_ledger_created_at_desc_id ON usage_ledger (created_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX idx_usage_ledger_created_at_minute ON usage_ledger (date_trunc('minute', (created_at AT TIME ZONE 'UTC')));
CREATE INDEX idx_usage_ledger_key_cost ON usage_ledger (key, created_at, cost_usd, endpoint) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_key_created_at ON usage_ledger (key, created_at) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_key_created_at_desc_cover
    ON usage_ledger (key, created_at DESC NULLS LAST, final_provider_id) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_model ON usage_ledger (model) WHERE model IS NOT NULL;
CREATE INDEX idx_usage_ledger_provider_cost_cover
    ON usage_ledger (final_provider_id, created_at, cost_usd, endpoint) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_provider_created_at
    ON usage_ledger (final_provider_id, created_at) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_session_id ON usage_ledger (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX idx_usage_ledger_session_identity ON usage_ledger (COALESCE(session_identity, session_id));
CREATE INDEX idx_usage_ledger_session_identity_created_at
    ON usage_ledger (COALESCE(session_identity, session_id), user_id, created_at DESC NULLS LAST)
    WHERE blocked_by IS NULL AND is_replay = false;
CREATE INDEX idx_usage_ledger_user_cost_cover
    ON usage_ledger (user_id, created_at, cost_usd, endpoint) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_user_created_at ON usage_ledger (user_id, created_at) WHERE blocked_by IS NULL;
CREATE INDEX idx_usage_ledger_user_id_reset ON usage_ledger (user_id);
CREATE UNIQUE INDEX idx_usage_ledger_request_id ON usage_ledger (request_id);

CREATE TABLE system_settings (
    id serial PRIMARY KEY,
    site_title varchar(128) NOT NULL DEFAULT 'CC Hub',
    allow_global_usage_view boolean NOT NULL DEFAULT false,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    currency_display varchar(10) NOT NULL DEFAULT 'USD',
    enable_auto_cleanup boolean DEFAULT false,
    cleanup_retention_days integer DEFAULT 30,
    cleanup_schedule varchar(50) DEFAULT '0 2 * * *',
    cleanup_batch_size integer DEFAULT 10000,
    enable_client_version_check boolean NOT NULL DEFAULT false,
    billing_model_source varchar(20) NOT NULL DEFAULT 'original',
    verbose_provider_error boolean NOT NULL DEFAULT false,
    enable_http2 boolean NOT NULL DEFAULT false,
    intercept_anthropic_warmup_requests boolean NOT NULL DEFAULT false,
    enable_response_fixer boolean NOT NULL DEFAULT true,
    response_fixer_config jsonb
        DEFAULT '{"fixTruncatedJson": true, "fixSseFormat": true, "fixEncoding": true, "maxJsonDepth": 200,
                  "maxFixSize": 1048576}',
    enable_thinking_signature_rectifier boolean NOT NULL DEFAULT true,
    enable_codex_session_id_completion boolean NOT NULL DEFAULT true,
    quota_db_refresh_interval_seconds integer DEFAULT 10,
    quota_lease_percent_5h numeric(5,4) DEFAULT 0.05,
    quota_lease_percent_daily numeric(5,4) DEFAULT 0.05,
    quota_lease_percent_weekly numeric(5,4) DEFAULT 0.05,
    quota_lease_percent_monthly numeric(5,4) DEFAULT 0.05,
    quota_lease_cap_usd numeric(10,2),
    timezone varchar(64),
    enable_thinking_budget_rectifier boolean NOT NULL DEFAULT true,
    enable_claude_metadata_user_id_injection boolean NOT NULL DEFAULT true,
    enable_billing_header_rectifier boolean NOT NULL DEFAULT true,
    enable_response_input_rectifier boolean NOT NULL DEFAULT true,
    codex_priority_billing_source varchar(20) NOT NULL DEFAULT 'requested',
    enable_high_concurrency_mode boolean NOT NULL DEFAULT false,
    ip_extraction_config jsonb,
    ip_geo_lookup_enabled boolean NOT NULL DEFAULT true,
    public_status_window_hours integer NOT NULL DEFAULT 24,
    public_status_aggregation_interval_minutes integer NOT NULL DEFAULT 5,
    pass_through_upstream_error_message boolean NOT NULL DEFAULT true,
    allow_non_conversation_endpoint_provider_fallback boolean NOT NULL DEFAULT true,
    fake_streaming_whitelist jsonb,
    enable_openai_responses_websocket boolean NOT NULL DEFAULT true,
    bill_non_successful_requests boolean NOT NULL DEFAULT false,
    bill_hedge_losers boolean NOT NULL DEFAULT true,
    enable_thinking_effort_conflict_rectifier boolean NOT NULL DEFAULT true,
    enable_gemini_function_id_rectifier boolean NOT NULL DEFAULT true,
    discovery_enabled boolean NOT NULL DEFAULT false,
    discovery_concurrency integer NOT NULL DEFAULT 2,
    max_discovery_rounds integer NOT NULL DEFAULT 2,
    discovery_sla_ms integer NOT NULL DEFAULT 10000,
    sticky_sla_ms integer NOT NULL DEFAULT 20000,
    racing_total_timeout_ms integer NOT NULL DEFAULT 60000,
    sticky_timeout_cooldown_ms integer NOT NULL DEFAULT 300000,
    stream_gate_mode varchar(10) NOT NULL DEFAULT 'enforce',
    affinity_ignore_client_session_id boolean NOT NULL DEFAULT true,
    replay_enabled boolean,
    cache_effectiveness_enabled boolean
);

CREATE TABLE audit_log (
    id serial PRIMARY KEY,
    action_category varchar(32) NOT NULL,
    action_type varchar(64) NOT NULL,
    target_type varchar(32),
    target_id varchar(64),
    target_name varchar(256),
    before_value jsonb,
    after_value jsonb,
    operator_user_id integer,
    operator_user_name varchar(128),
    operator_key_id integer,
    operator_key_name varchar(128),
    operator_ip varchar(45),
    user_agent varchar(512),
    success boolean NOT NULL,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_audit_log_category_created_at ON audit_log (action_category, created_at DESC NULLS LAST);
CREATE INDEX idx_audit_log_created_at_id ON audit_log (created_at DESC NULLS LAST, id DESC NULLS LAST);
CREATE INDEX idx_audit_log_operator_ip_created_at
    ON audit_log (operator_ip, created_at DESC NULLS LAST) WHERE operator_ip IS NOT NULL;
CREATE INDEX idx_audit_log_operator_user_created_at
    ON audit_log (operator_user_id, created_at DESC NULLS LAST) WHERE operator_user_id IS NOT NULL;
CREATE INDEX idx_audit_log_target ON audit_log (target_type, target_id) WHERE target_type IS NOT NULL;

CREATE TABLE provider_batch_apply_operations (
    claim_key varchar(256) PRIMARY KEY,
    preview_token varchar(256) NOT NULL,
    payload_fingerprint varchar(128) NOT NULL,
    operation_id varchar(256) NOT NULL,
    undo_token varchar(256) NOT NULL,
    undo_expires_at timestamptz,
    undo_consumed_at timestamptz,
    status varchar(32) NOT NULL,
    result jsonb,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_provider_batch_apply_operations_expires_at ON provider_batch_apply_operations (expires_at);
CREATE UNIQUE INDEX uniq_provider_batch_apply_operations_operation_id ON provider_batch_apply_operations (operation_id);
CREATE UNIQUE INDEX uniq_provider_batch_apply_operations_preview_token
    ON provider_batch_apply_operations (preview_token);
CREATE UNIQUE INDEX uniq_provider_batch_apply_operations_undo_token ON provider_batch_apply_operations (undo_token);

-- Has the request come to its end? A status, an error or a block says so. Without them, a last attempt that was
-- answered does; after a failed one the next provider may still be tried.
CREATE OR REPLACE FUNCTION public.fn_is_message_request_finalized(
    blocked_by varchar, status_code integer, provider_chain jsonb, error_message text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = public AS $$
DECLARE
    answered jsonb;
BEGIN
    IF blocked_by IS NOT NULL OR status_code IS NOT NULL OR coalesce(error_message, '') <> '' THEN
        RETURN true;
    END IF;
    IF jsonb_typeof(provider_chain) IS DISTINCT FROM 'array' THEN
        RETURN false;
    END IF;
    answered := provider_chain -> -1 -> 'statusCode';
    IF jsonb_typeof(answered) IS DISTINCT FROM 'number' THEN
        RETURN false;
    END IF;
    RETURN (answered #>> '{}')::numeric < 400;
END
$$;

-- How the request counts in success rates: NULL while it runs; 'excluded' when it tells nothing about a provider
-- (blocked by the hub, or the client went away: 499); else 'success' or 'failure'.
CREATE OR REPLACE FUNCTION public.fn_compute_message_request_success_rate_outcome(
    blocked_by varchar, status_code integer, error_message text, provider_chain jsonb)
RETURNS varchar LANGUAGE plpgsql IMMUTABLE SET search_path = public AS $$
BEGIN
    IF NOT public.fn_is_message_request_finalized(blocked_by, status_code, provider_chain, error_message) THEN
        RETURN NULL;
    END IF;
    IF blocked_by IS NOT NULL OR status_code = 499 THEN
        RETURN 'excluded';
    END IF;
    IF coalesce(error_message, '') = '' AND (status_code IS NULL OR status_code < 400) THEN
        RETURN 'success';
    END IF;
    RETURN 'failure';
END
$$;

-- Keep usage_ledger, which outlives the log's clean-up, in step with message_request. A failure here becomes a warning:
-- it must not cost the log row.
CREATE OR REPLACE FUNCTION public.fn_upsert_usage_ledger()
RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    path text := lower(rtrim(coalesce(NEW.endpoint, ''), '/'));
    last_id text;
    final_id integer := NEW.provider_id;
    outcome varchar;
BEGIN
    IF NEW.blocked_by = 'warmup' THEN
        UPDATE public.usage_ledger SET blocked_by = NEW.blocked_by WHERE request_id = NEW.id;
        RETURN NEW;
    END IF;
    IF path IN ('/v1/messages/count_tokens', '/v1/responses/compact') THEN
        DELETE FROM public.usage_ledger WHERE request_id = NEW.id;
        RETURN NEW;
    END IF;
    IF jsonb_typeof(NEW.provider_chain) = 'array' THEN
        last_id := NEW.provider_chain -> -1 ->> 'id';
        IF last_id ~ '^[0-9]{1,10}$' AND last_id::bigint <= 2147483647 THEN
            final_id := last_id::integer;
        END IF;
    END IF;
    outcome := public.fn_compute_message_request_success_rate_outcome(
        NEW.blocked_by, NEW.status_code, NEW.error_message, NEW.provider_chain);
    INSERT INTO public.usage_ledger (
        request_id, user_id, key, provider_id, final_provider_id, model, original_model, endpoint, api_type,
        session_id, status_code, is_success, blocked_by, cost_usd, cost_multiplier, input_tokens, output_tokens,
        cache_creation_input_tokens, cache_read_input_tokens, cache_creation_5m_input_tokens,
        cache_creation_1h_input_tokens, cache_ttl_applied, context_1m_applied, swap_cache_ttl_applied, duration_ms,
        ttfb_ms, created_at, group_cost_multiplier, client_ip, success_rate_outcome, actual_response_model,
        first_byte_ms, session_identity, session_identity_kind, affinity_scope_tag, affinity_fingerprint,
        affinity_fingerprint_chain, is_replay, replay_source_request_id)
    VALUES (
        NEW.id, NEW.user_id, NEW.key, NEW.provider_id, final_id, NEW.model, NEW.original_model, NEW.endpoint,
        NEW.api_type, NEW.session_id, NEW.status_code,
        coalesce(NEW.error_message, '') = '' AND (NEW.status_code IS NULL OR NEW.status_code < 400), NEW.blocked_by,
        CASE WHEN NEW.is_replay THEN 0 ELSE NEW.cost_usd END, NEW.cost_multiplier, NEW.input_tokens,
        NEW.output_tokens, NEW.cache_creation_input_tokens, NEW.cache_read_input_tokens,
        NEW.cache_creation_5m_input_tokens, NEW.cache_creation_1h_input_tokens, NEW.cache_ttl_applied,
        NEW.context_1m_applied, NEW.swap_cache_ttl_applied, NEW.duration_ms, NEW.ttfb_ms,
        coalesce(NEW.created_at, now()), NEW.group_cost_multiplier, NEW.client_ip, outcome, NEW.actual_response_model,
        NEW.first_byte_ms, NEW.session_identity, NEW.session_identity_kind, NEW.affinity_scope_tag,
        NEW.affinity_fingerprint, NEW.affinity_fingerprint_chain, NEW.is_replay, NEW.replay_source_request_id)
    ON CONFLICT (request_id) DO UPDATE SET
        user_id = EXCLUDED.user_id, key = EXCLUDED.key, provider_id = EXCLUDED.provider_id,
        final_provider_id = EXCLUDED.final_provider_id, model = EXCLUDED.model,
        original_model = EXCLUDED.original_model, endpoint = EXCLUDED.endpoint, api_type = EXCLUDED.api_type,
        session_id = EXCLUDED.session_id, status_code = EXCLUDED.status_code, is_success = EXCLUDED.is_success,
        blocked_by = EXCLUDED.blocked_by, cost_usd = EXCLUDED.cost_usd, cost_multiplier = EXCLUDED.cost_multiplier,
        input_tokens = EXCLUDED.input_tokens, output_tokens = EXCLUDED.output_tokens,
        cache_creation_input_tokens = EXCLUDED.cache_creation_input_tokens,
        cache_read_input_tokens = EXCLUDED.cache_read_input_tokens,
        cache_creation_5m_input_tokens = EXCLUDED.cache_creation_5m_input_tokens,
        cache_creation_1h_input_tokens = EXCLUDED.cache_creation_1h_input_tokens,
        cache_ttl_applied = EXCLUDED.cache_ttl_applied, context_1m_applied = EXCLUDED.context_1m_applied,
        swap_cache_ttl_applied = EXCLUDED.swap_cache_ttl_applied, duration_ms = EXCLUDED.duration_ms,
        ttfb_ms = EXCLUDED.ttfb_ms, created_at = EXCLUDED.created_at,
        group_cost_multiplier = EXCLUDED.group_cost_multiplier, client_ip = EXCLUDED.client_ip,
        success_rate_outcome = EXCLUDED.success_rate_outcome, actual_response_model = EXCLUDED.actual_response_model,
        first_byte_ms = EXCLUDED.first_byte_ms, session_identity = EXCLUDED.session_identity,
        session_identity_kind = EXCLUDED.session_identity_kind, affinity_scope_tag = EXCLUDED.affinity_scope_tag,
        affinity_fingerprint = EXCLUDED.affinity_fingerprint,
        affinity_fingerprint_chain = EXCLUDED.affinity_fingerprint_chain, is_replay = EXCLUDED.is_replay,
        replay_source_request_id = EXCLUDED.replay_source_request_id;
    RETURN NEW;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'usage_ledger was not written for request %: %', NEW.id, SQLERRM;
    RETURN NEW;
END
$$;

CREATE TRIGGER trg_upsert_usage_ledger AFTER INSERT OR UPDATE OF
    user_id, key, provider_id, model, original_model, endpoint, api_type, session_id, status_code, blocked_by,
    cost_usd, cost_multiplier, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens,
    cache_creation_5m_input_tokens, cache_creation_1h_input_tokens, cache_ttl_applied, context_1m_applied,
    swap_cache_ttl_applied, duration_ms, ttfb_ms, created_at, group_cost_multiplier, client_ip, actual_response_model,
    first_byte_ms, session_identity, session_identity_kind, affinity_scope_tag, affinity_fingerprint,
    affinity_fingerprint_chain, is_replay, replay_source_request_id, provider_chain, error_message
    ON message_request FOR EACH ROW EXECUTE FUNCTION public.fn_upsert_usage_ledger();
