/* hubport status, config, doctor, migrate */
#include "cli/command.h"

#include "backup/status.h"
#include "base/text.h"
#include "ops/health.h"
#include "pg/migrate.h"

static void print_member(const char *name, json_t *value)
{
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    printf("%-16s %s\n", name, text == NULL ? json_string_value(value) : text);
    free(text);
}

int command_status(struct invocation *invocation)
{
    int status;
    const char *name;
    json_t *value;
    struct app *app = command_open(invocation, &status);
    if (app == NULL)
        return status;
    struct job job = command_job(invocation, app);
    json_t *state = backup_status(&job);
    status = json_is_true(json_object_get(state, "isAvailable")) ? 0 : err_exit_status(ERR_DATABASE_UNAVAILABLE);
    if (invocation->json) {
        command_print_json(json_incref(state));
    } else {
        json_object_foreach(state, name, value) print_member(name, value);
    }
    json_decref(state);
    app_close(app);
    return status;
}

int command_config(struct invocation *invocation)
{
    json_t *list = json_array();
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct setting_row row = config_row(invocation->config, invocation->arena, (enum setting)i, invocation->lang);
        if (!invocation->json)
            printf("%-28s %-36s (%s)\n", row.env, row.value, row.source);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", row.env, "flag", row.flag, "value",
                                              text_utf8(invocation->arena, row.value), "source", row.source));
    }
    if (invocation->json)
        command_print_json(json_incref(list));
    json_decref(list);
    return 0;
}

int command_doctor(struct invocation *invocation)
{
    struct health_check *checks;
    size_t count;
    int status;
    struct app *app = command_open(invocation, &status);
    if (app == NULL)
        return status;
    enum health_state worst = health_run(app, invocation->arena, invocation->lang, &checks, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (!invocation->json)
            printf("%-10s %-9s %s%s%s\n", checks[i].name, health_state_name(checks[i].state), checks[i].found,
                   checks[i].advice[0] == '\0' ? "" : "\n                     -> ", checks[i].advice);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", checks[i].name, "state",
                                              health_state_name(checks[i].state), "found",
                                              text_utf8(invocation->arena, checks[i].found), "advice",
                                              text_utf8(invocation->arena, checks[i].advice)));
    }
    if (invocation->json)
        command_print_json(json_incref(list));
    json_decref(list);
    app_close(app);
    return worst == HEALTH_FAILED ? err_exit_status(ERR_DATABASE_UNAVAILABLE) : 0;
}

int command_migrate(struct invocation *invocation)
{
    struct err err;
    struct migrate_result result;
    int status;
    struct app *app = command_open(invocation, &status);
    if (app == NULL)
        return status;
    struct pg_conn *conn = app_connect(app, NULL, "hubport", invocation->cancel, &err);
    bool ok =
        conn != NULL && migrate_apply(conn, config_bool(invocation->config, SETTING_CREATE_SCHEMA), &result, &err);
    if (!ok)
        status = command_fail(invocation, &err, NULL);
    else if (invocation->json)
        command_print_json(json_pack("{s:b, s:i, s:b, s:b}", "ok", 1, "applied", result.applied, "createdHub",
                                     result.created_hub, "hubLedger", result.hub_ledger));
    else
        printf("%s: %d\n", command_say(invocation, "已执行的迁移", "Migrations applied"), result.applied);
    pg_close(conn);
    app_close(app);
    return status;
}
