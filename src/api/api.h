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
};

/* The route table, for http_start(); its context is a struct api. */
extern const struct route api_routes[];
extern const size_t api_route_count;

/* Shared by the resources. */
struct api *api_of(struct request *request);
struct auth_user *api_user(struct request *request);                                 /* after a guard let it pass */
struct audit_actor api_actor(struct request *request, const struct auth_user *user); /* user NULL: nobody known */

/* Guards. */
bool api_guard_admin(struct request *request, struct err *err);
bool api_guard_export(struct request *request, struct err *err);
bool api_guard_import(struct request *request, struct err *err);
bool api_guard_same_site(struct request *request, struct err *err); /* for sign-in and sign-out */

/* Resources. */
void api_livez(struct request *request);
void api_readyz(struct request *request);
void api_login(struct request *request);
void api_logout(struct request *request);
void api_database_status(struct request *request);
void api_database_export(struct request *request);
void api_database_export_ticket(struct request *request);
void api_database_import(struct request *request);
void api_database_rollback(struct request *request);
void api_page(struct request *request);

/* A refusal by the backup lock, with the holder; or any other error. */
struct job;
void api_reply_job_err(struct request *request, const struct job *job, const struct err *err, json_t *more);

#endif
