#include "auth/hub_session.h"

#include "base/text.h"

#define TOKEN_MAX 128

/* Letters, digits, - and _ only: nothing that means something in a Redis key. */
static const char *redis_key(struct arena *arena, const char *token)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strnlen(token, TOKEN_MAX + 1);
    if (!text_starts(token, HUB_SESSION_PREFIX) || length > TOKEN_MAX || length == strlen(HUB_SESSION_PREFIX)
        || strspn(token, letters) != length)
        return NULL;
    return arena_printf(arena, "cch:session:%s", token);
}

const char *hub_session_make(struct redis *redis, struct arena *arena, const struct hub_session *session,
                             int64_t ttl_ms, int64_t now_ms, struct err *err)
{
    char uuid[UUID_SIZE];
    uuid_random(uuid);
    const char *token = arena_printf(arena, HUB_SESSION_PREFIX "%s", uuid);
    const char *seconds = arena_printf(arena, "%lld", (long long)MAX(ttl_ms / 1000, 1));
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:I}", "sessionId", token, "keyFingerprint", session->fingerprint,
                  "credentialType", "session", "userId", (json_int_t)session->user_id, "userRole", session->role,
                  "createdAt", (json_int_t)now_ms, "expiresAt", (json_int_t)(now_ms + ttl_ms));
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        err_set(err, ERR_INTERNAL_ERROR, "the user's role is not UTF-8");
        return NULL;
    }
    bool ok = REDIS_CALL(redis, arena, NULL, err, "SETEX", redis_key(arena, token), seconds, text);
    free(text);
    return ok ? token : NULL;
}

static bool no_session(struct err *err, const char *words)
{
    return err_set(err, ERR_UNAUTHENTICATED, "%s", words);
}

static bool read_session(const json_t *object, int64_t now_ms, struct hub_session *session, struct err *err)
{
    json_t *user = json_object_get(object, "userId"), *expires = json_object_get(object, "expiresAt");
    const char *fingerprint = json_string_value(json_object_get(object, "keyFingerprint"));
    const char *type = json_string_value(json_object_get(object, "credentialType"));
    if (!json_is_integer(user) || !json_is_number(expires) || fingerprint == NULL)
        return no_session(err, "the session in Redis is not of the hub's form");
    if (json_number_value(expires) <= (double)now_ms)
        return no_session(err, "the session has expired");
    /* Hubs before the member existed wrote none. */
    if (type != NULL && strcmp(type, "session") != 0 && strcmp(type, "user-api-key") != 0
        && strcmp(type, "admin-token") != 0)
        return no_session(err, "the session's credentialType is not known");
    session->user_id = json_integer_value(user);
    session->role = NULL;
    session->admin_token = (type != NULL && strcmp(type, "admin-token") == 0) || session->user_id == -1;
    snprintf(session->fingerprint, sizeof session->fingerprint, "%s%s",
             text_starts(fingerprint, "sha256:") ? "" : "sha256:", fingerprint);
    return true;
}

bool hub_session_find(struct redis *redis, struct arena *arena, const char *token, int64_t now_ms,
                      struct hub_session *session, struct err *err)
{
    struct redis_reply reply;
    const char *key = redis_key(arena, token);
    if (key == NULL)
        return no_session(err, "not the form of a session's name");
    if (!redis_configured(redis))
        return no_session(err, "sessions are in Redis, and REDIS_URL is not set");
    if (!REDIS_CALL(redis, arena, &reply, err, "GET", key))
        return false;
    if (reply.kind != REDIS_TEXT)
        return no_session(err, "there is no such session");
    json_t *object = json_loadb(reply.text, reply.length, 0, NULL);
    bool ok = json_is_object(object) ? read_session(object, now_ms, session, err)
                                     : no_session(err, "the session in Redis is not of the hub's form");
    json_decref(object);
    return ok;
}

bool hub_session_end(struct redis *redis, struct arena *arena, const char *token, struct err *err)
{
    const char *key = redis_key(arena, token);
    return key == NULL || !redis_configured(redis) || REDIS_CALL(redis, arena, NULL, err, "DEL", key);
}
