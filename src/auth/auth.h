/* Who may: credentials, sessions, the login limit, cross-site checks. Compatible with the hub's (hub-contract section 2).
 *
 * Credentials that are taken, from the cookie `auth-token` or from `Authorization: Bearer`:
 * - ADMIN_TOKEN itself (constant-time compare); a virtual user, id -1, "Admin Token";
 * - a signed admin session `cch_admin_session_v1.<payload>.<signature>`, the hub's format and key, so one sign-in serves both;
 * - `sid_<uuid>`: the hub's session in Redis (`cch:session:<sid>`), whose key is validated again in the database on each use;
 * - `hps1.<payload>.<signature>`: our own session of an API key when Redis is not there, signed with ADMIN_TOKEN's derived key and
 *   validated again in the database on each use.
 * A raw API key is accepted by login only.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/arena.h"
#include "base/err.h"
#include "os/cancel.h"

#include "pg/pool.h"
#include "net/redis.h"

struct auth;

struct auth_options {
    const char *admin_token;      /* "" or "change-me": none */
    int64_t session_ttl_ms;       /* AUTH_SESSION_TTL_SECONDS, 604800 s */
    const char *sign_in_code;     /* the one-use code printed at start; NULL: none */
    struct pg_pool *pool;
    struct redis *redis;
};

struct auth *auth_new(const struct auth_options *options);
void auth_free(struct auth *auth);

struct auth_user {
    int64_t user_id;              /* -1 for ADMIN_TOKEN */
    const char *user_name;        /* "Admin Token" */
    const char *role;             /* "admin", "user" */
    const char *description;      /* may be "" */
    int64_t key_id;               /* -1 for ADMIN_TOKEN */
    const char *key_name;         /* "ADMIN_TOKEN" */
    bool admin;
    bool by_cookie;               /* set by the caller of auth_check: needs the cross-site checks */
};

/* The user behind a credential; ERR_UNAUTHENTICATED when there is none behind it, ERR_DATABASE_UNAVAILABLE when that cannot be
 * known. Lives in the arena. */
struct auth_user *auth_check(struct auth *auth, struct arena *arena, const char *credential, const struct cancel *cancel,
                             struct err *err) MUST_CHECK;

/* Sign in with ADMIN_TOKEN, a one-use code or an API key. On success `*token` is the value for the cookie. ERR_KEY_INVALID for every
 * wrong one, ERR_FORBIDDEN for a live key of a user who is no admin or may not sign in to pages, ERR_RATE_LIMITED
 * (seconds in args[0]) after 10 wrong tries in 5 minutes from `address`, for 15 minutes. */
struct auth_user *auth_login(struct auth *auth, struct arena *arena, const char *key, const char *address,
                             const struct cancel *cancel, const char **token, struct err *err) MUST_CHECK;

/* Ends what can be ended: deletes the Redis session, and our own signed sessions are remembered as ended until they expire. */
void auth_logout(struct auth *auth, struct arena *arena, const char *credential);

/* One-use ticket for an export by cookie (decision 17): 60 s. */
const char *auth_ticket_new(struct auth *auth, struct arena *arena);
bool auth_ticket_use(struct auth *auth, const char *ticket);

/* What the browser said about where a request comes from; NULL where a header is absent. */
struct auth_origin {
    const char *origin, *fetch_site, *referer, *host;
};
enum auth_site { SITE_SAME, SITE_OTHER, SITE_UNKNOWN };
/* SITE_SAME when Sec-Fetch-Site is same-origin (or none) or Origin's (else Referer's) host is Host; SITE_OTHER when any of them says another
 * site; SITE_UNKNOWN when none is there. */
enum auth_site auth_site_of(const struct auth_origin *origin);

#endif
