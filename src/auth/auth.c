/* Signing in and out. */
#include "auth/internal.h"

#include "auth/admin_session.h"
#include "auth/hub_session.h"
#include "auth/own_session.h"
#include "auth/ticket.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <sodium.h>

#define ENDED_MAX 4096 /* only holders of a good session can add one */
#define CSRF_SECRET_MIN 16
#define KEY_MAX 4096 /* bytes of what is typed as a key */

struct auth *auth_new(const struct auth_options *options)
{
    struct auth *auth = calloc(1, sizeof *auth);
    const char *token = options->admin_token == NULL ? "" : options->admin_token;
    char random_secret[65];
    if (auth == NULL || sodium_init() < 0)
        abort();
    auth->has_admin_token = token[0] != '\0' && strcmp(token, "change-me") != 0;
    text_random(random_secret, sizeof random_secret - 1);
    auth->secret = strdup(auth->has_admin_token ? token : random_secret);
    if (auth->secret == NULL)
        abort();
    sodium_memzero(random_secret, sizeof random_secret);
    crypto_hash_sha256(auth->admin_hash, (const unsigned char *)token, strlen(token));
    bool own_csrf_secret = options->csrf_secret != NULL && strlen(options->csrf_secret) >= CSRF_SECRET_MIN;
    auth->csrf_secret = strdup(own_csrf_secret ? options->csrf_secret : auth->secret);
    if (auth->csrf_secret == NULL)
        abort();
    auth->session_ttl_ms = options->session_ttl_ms;
    auth->pool = options->pool;
    auth->redis = options->redis;
    sign_in_code_set(&auth->code, options->sign_in_code, clock_mono_ms());
    auth->limit = login_limit_new(LOGIN_LIMIT_ADDRESSES);
    auth->tickets = token_set_new(TICKETS_MAX);
    auth->ended = token_set_new(ENDED_MAX);
    return auth;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    token_set_free(auth->ended);
    token_set_free(auth->tickets);
    login_limit_free(auth->limit);
    sodium_memzero(auth->csrf_secret, strlen(auth->csrf_secret));
    free(auth->csrf_secret);
    sodium_memzero(auth->secret, strlen(auth->secret));
    free(auth->secret);
    free(auth);
}

/* In Redis where the hub sees it too, else signed by us. */
static const char *make_key_session(struct auth *auth, struct arena *arena, const struct account *account)
{
    struct err err;
    int64_t now = clock_wall_ms();
    struct hub_session in_redis = {.user_id = account->user_id, .role = account->role};
    struct own_session own = {.user_id = account->user_id, .key_id = account->key_id};
    memcpy(in_redis.fingerprint, account->fingerprint, sizeof in_redis.fingerprint);
    memcpy(own.fingerprint, account->fingerprint, sizeof own.fingerprint);
    if (redis_configured(auth->redis)) {
        const char *token = hub_session_make(auth->redis, arena, &in_redis, auth->session_ttl_ms, now, &err);
        if (token != NULL)
            return token;
        log_event(LOG_WARN, "auth.session_not_in_redis", "{s:s}", "words", err.words);
    }
    return own_session_make(arena, auth->secret, &own, auth->session_ttl_ms, now);
}

static struct auth_user *sign_in_by_key(struct auth *auth, struct arena *arena, const char *key,
                                        const struct cancel *cancel, const char **token, struct err *err)
{
    struct accounts accounts = {0};
    bool any_alive = false;
    size_t length = strnlen(key, KEY_MAX + 1);
    if (length <= KEY_MAX && text_is_utf8(key, length)
        && !accounts_of_key(auth->pool, arena, key, cancel, &accounts, err))
        return NULL;
    for (size_t i = 0; i < accounts.count; i++) {
        const struct account *account = &accounts.items[i];
        if (account->alive && account->may_sign_in && account->admin) {
            *token = make_key_session(auth, arena, account);
            return account_user(arena, account);
        }
        any_alive = any_alive || account->alive;
    }
    if (any_alive)
        err_set(err, ERR_FORBIDDEN, "the key's user is not an administrator, or the key may not sign in to pages");
    else
        err_set(err, ERR_KEY_INVALID, "no living key is like this");
    return NULL;
}

static struct auth_user *sign_in(struct auth *auth, struct arena *arena, const char *key, const struct cancel *cancel,
                                 const char **token, struct err *err)
{
    if (is_admin_token(auth, key) || sign_in_code_use(&auth->code, key, clock_mono_ms())) {
        *token = admin_session_make(arena, auth->secret, auth->session_ttl_ms, clock_wall_ms());
        return admin_token_user(arena);
    }
    return sign_in_by_key(auth, arena, key, cancel, token, err);
}

/* False: the address is locked, and err says for how long. */
static bool begin_try(struct auth *auth, const char *address, struct err *err)
{
    int64_t wait_ms;
    char seconds[ERR_ARG_SIZE];
    if (login_limit_begin(auth->limit, address, clock_mono_ms(), &wait_ms))
        return true;
    snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
    err_set(err, ERR_RATE_LIMITED, "too many wrong tries from this address; %s s to wait", seconds);
    return err_args(err, seconds, NULL);
}

struct auth_user *auth_check_from(struct auth *auth, struct arena *arena, const char *credential, const char *address,
                                  const struct cancel *cancel, struct err *err)
{
    if (credential == NULL || credential[0] == '\0' || is_session(credential))
        return auth_check(auth, arena, credential, cancel, err);
    if (!begin_try(auth, address, err))
        return NULL;
    struct auth_user *user = auth_check(auth, arena, credential, cancel, err);
    login_limit_end(auth->limit, address, clock_mono_ms(), user != NULL ? LOGIN_RIGHT : LOGIN_WRONG);
    return user;
}

struct auth_user *auth_login(struct auth *auth, struct arena *arena, const char *key, const char *address,
                             const struct cancel *cancel, const char **token, struct err *err)
{
    *token = NULL;
    if (key == NULL || key[0] == '\0') {
        err_set(err, ERR_KEY_REQUIRED, "nothing was given to sign in with");
        return NULL;
    }
    if (!begin_try(auth, address, err))
        return NULL;
    struct auth_user *user = sign_in(auth, arena, key, cancel, token, err);
    enum login_outcome outcome = user != NULL                   ? LOGIN_RIGHT
                                 : err->code == ERR_KEY_INVALID ? LOGIN_WRONG
                                                                : LOGIN_NEITHER;
    login_limit_end(auth->limit, address, clock_mono_ms(), outcome);
    return user;
}

void auth_logout(struct auth *auth, struct arena *arena, const char *credential)
{
    struct err err;
    int64_t expires_ms;
    if (credential == NULL)
        return;
    if (text_starts(credential, HUB_SESSION_PREFIX)) {
        if (!hub_session_end(auth->redis, arena, credential, &err))
            log_event(LOG_WARN, "auth.session_not_ended", "{s:s}", "words", err.words);
    } else if (signed_session_alive(auth, arena, credential, &expires_ms)) {
        token_set_add(auth->ended, credential, clock_wall_ms(), expires_ms);
    }
}

const char *auth_ticket_new(struct auth *auth, struct arena *arena)
{
    return ticket_make(auth->tickets, arena, clock_mono_ms());
}

bool auth_ticket_use(struct auth *auth, const char *ticket)
{
    return ticket_use(auth->tickets, ticket, clock_mono_ms());
}
