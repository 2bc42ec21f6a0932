/* The table of routes. */
#include "api/api.h"

#define SMALL_BODY ((size_t)16 * 1024)

const struct route api_routes[] = {
    {"GET", "/livez", NULL, api_livez, 0, false, ERROR_PLAIN},
    {"GET", "/readyz", NULL, api_readyz, 0, false, ERROR_PLAIN},
    {"POST", "/api/auth/login", api_guard_same_site, api_login, SMALL_BODY, false, ERROR_PLAIN},
    {"POST", "/api/auth/logout", api_guard_same_site, api_logout, SMALL_BODY, false, ERROR_PLAIN},
    {"GET", "/api/admin/database/status", api_guard_admin, api_database_status, 0, false, ERROR_PLAIN},
    {"GET", "/api/admin/database/export", api_guard_export, api_database_export, 0, true, ERROR_PLAIN},
    {"POST", "/api/admin/database/export-ticket", api_guard_admin, api_database_export_ticket, SMALL_BODY, false,
     ERROR_PLAIN},
    {"POST", "/api/admin/database/import", api_guard_import, api_database_import, 0, true, ERROR_PLAIN},
    {"GET", "/api/admin/database/import/{id}/events", api_guard_admin, api_database_import_events, 0, true,
     ERROR_PLAIN},
    {"POST", "/api/admin/database/import/{id}:cancel", api_guard_admin, api_database_import_cancel, SMALL_BODY, false,
     ERROR_PLAIN},
    {"POST", "/api/admin/database/rollback", api_guard_admin, api_database_rollback, SMALL_BODY, false, ERROR_PLAIN},
    {"GET", "/api/v1/health", NULL, api_v1_health, 0, false, ERROR_PROBLEM},
    {"GET", "/api/v1/auth/csrf", api_guard_v1, api_v1_csrf, 0, false, ERROR_PROBLEM},
    {"POST", "/api/v1/model-prices:upload", api_guard_v1, api_prices_upload, 0, true, ERROR_PROBLEM},
    {"POST", "/api/v1/model-prices:preview", api_guard_v1, api_prices_preview, 0, true, ERROR_PROBLEM},
    {"GET", "/api/v1/model-prices:export", api_guard_v1, api_prices_export, 0, true, ERROR_PROBLEM},
    {"POST", "/api/actions/model-prices/uploadPriceTable", api_guard_action, api_prices_upload_action, 0, true,
     ERROR_ACTION},
    {"GET", "/api/v1/audit-logs", api_guard_v1, api_audit_logs, 0, false, ERROR_PROBLEM},
    {"GET", "/api/v1/audit-logs/{id}", api_guard_v1, api_audit_log, 0, false, ERROR_PROBLEM},
    {"GET", "/api/v1/overview", api_guard_v1, api_overview, 0, false, ERROR_PROBLEM},
    {"GET", "/", NULL, api_page, 0, false, ERROR_PLAIN},
    {"GET", "/assets/{file}", NULL, api_page_asset, 0, false, ERROR_PLAIN},
    {"GET", "/{file}", NULL, api_page, 0, false, ERROR_PLAIN},
};
const size_t api_route_count = ARRAY_LEN(api_routes);
