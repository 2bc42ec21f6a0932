/* Commands as data: a table of rows drives parsing, --help, completion and the man page.
 *
 * A name may be two words, "prices import": then a row "prices" without `run`, the group, says what they are about.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "app/app.h"
#include "backup/job.h"

#include <jansson.h>

#define OPTION_MAX 32

struct option_row {
    char letter;         /* 0: none */
    const char *name;    /* "exclude-logs"; NULL ends a table */
    const char *value;   /* what the value is called in help; NULL: takes none */
    const char *help[2]; /* by enum lang */
};

struct invocation;

struct command {
    const char *name;    /* "export", "prices import" */
    const char *operand; /* as help calls them: "FILE", "[NAME]" when it may be left out, "NAME VALUE" for two, "ID..."
                          * for one or more, "[ID...]" for any number; NULL: takes none. Checked before run(). */
    const char *help[2];
    const struct option_row *options;          /* besides --json, --help and the settings' flags; NULL: none */
    int (*run)(struct invocation *invocation); /* returns the exit status; NULL: a group */
    bool hidden;                               /* help does not list it */
};

struct invocation {
    const struct command *command;
    struct config *config;
    struct arena *arena;
    enum lang lang;
    bool json; /* --json: one JSON object on stdout, errors too */
    const char
        *values[OPTION_MAX]; /* by the option's place in its table; "" for one without a value; NULL: not given */
    const char *operand;     /* the first; NULL: none given */
    const char **operands;   /* all of them */
    size_t operand_count;
    struct cancel *cancel; /* fires on SIGINT and SIGTERM */
};

extern const struct command commands[];
extern const size_t command_count;

int command_main(int argc, char **argv);

/* ---- For the commands -------------------------------------------------------------------------------------------- */

/* Open what a command works on; migrations are not run. NULL after having told the error. */
struct app *command_open(struct invocation *invocation, int *status);
struct job command_job(struct invocation *invocation, struct app *app);

/* Tell an error, with what to do; returns its exit status. `holder` is told when the lock is busy; NULL else. */
int command_fail(struct invocation *invocation, const struct err *err, const struct lock_holder *holder);

/* The error as --json tells it, for those who have more to say: {ok: false, error, code, details}. */
json_t *command_error(struct invocation *invocation, const struct err *err);

/* One JSON object on stdout; takes the reference. */
void command_print_json(json_t *value);

const char *command_say(const struct invocation *invocation, const char *zh, const char *en);

int command_serve(struct invocation *invocation);
int command_export(struct invocation *invocation);
int command_import(struct invocation *invocation);
int command_verify(struct invocation *invocation);
int command_rollback(struct invocation *invocation);
int command_status(struct invocation *invocation);
int command_migrate(struct invocation *invocation);
int command_config(struct invocation *invocation);
int command_doctor(struct invocation *invocation);
int command_generate(struct invocation *invocation);
int command_prices_import(struct invocation *invocation);
int command_prices_export(struct invocation *invocation);
int command_prices_sync(struct invocation *invocation);
int command_prices_list(struct invocation *invocation);
int command_prices_set(struct invocation *invocation);
int command_prices_unset(struct invocation *invocation);
int command_prices_history(struct invocation *invocation);
int command_prices_revert(struct invocation *invocation);
int command_prices_unpriced(struct invocation *invocation);
int command_batch_list(struct invocation *invocation);
int command_batch_update(struct invocation *invocation);
int command_batch_export(struct invocation *invocation);
int command_batch_import(struct invocation *invocation);
int command_providers_delete(struct invocation *invocation);
int command_providers_reset_circuits(struct invocation *invocation);

#endif
