/* The HTTP surface: one file a resource. Each handler parses, calls the domain and answers.
 */
#ifndef API_API_H
#define API_API_H

#include "audit/audit.h"
#include "auth/auth.h"
#include "http/http.h"

struct api {
    struct app *app;
    struct auth *auth;
    int64_t session_ttl_ms;
    struct follow *follow;   /* imports that can be followed (api/follow.h) */
    struct uploads *uploads; /* uploads that are kept (api/upload.h) */
    struct metrics *metrics; /* requests counted for GET /metrics (ops/metrics.h) */
};

/* The route table, for http_start(); its context is a struct api. */
extern const struct route api_routes[];
extern const size_t api_route_count;

/* For http_options.finished; the context is a struct api. */
void api_count_request(void *context, const struct http_finished *finished);

/* Shared by the resources. */
struct api *api_of(struct request *request);
struct auth_user *api_user(struct request *request);                                 /* after a guard let it pass */
struct audit_actor api_actor(struct request *request, const struct auth_user *user); /* user NULL: nobody known */

/* Guards: an administrator, and for a cookie on an unsafe method this site. They differ in where they look for the
 * credential. */
bool api_guard_admin(struct request *request, struct err *err);  /* /api/admin and /api/prices: cookie, Bearer */
bool api_guard_action(struct request *request, struct err *err); /* /api/actions: Bearer, cookie */
bool api_guard_v1(struct request *request, struct err *err);     /* /api/v1: Bearer, X-Api-Key, cookie */
bool api_guard_export(struct request *request, struct err *err);
bool api_guard_import(struct request *request, struct err *err);
bool api_guard_metrics(struct request *request, struct err *err);   /* HUBPORT_METRICS */
bool api_guard_same_site(struct request *request, struct err *err); /* for sign-in and sign-out */

/* The hub's envelopes. Successes of /api/v1 are the bare object: reply_json(). */
#define API_V1_VERSION "1.0.0"
void api_reply_action(struct request *request, json_t *data); /* 200 {"ok": true, "data": data}; takes the reference */

/* The same for JSON that is text already, as PostgreSQL wrote it with every digit; it lives in the request's arena. */
void api_reply_action_text(struct request *request, const char *json);

/* A number of the query, `fallback` when it is absent; VALIDATION_FAILED naming it when it is none or out of range. */
bool api_query_int(struct request *request, const char *name, int64_t fallback, int64_t min, int64_t max,
                   int64_t *value, struct err *err) MUST_CHECK;

/* Which part of a list, by the query's page and pageSize. */
struct api_page {
    int64_t number; /* from 1 */
    int64_t size;
};
bool api_query_page(struct request *request, int64_t default_size, int64_t max_size, struct api_page *page,
                    struct err *err) MUST_CHECK;
/* {"items", "page", "pageSize", "total", "totalPages"}; the items are JSON text. */
void api_reply_page_text(struct request *request, const struct api_page *page, int64_t total, const char *items);
/* The same as text, its items called `name`. */
const char *api_page_text(struct request *request, const struct api_page *page, int64_t total, const char *name,
                          const char *items);

/* Resources. */
void api_livez(struct request *request);
void api_readyz(struct request *request);
void api_metrics(struct request *request);
void api_v1_health(struct request *request);
void api_v1_csrf(struct request *request);
void api_login(struct request *request);
void api_logout(struct request *request);
void api_database_status(struct request *request);
void api_database_export(struct request *request);
void api_database_export_ticket(struct request *request);
void api_database_import(struct request *request);
void api_database_import_events(struct request *request);
void api_database_import_cancel(struct request *request);
void api_database_inspect(struct request *request);
void api_database_rollback(struct request *request);
void api_prices_upload(struct request *request);
void api_prices_upload_action(struct request *request);
void api_prices_preview(struct request *request);
void api_prices_export(struct request *request);
void api_audit_logs(struct request *request);
void api_audit_log(struct request *request);
void api_users_update(struct request *request);
void api_keys_update(struct request *request);
void api_providers_update(struct request *request);
void api_users_update_action(struct request *request);
void api_keys_update_action(struct request *request);
void api_providers_update_action(struct request *request);
void api_batch_fields(struct request *request);
void api_users_patch_preview(struct request *request);
void api_users_patch_apply(struct request *request);
void api_users_patch_undo(struct request *request);
void api_keys_patch_preview(struct request *request);
void api_keys_patch_apply(struct request *request);
void api_keys_patch_undo(struct request *request);
void api_providers_patch_preview(struct request *request);
void api_providers_patch_apply(struct request *request);
void api_providers_patch_undo(struct request *request);
void api_providers_delete(struct request *request);
void api_providers_delete_action(struct request *request);
void api_providers_undo_delete(struct request *request);
void api_batch_operations(struct request *request);
void api_users_list(struct request *request);
void api_users_ids(struct request *request);
void api_users_export(struct request *request);
void api_users_import(struct request *request);
void api_users_one(struct request *request);
void api_keys_list(struct request *request);
void api_keys_ids(struct request *request);
void api_keys_export(struct request *request);
void api_keys_import(struct request *request);
void api_keys_one(struct request *request);
void api_providers_list(struct request *request);
void api_providers_ids(struct request *request);
void api_providers_export(struct request *request);
void api_providers_import(struct request *request);
void api_providers_one(struct request *request);
void api_circuits_list(struct request *request);
void api_circuits_reset(struct request *request);
void api_circuits_reset_action(struct request *request);
void api_circuit_reset(struct request *request);
void api_overview(struct request *request);
void api_prices_list(struct request *request);
void api_old_prices_list(struct request *request); /* /api/prices */
void api_prices_list_action(struct request *request);
void api_prices_catalog(struct request *request);
void api_prices_exists(struct request *request);
void api_prices_exists_action(struct request *request);
void api_prices_chat_models_action(struct request *request);
void api_prices_vendors(struct request *request);
void api_prices_cloud_count(struct request *request);
void api_prices_unpriced(struct request *request);
void api_prices_sync(struct request *request);
void api_prices_sync_action(struct request *request);
void api_prices_sync_check(struct request *request);
void api_prices_sync_state(struct request *request);
void api_price_put(struct request *request);
void api_price_delete(struct request *request);
void api_price_pin(struct request *request);
void api_price_history(struct request *request);
void api_price_revert(struct request *request);
void api_page(struct request *request);
void api_page_asset(struct request *request);

/* A refusal by the backup lock, with the holder; or any other error. */
struct job;
void api_reply_job_err(struct request *request, const struct job *job, const struct err *err, json_t *more);

#endif
