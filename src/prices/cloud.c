#include "prices/cloud.h"

#include "base/clock.h"
#include "net/fetch.h"

#define VERSION_DIGITS 16

static const char *table_url(const struct price_job *job)
{
    return config_text(job->app->config, SETTING_PRICE_TABLE_URL);
}

/* What is wrong with the cloud's table is the cloud's fault, not that of who asked for it. */
static bool read_table(const struct price_job *job, struct price_cloud *cloud, struct err *err)
{
    if (!price_table_read(job, cloud->copy.text, cloud->copy.size, &cloud->table, err)) {
        char text[ERR_TEXT_SIZE];
        err_text(err, job->lang, text);
        err->code = ERR_FETCH_NOT_TABLE;
        return err_args(err, text, NULL);
    }
    cloud->version = cloud->table.version != NULL
                         ? cloud->table.version
                         : arena_printf(job->arena, "sha256:%.*s", VERSION_DIGITS, cloud->copy.sha256);
    return true;
}

static void take_answer(const struct price_job *job, struct fetch_answer *answer, struct price_cloud *cloud)
{
    char now[CLOCK_TEXT_SIZE], digest[PRICE_DIGEST_SIZE];
    clock_iso(clock_wall_ms(), now);
    price_digest(answer->body, answer->length, digest);
    price_cache_free(&cloud->copy);
    cloud->copy = (struct price_cache){.text = answer->body,
                                       .size = answer->length,
                                       .sha256 = arena_strdup(job->arena, digest),
                                       .etag = answer->etag,
                                       .last_modified = answer->last_modified,
                                       .fetched_at = arena_strdup(job->arena, now)};
    *answer = (struct fetch_answer){0};
    cloud->fresh = true;
}

bool price_cloud_fetch(const struct price_job *job, struct price_cloud *cloud, struct err *err)
{
    const struct config *config = job->app->config;
    struct fetch_answer answer;
    *cloud = (struct price_cloud){0};
    bool known = price_cache_read(job, table_url(job), &cloud->copy);
    const struct fetch_request request = {
        .url = table_url(job),
        .accept = "application/json, application/toml;q=0.9, */*;q=0.1",
        .etag = known ? cloud->copy.etag : NULL,
        .last_modified = known ? cloud->copy.last_modified : NULL,
        .ca_file = config_text(config, SETTING_PRICE_TABLE_CA_FILE),
        .allow_http = config_bool(config, SETTING_PRICE_TABLE_ALLOW_HTTP),
        .allow_private = config_bool(config, SETTING_PRICE_TABLE_ALLOW_PRIVATE),
        .timeout_ms = (int)MIN(config_ms(config, SETTING_PRICE_TABLE_TIMEOUT), INT32_MAX),
        .max_bytes = config_bytes(config, SETTING_PRICE_TABLE_MAX),
    };
    bool ok = fetch_get(&request, job->arena, job->cancel, &answer, err);
    if (ok && !answer.not_modified)
        take_answer(job, &answer, cloud);
    ok = ok && read_table(job, cloud, err);
    if (!ok)
        price_cloud_free(cloud);
    return ok;
}

bool price_cloud_recall(const struct price_job *job, struct price_cloud *cloud, struct err *err)
{
    *cloud = (struct price_cloud){.recalled = true};
    if (!price_cache_read(job, table_url(job), &cloud->copy))
        return err_set(err, ERR_FETCH_FAILED, "there is no copy on the disk");
    if (read_table(job, cloud, err))
        return true;
    price_cloud_free(cloud);
    return false;
}

void price_cloud_keep(const struct price_job *job, const struct price_cloud *cloud)
{
    if (cloud->fresh)
        price_cache_write(job, table_url(job), &cloud->copy);
}

void price_cloud_free(struct price_cloud *cloud)
{
    price_cache_free(&cloud->copy);
    *cloud = (struct price_cloud){0};
}
