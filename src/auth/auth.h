/* Who may: credentials, sessions, the login limit, cross-site checks, all compatible with the hub's.
 *
 * Credentials that are taken, from the cookie `auth-token` or from `Authorization: Bearer`:
 * - ADMIN_TOKEN itself (constant-time compare); a virtual user, id -1, "Admin Token";
 * - a signed admin session `cch_admin_session_v1.<payload>.<signature>`, in the hub's format and with the hub's key, so
 *   that one sign-in serves both;
 * - `sid_<uuid>`: the hub's session in Redis (`cch:session:<sid>`), whose key is validated again in the database on
 *   each use;
 * - `hps1.<payload>.<signature>`: our own session of an API key when Redis is not there, signed with a key derived from
 *   ADMIN_TOKEN and validated again in the database on each use.
 *
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
    const char *admin_token;  /* "" or "change-me": none */
    int64_t session_ttl_ms;   /* AUTH_SESSION_TTL_SECONDS, 604800 s */
    const char *csrf_secret;  /* CSRF_SECRET; under 16 characters: ADMIN_TOKEN stands for it */
    const char *sign_in_code; /* the one-use code printed at start; NULL: none */
    struct pg_pool *pool;
    struct redis *redis;
};

/* Copies the texts; borrows pool and redis. Shared by all threads. */
struct auth *auth_new(const struct auth_options *options);
void auth_free(struct auth *auth); /* NULL is ignored */

struct auth_user {
    int64_t user_id;         /* -1 for ADMIN_TOKEN */
    const char *user_name;   /* "Admin Token" */
    const char *role;        /* "admin", "user" */
    const char *description; /* may be "" */
    int64_t key_id;          /* -1 for ADMIN_TOKEN */
    const char *key_name;    /* "ADMIN_TOKEN" */
    bool admin;
    bool by_cookie;         /* set by the caller of auth_check: needs the cross-site checks */
    const char *credential; /* by the caller too: what the request came with */
};

/* The user behind a credential; ERR_UNAUTHENTICATED when there is none behind it, ERR_DATABASE_UNAVAILABLE
 * (ERR_FEATURE_UNAVAILABLE when the tables lack a column) when that cannot be known. Lives in the arena. ADMIN_TOKEN
 * and signed admin sessions are checked without the database. A `sid_` session while Redis cannot be reached is
 * ERR_UNAUTHENTICATED: to sign in again helps, as login does without Redis. The user may be no administrator: look at
 * `admin`. */
struct auth_user *auth_check(struct auth *auth, struct arena *arena, const char *credential,
                             const struct cancel *cancel, struct err *err) MUST_CHECK;

/* The same for a request from `address`: a text that is no session and not ADMIN_TOKEN counts as a wrong try, as in
 * auth_login, so that the token cannot be guessed through `Authorization` either. ERR_RATE_LIMITED while the address is
 * locked. */
struct auth_user *auth_check_from(struct auth *auth, struct arena *arena, const char *credential, const char *address,
                                  const struct cancel *cancel, struct err *err) MUST_CHECK;

/* Sign in with ADMIN_TOKEN, a one-use code (12 h) or an API key. On success `*token` is the value for the cookie: an
 * admin session, or for a key `sid_` where Redis answers, else `hps1`. ERR_KEY_INVALID for every wrong one,
 * ERR_FORBIDDEN for a live key of a user who is no admin or may not sign in to pages, ERR_RATE_LIMITED (seconds in
 * args[0]) after 10 wrong tries in 5 minutes from `address`, for 15 minutes, ERR_KEY_REQUIRED for NULL and "". Only
 * ERR_KEY_INVALID counts as a wrong try; only success forgets them. On a fresh database without the hub's tables every
 * key is wrong and ADMIN_TOKEN works. */
struct auth_user *auth_login(struct auth *auth, struct arena *arena, const char *key, const char *address,
                             const struct cancel *cancel, const char **token, struct err *err) MUST_CHECK;

/* Ends what can be ended: deletes the Redis session; a signed session (ours or an admin's) is remembered as ended until
 * it expires, in this process only: the hub, another server, and this one after a restart would still take it from
 * whoever kept a copy. */
void auth_logout(struct auth *auth, struct arena *arena, const char *credential);

/* One-use ticket for an export by cookie without a word of where it comes from: 60 s. At most 1,000 are out at a time,
 * the oldest give way. */
const char *auth_ticket_new(struct auth *auth, struct arena *arena);
bool auth_ticket_use(struct auth *auth, const char *ticket);

/* The hub's token for the header X-CCH-CSRF: bound to the credential and the user, good for 30 to 60 minutes. */
const char *auth_csrf_token(struct auth *auth, struct arena *arena, const char *credential,
                            const struct auth_user *user);
bool auth_csrf_check(struct auth *auth, struct arena *arena, const char *credential, const struct auth_user *user,
                     const char *token) MUST_CHECK;

/* What the browser said about where a request comes from; NULL where a header is absent. */
struct auth_origin {
    const char *origin, *fetch_site, *referer, *host;
};
enum auth_site { SITE_SAME, SITE_OTHER, SITE_UNKNOWN };
/* SITE_OTHER when any of them says another site (Origin "null" does); else SITE_SAME when Sec-Fetch-Site is same-origin
 * (or none) or Origin's or Referer's host and port are Host's; SITE_UNKNOWN when none is there. An empty header counts
 * as absent. */
enum auth_site auth_site_of(const struct auth_origin *origin);

#endif
