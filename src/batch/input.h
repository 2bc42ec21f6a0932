/* What clients send, checked: ids, updates and patches. What is wrong is named, not the first only: up to PROBLEMS_MAX
 * of it, and of a long path its beginning, so that no body makes an answer much larger than itself.
 */
#ifndef BATCH_INPUT_H
#define BATCH_INPUT_H

#include "base/jtext.h"
#include "batch/batch.h"

#define PROBLEMS_MAX 100
#define PROBLEM_PATH_MAX 250 /* bytes */

/* [{path, code, message}] of what is wrong with a body, for its answer. */
struct batch_problems {
    struct arena *arena;
    json_t *list;
    bool too_many; /* rows: the refusal is called by that */
};

void problem_add(struct batch_problems *problems, const char *path, const char *message);

/* Rows for the ids in the body's `member`, ascending: 1 to BATCH_MAX distinct whole numbers above 0. Counts what is
 * right. */
struct batch_row *input_id_list(json_t *body, const char *member, struct batch_problems *problems, size_t *count);
struct batch_row *input_ids(const struct kind *kind, json_t *body, struct batch_problems *problems, size_t *count);

/* Numbers in the body's text that reading them would change, also whole ones beyond 64 bits: they must be sent as
 * texts. The same of one value of it, which is at `path`. */
void input_numbers(const char *text, size_t size, struct batch_problems *problems);
void input_numbers_of(struct jtext value, const char *path, struct batch_problems *problems);

/* A text of the body, 1 to `max_length` bytes; NULL when it is absent or wrong. */
const char *input_text(json_t *body, const char *member, size_t max_length, bool needed,
                       struct batch_problems *problems);

/* {column: value} of {"rpm": 5, ...}; fields of the patch only are refused when `updates`. */
json_t *input_updates(const struct kind *kind, json_t *updates, struct batch_problems *problems);

/* {column: value} of {"rpm": {"set": 5}, "tags": {"clear": true}, "note": {"no_change": true}}; {column: {"add":
 * value}} of
 * {"tags": {"add": ["x"]}}, see batch/lists.h. */
json_t *input_patch(const struct kind *kind, json_t *patch, struct batch_problems *problems);

/* Members of the body beyond these are problems. */
void input_strict(json_t *body, const char *const *known, size_t count, struct batch_problems *problems);

#endif
