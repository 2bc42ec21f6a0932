/* A credential that came with a request: of which kind it is, and who is behind it. */
#include "auth/internal.h"

#include "auth/admin_session.h"
#include "auth/hub_session.h"
#include "auth/own_session.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <sodium.h>

/* Hashes are compared: texts of different lengths would take different times. */
bool is_admin_token(const struct auth *auth, const char *text)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    return sodium_memcmp(hash, auth->admin_hash, sizeof hash) == 0 && auth->has_admin_token;
}

struct auth_user *admin_token_user(struct arena *arena)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);
    *user = (struct auth_user){.user_id = -1,
                               .user_name = "Admin Token",
                               .role = "admin",
                               .description = "Environment admin session",
                               .key_id = -1,
                               .key_name = "ADMIN_TOKEN",
                               .admin = true};
    return user;
}

struct auth_user *account_user(struct arena *arena, const struct account *account)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);
    *user = (struct auth_user){.user_id = account->user_id,
                               .user_name = account->user_name,
                               .role = account->role,
                               .description = account->description,
                               .key_id = account->key_id,
                               .key_name = account->key_name,
                               .admin = account->admin};
    return user;
}

static struct auth_user *nobody(struct err *err, const char *words)
{
    err_set(err, ERR_UNAUTHENTICATED, "%s", words);
    return NULL;
}

static bool is_signed(const char *credential, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(credential, prefix, length) == 0 && credential[length] == '.';
}

/* The user of a session: one of the user's keys must still be the session's and may still sign in. `key_id` 0: any. */
static struct auth_user *find_user(struct auth *auth, struct arena *arena, int64_t user_id, int64_t key_id,
                                   const char *fingerprint, const struct cancel *cancel, struct err *err)
{
    struct accounts accounts;
    if (!accounts_of_user(auth->pool, arena, user_id, cancel, &accounts, err))
        return NULL;
    for (size_t i = 0; i < accounts.count; i++) {
        const struct account *account = &accounts.items[i];
        if ((key_id == 0 || account->key_id == key_id) && account->alive && account->may_sign_in
            && strlen(fingerprint) == strlen(account->fingerprint)
            && sodium_memcmp(account->fingerprint, fingerprint, strlen(fingerprint)) == 0)
            return account_user(arena, account);
    }
    return nobody(err, "the session's key is gone, disabled, expired, or may no longer sign in");
}

static struct auth_user *check_hub_session(struct auth *auth, struct arena *arena, const char *token,
                                           const struct cancel *cancel, struct err *err)
{
    struct hub_session session;
    char admin_hex[sizeof auth->admin_hash * 2 + 1];
    if (!hub_session_find(auth->redis, arena, token, clock_wall_ms(), &session, err)) {
        if (err->code != ERR_REDIS_UNAVAILABLE)
            return NULL;
        /* To sign in again works without Redis; to wait for Redis may take for ever. */
        log_event(LOG_WARN, "auth.session_unreadable", "{s:s}", "words", err->words);
        return nobody(err, "the session is kept in Redis, which cannot be reached; sign in again");
    }
    if (!session.admin_token)
        return find_user(auth, arena, session.user_id, 0, session.fingerprint, cancel, err);
    text_hex(auth->admin_hash, sizeof auth->admin_hash, admin_hex);
    const char *fingerprint = session.fingerprint + strlen("sha256:");
    if (!auth->has_admin_token || strlen(fingerprint) != strlen(admin_hex)
        || sodium_memcmp(fingerprint, admin_hex, strlen(admin_hex)) != 0)
        return nobody(err, "the session was made with another ADMIN_TOKEN");
    return admin_token_user(arena);
}

bool signed_session_alive(struct auth *auth, struct arena *arena, const char *credential, int64_t *expires_ms)
{
    struct own_session session;
    int64_t now = clock_wall_ms();
    if (is_signed(credential, ADMIN_SESSION_PREFIX))
        return admin_session_valid(arena, credential, auth->secret, auth->session_ttl_ms, now, expires_ms);
    if (!is_signed(credential, OWN_SESSION_PREFIX)
        || !own_session_open(credential, auth->secret, auth->session_ttl_ms, now, &session))
        return false;
    *expires_ms = session.expires_ms;
    return true;
}

static struct auth_user *check_signed(struct auth *auth, struct arena *arena, const char *credential,
                                      const struct cancel *cancel, struct err *err)
{
    struct own_session session;
    int64_t expires_ms;
    if (!signed_session_alive(auth, arena, credential, &expires_ms))
        return nobody(err, "the session is not signed by this ADMIN_TOKEN, or has expired");
    if (token_set_has(auth->ended, credential, clock_wall_ms()))
        return nobody(err, "the session was signed out");
    if (is_signed(credential, ADMIN_SESSION_PREFIX))
        return admin_token_user(arena);
    if (!own_session_open(credential, auth->secret, auth->session_ttl_ms, clock_wall_ms(), &session))
        return nobody(err, "the session has expired");
    return find_user(auth, arena, session.user_id, session.key_id, session.fingerprint, cancel, err);
}

bool is_session(const char *credential)
{
    return is_signed(credential, ADMIN_SESSION_PREFIX) || is_signed(credential, OWN_SESSION_PREFIX)
           || text_starts(credential, HUB_SESSION_PREFIX);
}

struct auth_user *auth_check(struct auth *auth, struct arena *arena, const char *credential,
                             const struct cancel *cancel, struct err *err)
{
    if (credential == NULL || credential[0] == '\0')
        return nobody(err, "the request has no credential");
    if (is_admin_token(auth, credential))
        return admin_token_user(arena);
    if (is_signed(credential, ADMIN_SESSION_PREFIX) || is_signed(credential, OWN_SESSION_PREFIX))
        return check_signed(auth, arena, credential, cancel, err);
    if (text_starts(credential, HUB_SESSION_PREFIX))
        return check_hub_session(auth, arena, credential, cancel, err);
    return nobody(err, "the credential is neither ADMIN_TOKEN nor a session");
}
