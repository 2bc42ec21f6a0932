/* Who may call what, decided on the headers, before a body is read. */
#include "api/api.h"

#include "base/messages.h"
#include "base/text.h"

#include <strings.h>

/* A multipart body is larger than its file by its boundaries and fields. */
#define MULTIPART_SLACK ((uint64_t)64 * 1024)

struct api *api_of(struct request *request)
{
    return request_context(request);
}

struct auth_user *api_user(struct request *request)
{
    return request_user(request);
}

struct audit_actor api_actor(struct request *request, const struct auth_user *user)
{
    struct audit_actor actor = {.address = request_remote(request),
                                .user_agent = request_header(request, "User-Agent")};
    if (user != NULL) {
        actor.user_id = user->user_id;
        actor.user_name = user->user_name;
        actor.key_id = user->key_id;
        actor.key_name = user->key_name;
    }
    return actor;
}

static enum auth_site site_of(struct request *request)
{
    struct auth_origin origin = {.origin = request_header(request, "Origin"),
                                 .fetch_site = request_header(request, "Sec-Fetch-Site"),
                                 .referer = request_header(request, "Referer"),
                                 .host = request_header(request, "Host")};
    return auth_site_of(&origin);
}

/* ---- Credentials ------------------------------------------------------------------------------------------------- */

static const char *from_cookie(struct request *request)
{
    const char *cookie = request_cookie(request, "auth-token");
    return cookie != NULL && cookie[0] != '\0' ? cookie : NULL;
}

static const char *from_bearer(struct request *request)
{
    const char *header = request_header(request, "Authorization");
    return header != NULL && strncasecmp(header, "Bearer ", 7) == 0 ? header + 7 : NULL;
}

static const char *from_api_key(struct request *request)
{
    return request_header(request, "X-Api-Key");
}

/* Where each surface of the hub looks, and in which order (hub-contract section 2.2). The first that is there counts: a
 * bad one is not rescued by the next. */
typedef const char *(*credential_place)(struct request *request);
static const credential_place admin_places[] = {from_cookie, from_bearer, NULL},
                              action_places[] = {from_bearer, from_cookie, NULL},
                              v1_places[] = {from_bearer, from_api_key, from_cookie, NULL};

static struct auth_user *identify(struct request *request, const credential_place *places, struct err *err)
{
    const char *credential = NULL;
    bool by_cookie = false;
    for (; credential == NULL && *places != NULL; places++) {
        credential = (*places)(request);
        by_cookie = *places == from_cookie;
    }
    if (credential == NULL) {
        err_set(err, ERR_CREDENTIAL_MISSING, "no credential in the request");
        return NULL;
    }
    struct auth_user *user =
        auth_check_from(api_of(request)->auth, request_arena(request), credential, request_remote(request), NULL, err);
    if (user != NULL) {
        user->by_cookie = by_cookie;
        user->credential = credential;
        request_set_user(request, user);
    }
    return user;
}

static bool is_admin(struct request *request, const credential_place *places, struct err *err)
{
    struct auth_user *user = identify(request, places, err);
    if (user == NULL)
        return false;
    return user->admin || err_set(err, ERR_FORBIDDEN, "the user %lld is no administrator", (long long)user->user_id);
}

/* ---- Guards ------------------------------------------------------------------------------------------------------ */

/* A cookie goes along with requests that other sites make; a header does not. */
static bool is_meant(struct request *request, struct err *err)
{
    struct auth_user *user = api_user(request);
    bool safe = strcmp(request_method(request), "GET") == 0;
    if (safe || !user->by_cookie || site_of(request) == SITE_SAME
        || auth_csrf_check(api_of(request)->auth, request_arena(request), user->credential, user,
                           request_header(request, "X-CCH-CSRF")))
        return true;
    return err_set(err, ERR_CSRF_REJECTED,
                   "a request with a cookie needs Origin or Sec-Fetch-Site of this site, or X-CCH-CSRF");
}

bool api_guard_admin(struct request *request, struct err *err)
{
    return is_admin(request, admin_places, err) && is_meant(request, err);
}

bool api_guard_action(struct request *request, struct err *err)
{
    return is_admin(request, action_places, err) && is_meant(request, err);
}

bool api_guard_v1(struct request *request, struct err *err)
{
    reply_header(request, "X-API-Version", API_V1_VERSION);
    return is_admin(request, v1_places, err) && is_meant(request, err);
}

/* A link on another site can start a download, and on plain http a browser says nothing about where it comes from. */
bool api_guard_export(struct request *request, struct err *err)
{
    if (!is_admin(request, admin_places, err))
        return false;
    enum auth_site site = site_of(request);
    const char *ticket = request_query(request, "ticket");
    if (!api_user(request)->by_cookie || site == SITE_SAME)
        return true;
    if (site == SITE_OTHER)
        return err_set(err, ERR_CSRF_REJECTED, "an export cannot be started from another site");
    if (ticket != NULL && auth_ticket_use(api_of(request)->auth, ticket))
        return true;
    return err_set(err, ERR_TICKET_REQUIRED, "POST /api/admin/database/export-ticket, then export?ticket=...");
}

bool api_guard_import(struct request *request, struct err *err)
{
    struct arena *arena = request_arena(request);
    uint64_t limit = config_bytes(api_of(request)->app->config, SETTING_MAX_UPLOAD);
    int64_t length = request_length(request);
    if (!api_guard_admin(request, err))
        return false;
    if (length < 0 || (uint64_t)length <= limit + MULTIPART_SLACK)
        return true;
    err_set(err, ERR_FILE_TOO_LARGE, "%s",
            MESSAGE(arena, request_lang(request), MSG_TOO_LARGE_DETAILS, text_bytes(arena, (uint64_t)length),
                    text_bytes(arena, limit)));
    return err_args(err, text_bytes(arena, limit), NULL);
}

bool api_guard_same_site(struct request *request, struct err *err)
{
    if (site_of(request) != SITE_OTHER)
        return true;
    return err_set(err, ERR_CSRF_REJECTED, "sign-in from another site");
}
