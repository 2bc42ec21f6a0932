/* Price tables: upload, preview and export (hub-contract section 4.7), as JSON {"content": ...}, as a file of a form,
 * or as the body itself. */
#include "api/prices.h"

#include "base/text.h"
#include "http/multipart.h"
#include "prices/export.h"
#include "prices/import.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE ((size_t)64 * 1024)
#define FIELDS_SIZE_MAX (1 * MIB) /* all that is no table */

struct table_upload {
    struct request *request;
    const char *content_name;
    char *body;
    size_t body_size, body_room;
    const char *text; /* the table, in the body */
    size_t text_size;
    struct price_import_options options;
};

/* ---- The body ---------------------------------------------------------------------------------------------------- */

static bool too_large(struct table_upload *upload, struct err *err)
{
    uint64_t limit = config_bytes(api_of(upload->request)->app->config, SETTING_PRICE_TABLE_MAX);
    err_set(err, ERR_PRICE_TABLE_TOO_LARGE, "the request holds more than PRICE_TABLE_MAX allows");
    return err_args(err, text_bytes(request_arena(upload->request), limit), NULL);
}

static char *make_room(struct table_upload *upload)
{
    if (upload->body_room - upload->body_size < PIECE) {
        int64_t length = request_length(upload->request);
        size_t expected = length > 0 && upload->body_room == 0 ? (size_t)length + 1 : 2 * upload->body_room;
        upload->body_room = upload->body_size + MAX(PIECE, expected);
        upload->body = realloc(upload->body, upload->body_room);
        if (upload->body == NULL)
            abort();
    }
    return upload->body + upload->body_size;
}

/* In JSON a character of the table may take two. `form` NULL: the body itself. */
static bool read_all(struct table_upload *upload, struct multipart *form, size_t times, struct err *err)
{
    uint64_t limit =
        times * config_bytes(api_of(upload->request)->app->config, SETTING_PRICE_TABLE_MAX) + FIELDS_SIZE_MAX;
    int64_t length = request_length(upload->request);
    if (length > 0 && (uint64_t)length > limit)
        return too_large(upload, err);
    for (;;) {
        char *room = make_room(upload);
        ssize_t got =
            form == NULL ? request_read(upload->request, room, PIECE, err) : multipart_read(form, room, PIECE, err);
        if (got <= 0)
            return got == 0;
        upload->body_size += (size_t)got;
        if (upload->body_size > limit)
            return too_large(upload, err);
    }
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static bool invalid(struct err *err, const char *name, const char *words)
{
    err_set(err, ERR_VALIDATION_FAILED, "%s %s", name, words);
    return err_args(err, name, NULL);
}

static bool set_source(struct table_upload *upload, const char *text, struct err *err)
{
    static const char *const sources[] = {"litellm", "cloud", "manual"};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (strcmp(text, sources[i]) == 0) {
            upload->options.source = sources[i];
            return true;
        }
    return invalid(err, "source", "must be litellm, cloud or manual");
}

static void add_name(struct table_upload *upload, struct price_names *names, const char *name)
{
    if (name[0] != '\0')
        *(const char **)arena_push(request_arena(upload->request), &names->items, names->count++, sizeof name) = name;
}

static bool set_names(struct table_upload *upload, const char *option, struct price_names *names, struct jtext value,
                      struct err *err)
{
    struct jtext_walk walk = jtext_enter(value);
    struct jtext key, one;
    bool ok = jtext_kind(value) == JTEXT_ARRAY;
    while (ok && jtext_next(&walk, &key, &one)) {
        ok = jtext_kind(one) == JTEXT_STRING && jtext_storable(one);
        add_name(upload, names, jtext_string(request_arena(upload->request), one, NULL));
    }
    return ok || invalid(err, option, "must be a list of names");
}

static struct price_names *names_of(struct table_upload *upload, const char *option)
{
    return strcmp(option, "overwriteManual") == 0 ? &upload->options.overwrite_manual
           : strcmp(option, "confirm") == 0       ? &upload->options.confirm
                                                  : NULL;
}

/* An option of the JSON body. */
static bool take_member(struct table_upload *upload, const char *name, struct jtext value, struct err *err)
{
    enum jtext_kind kind = jtext_kind(value);
    struct price_names *names = names_of(upload, name);
    if (names != NULL)
        return set_names(upload, name, names, value, err);
    if (strcmp(name, "source") == 0)
        return kind == JTEXT_STRING ? set_source(upload, jtext_string(request_arena(upload->request), value, NULL), err)
                                    : invalid(err, name, "must be litellm, cloud or manual");
    if (strcmp(name, "guard") == 0) {
        upload->options.guard = *value.at == 't';
        return kind == JTEXT_BOOL || invalid(err, name, "must be true or false");
    }
    return invalid(err, name, "is not known here");
}

/* An option of the query or of a form: lists are separated by commas. */
static bool take_text(struct table_upload *upload, const char *name, const char *text, struct err *err)
{
    struct price_names *names = names_of(upload, name);
    if (strcmp(name, "source") == 0)
        return set_source(upload, text, err);
    if (strcmp(name, "guard") == 0) {
        upload->options.guard = strcmp(text, "true") == 0;
        return upload->options.guard || strcmp(text, "false") == 0 || invalid(err, name, "must be true or false");
    }
    if (names == NULL)
        return invalid(err, name, "is not known here");
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        add_name(upload, names, arena_strndup(request_arena(upload->request), text, length));
        text += length + (text[length] == ',');
    }
    return true;
}

/* ---- The ways to send a table ------------------------------------------------------------------------------------ */

static bool take_json(struct table_upload *upload, struct err *err)
{
    struct jtext root, key, value, content = {0};
    struct jtext_fault fault;
    if (!read_all(upload, NULL, 2, err))
        return false;
    if (!jtext_check(upload->body, upload->body_size, &root, &fault))
        return err_set(err, ERR_MALFORMED_BODY, "line %zu, column %zu: %s", fault.line, fault.column, fault.what);
    if (jtext_kind(root) != JTEXT_OBJECT)
        return err_set(err, ERR_MALFORMED_BODY, "line 1, column 1: the body must be a JSON object");
    struct jtext_walk walk = jtext_enter(root);
    while (jtext_next(&walk, &key, &value)) {
        const char *name =
            text_utf8(request_arena(upload->request), jtext_string(request_arena(upload->request), key, NULL));
        if (strcmp(name, upload->content_name) != 0) {
            if (!take_member(upload, name, value, err))
                return false;
            continue;
        }
        if (jtext_kind(value) != JTEXT_STRING || content.at != NULL)
            return invalid(err, name, "must be one text: the table");
        content = value;
    }
    if (content.at == NULL)
        return invalid(err, upload->content_name, "is missing");
    upload->text = content.at;
    upload->text_size = jtext_decode(content, upload->body + (content.at - upload->body));
    return true;
}

static bool take_form(struct table_upload *upload, struct err *err)
{
    struct multipart *form = multipart_open(upload->request, err);
    struct part part;
    int next = 0;
    while (form != NULL && (next = multipart_next(form, &part, err)) > 0) {
        const char *text = NULL;
        bool is_file = strcmp(part.name, "file") == 0;
        if (is_file && upload->text != NULL)
            return invalid(err, "file", "stands there twice");
        if (is_file ? !read_all(upload, form, 1, err)
                    : (text = multipart_text(form, err)) == NULL || !take_text(upload, part.name, text, err))
            return false;
        upload->text = is_file ? upload->body : upload->text;
        upload->text_size = upload->body_size;
    }
    if (form == NULL || next < 0)
        return false;
    return upload->text != NULL || invalid(err, "file", "is missing");
}

static bool take_plain(struct table_upload *upload, struct err *err)
{
    static const char *const names[] = {"source", "overwriteManual", "confirm", "guard"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = request_query(upload->request, names[i]);
        if (text != NULL && !take_text(upload, names[i], text, err))
            return false;
    }
    if (!read_all(upload, NULL, 1, err))
        return false;
    upload->text = upload->body;
    upload->text_size = upload->body_size;
    return true;
}

static bool receive(struct table_upload *upload, struct err *err)
{
    const char *type = request_header(upload->request, "Content-Type");
    if (type == NULL || strncasecmp(type, "application/json", 16) == 0)
        return take_json(upload, err);
    if (strncasecmp(type, "multipart/form-data", 19) == 0)
        return take_form(upload, err);
    for (size_t i = 0; i < 3; i++) {
        const char *const plain[] = {"text/plain", "application/toml", "application/octet-stream"};
        if (strncasecmp(type, plain[i], strlen(plain[i])) == 0)
            return take_plain(upload, err);
    }
    err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "also multipart/form-data, text/plain, application/toml");
    return err_args(err, "application/json", NULL);
}

/* ---- The endpoints ----------------------------------------------------------------------------------------------- */

static json_t *failures(const struct price_table *table)
{
    json_t *list = json_array();
    for (size_t i = 0; i < table->failed_count && i < 100; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "model", table->failed[i].model, "reason", table->failed[i].reason));
    return json_pack("{s:o}", "failed", list);
}

/* NULL: answered. */
static json_t *import_upload(struct table_upload *upload, bool legacy)
{
    struct price_job job = api_price_job(upload->request);
    struct price_import_result result;
    struct price_table table = {0};
    struct err err;
    json_t *answer = NULL;
    bool received = receive(upload, &err);
    upload->options.catalogue = strcmp(upload->options.source, "cloud") == 0;
    if (received && price_table_read(&job, upload->text, upload->text_size, &table, &err)
        && prices_import(&job, &table, &upload->options, &result, &err))
        answer = prices_import_json(&result, &upload->options, legacy);
    else
        reply_err(upload->request, &err, table.failed_count == 0 ? NULL : failures(&table));
    free(upload->body);
    return answer;
}

static struct table_upload upload_of(struct request *request, const char *content_name)
{
    return (struct table_upload){
        .request = request,
        .content_name = content_name,
        .options = {.source = "litellm", .action = "upload", .audit_type = "model_price.bulk_upload"}};
}

void api_prices_upload(struct request *request)
{
    struct table_upload upload = upload_of(request, "content");
    json_t *answer = import_upload(&upload, false);
    if (answer != NULL)
        reply_json(request, 200, answer);
}

void api_prices_preview(struct request *request)
{
    struct table_upload upload = upload_of(request, "content");
    upload.options.preview = true;
    upload.options.list_missing = true;
    json_t *answer = import_upload(&upload, false);
    if (answer != NULL)
        reply_json(request, 200, answer);
}

void api_prices_upload_action(struct request *request)
{
    struct table_upload upload = upload_of(request, "jsonContent");
    json_t *answer = import_upload(&upload, true);
    if (answer != NULL)
        api_reply_action(request, answer);
}

/* ---- Export ------------------------------------------------------------------------------------------------------ */

void api_prices_export(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct price_export_options options;
    struct err err;
    struct price_export *export = NULL;
    if (price_export_parse(request_query(request, "format"), request_query(request, "source"), &options, &err))
        export = price_export_begin(&job, &options, &err);
    if (export == NULL) {
        reply_err(request, &err, NULL);
        return;
    }
    reply_header(request, "Content-Disposition",
                 arena_printf(job.arena, "attachment; filename=\"%s\"", price_export_file_name(export)));
    reply_header(request, "Cache-Control", "no-store");
    bool ok = reply_begin(request, 200, price_export_type(export), &err)
              && price_export_copy(export, reply_fd(request), &err);
    price_export_end(export);
    if (!ok)
        reply_break(request);
}
