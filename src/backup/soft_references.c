#include "backup/soft_references.h"

const struct identity identities[] = {
    {"users", {"name", "created_at", ""}},
    {"keys", {"key", "", ""}},
    {"providers", {"name", "url", ""}},
    {"provider_vendors", {"website_domain", "", ""}},
    {"provider_endpoints", {"url", "provider_type", ""}},
    {"webhook_targets", {"name", "created_at", ""}},
    {"message_request", {"key", "created_at", ""}},
    {NULL, {"", "", ""}},
};

const struct soft_reference soft_references[] = {
    {"keys", "user_id", "users", false},
    {"providers", "provider_vendor_id", "provider_vendors", false},
    {"provider_endpoints", "vendor_id", "provider_vendors", false},
    {"provider_endpoint_probe_logs", "endpoint_id", "provider_endpoints", false},
    {"provider_cache_effectiveness", "provider_id", "providers", false},
    {"notification_target_bindings", "target_id", "webhook_targets", false},
    {"message_request", "user_id", "users", false},
    {"message_request", "provider_id", "providers", false},
    {"message_request", "replay_source_request_id", "message_request", false},
    {"usage_ledger", "user_id", "users", false},
    {"usage_ledger", "provider_id", "providers", false},
    {"usage_ledger", "final_provider_id", "providers", false},
    {"usage_ledger", "request_id", "message_request", true},
    {"usage_ledger", "replay_source_request_id", "message_request", false},
    {"audit_log", "operator_user_id", "users", false},
    {"audit_log", "operator_key_id", "keys", false},
    {NULL, NULL, NULL, false},
};

const struct identity *identity_of(const char *schema, const char *table)
{
    for (const struct identity *identity = identities; identity->table != NULL; identity++)
        if (strcmp(schema, "public") == 0 && strcmp(identity->table, table) == 0)
            return identity;
    return NULL;
}
