/* What auth.c and credentials.c share. */
#ifndef AUTH_INTERNAL_H
#define AUTH_INTERNAL_H

#include "auth/account.h"
#include "auth/auth.h"
#include "auth/login_limit.h"
#include "auth/sign_in_code.h"
#include "auth/token_set.h"

/* Shared by all threads: what changes is behind the parts' own mutexes. */
struct auth {
    char *secret; /* ADMIN_TOKEN; where there is none, random: sessions signed with it end with the process */
    char *csrf_secret;
    bool has_admin_token;
    unsigned char admin_hash[32]; /* SHA-256 of ADMIN_TOKEN */
    int64_t session_ttl_ms;
    struct pg_pool *pool;
    struct redis *redis;
    struct sign_in_code code;
    struct login_limit *limit;
    struct token_set *tickets; /* monotonic clock */
    struct token_set *ended;   /* signed sessions that were signed out; wall clock */
};

bool is_admin_token(const struct auth *auth, const char *text);
bool is_session(const char *credential); /* by its form: signed, or the hub's */
struct auth_user *admin_token_user(struct arena *arena);
struct auth_user *account_user(struct arena *arena, const struct account *account);

/* Whether a signed session (ours or the hub's form) is in order, and until when. No look at the database. */
bool signed_session_alive(struct auth *auth, struct arena *arena, const char *credential,
                          int64_t *expires_ms) MUST_CHECK;

#endif
