/* Sign-in and sign-out (hub-contract section 2.3). */
#include "api/api.h"

#include "base/text.h"

#include <strings.h>

static bool secure_cookies(struct request *request)
{
    const char *setting = config_text(api_of(request)->app->config, SETTING_SECURE_COOKIES);
    const char *proto = request_header(request, "X-Forwarded-Proto");
    if (strcmp(setting, "auto") != 0)
        return strcmp(setting, "true") == 0;
    return proto != NULL && strcasecmp(proto, "https") == 0;
}

static void set_cookie(struct request *request, const char *token, int64_t max_age_s)
{
    reply_header(request, "Set-Cookie",
                 arena_printf(request_arena(request), "auth-token=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                              token, (long long)max_age_s, secure_cookies(request) ? "; Secure" : ""));
}

static void audit_login(struct request *request, const struct auth_user *user, const struct err *failure)
{
    static const struct {
        enum err_code code;
        const char *type;
    } types[] = {{ERR_RATE_LIMITED, "login.rate_limited"}};
    const char *type = failure == NULL ? "login.success" : "login.failure";
    for (size_t i = 0; failure != NULL && i < ARRAY_LEN(types); i++)
        if (types[i].code == failure->code)
            type = types[i].type;
    struct audit_actor actor = api_actor(request, user);
    json_t *after = user == NULL ? NULL : json_pack("{s:s}", "loginType", "admin");
    struct audit_event event = {.category = "auth",
                                .type = type,
                                .after = after,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : err_name(failure->code)};
    if (user != NULL) {
        event.target_type = "user";
        event.target_id = arena_printf(request_arena(request), "%lld", (long long)user->user_id);
        event.target_name = user->user_name;
    }
    audit_write(api_of(request)->app, &actor, &event);
    json_decref(after);
}

/* The hub's clients look for errorCode; 429 tells when to try again. */
static void refuse(struct request *request, const struct err *err)
{
    if (err->code == ERR_RATE_LIMITED)
        reply_header(request, "Retry-After", err->args[0]);
    reply_err(request, err, json_pack("{s:s}", "errorCode", err_name(err->code)));
}

void api_login(struct request *request)
{
    struct api *api = api_of(request);
    struct err err;
    const char *key = NULL, *token = NULL;
    struct auth_user *user = NULL;
    json_t *body = request_json(request, &err);
    if (body == NULL) {
        reply_err(request, &err, NULL);
        return;
    }
    (void)json_unpack(body, "{s:s}", "key", &key);
    if (key == NULL || key[0] == '\0')
        err_set(&err, ERR_KEY_REQUIRED, "the body has no \"key\"");
    else
        user = auth_login(api->auth, request_arena(request), key, request_remote(request), request_cancel(request),
                          &token, &err);
    json_decref(body);
    audit_login(request, user, user == NULL ? &err : NULL);
    if (user == NULL) {
        refuse(request, &err);
        return;
    }
    set_cookie(request, token, api->session_ttl_ms / 1000);
    reply_json(request, 200,
               json_pack("{s:b, s:{s:I, s:s, s:s, s:s}, s:s, s:s}", "ok", 1, "user", "id", (json_int_t)user->user_id,
                         "name", user->user_name, "description", user->description, "role", user->role, "redirectTo",
                         "/dashboard", "loginType", "admin"));
}

void api_logout(struct request *request)
{
    const char *credential = request_cookie(request, "auth-token");
    if (credential != NULL)
        auth_logout(api_of(request)->auth, request_arena(request), credential);
    set_cookie(request, "", 0);
    reply_json(request, 200, json_pack("{s:b}", "ok", 1));
}

void api_v1_csrf(struct request *request)
{
    const struct auth_user *user = api_user(request);
    reply_json(request, 200,
               json_pack("{s:s}", "csrfToken",
                         auth_csrf_token(api_of(request)->auth, request_arena(request), user->credential, user)));
}
