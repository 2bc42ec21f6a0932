/* API keys and their users, as far as signing in needs them, from the hub's tables. */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include "auth/signed_token.h"
#include "base/err.h"
#include "os/cancel.h"
#include "pg/pool.h"

/* One key with its user. Strings live in the arena. */
struct account {
    int64_t user_id, key_id;
    const char *user_name, *role, *description, *key_name;
    char fingerprint[FINGERPRINT_SIZE]; /* of the key's text */
    bool alive;                         /* key and user: not deleted, enabled, not expired (by the database's clock) */
    bool may_sign_in;                   /* can_login_web_ui */
    bool admin;
};

struct accounts {
    struct account *items;
    size_t count;
};

/* Every key of this text (`keys.key` is not unique), or of this user. None, too, when the tables are not there yet.
 * ERR_DATABASE_UNAVAILABLE; ERR_FEATURE_UNAVAILABLE when a column is missing. */
bool accounts_of_key(struct pg_pool *pool, struct arena *arena, const char *key, const struct cancel *cancel,
                     struct accounts *accounts, struct err *err) MUST_CHECK;
bool accounts_of_user(struct pg_pool *pool, struct arena *arena, int64_t user_id, const struct cancel *cancel,
                      struct accounts *accounts, struct err *err) MUST_CHECK;

#endif
