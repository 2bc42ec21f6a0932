#include "batch/rules.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 100000
#define RULE_LENGTH_MAX 4096
#define GROUPS_MAX ((size_t)256)       /* of a regular expression, inside each other */
#define REGEX_ATOMS_MAX ((size_t)1000) /* with (a{10}){10} written out */

static bool known_type(const char *type)
{
    static const char *const types[] = {"exact", "prefix", "suffix", "contains", "regex"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* A group that holds an unbounded repetition and is itself repeated without bound: (a+)+, (a*b)*. */
static bool nests_repetition(const char *pattern)
{
    bool repeats[GROUPS_MAX] = {false}; /* by depth: the group holds a repetition */
    size_t depth = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '[') {
            at += at[1] == '^';
            at += at[1] == ']';
            while (*at != '\0' && *at != ']')
                at += *at == '\\' && at[1] != '\0' ? 2 : 1;
            if (*at == '\0')
                break;
        } else if (*at == '(') {
            if (++depth >= ARRAY_LEN(repeats))
                return true;
            repeats[depth] = false;
        } else if (*at == ')' && depth > 0) {
            bool inner = repeats[depth--];
            bool again = at[1] == '*' || at[1] == '+' || (at[1] == '{' && strchr(at, ',') != NULL);
            if (inner && again)
                return true;
            repeats[depth] = repeats[depth] || inner || again;
        } else if (*at == '*' || *at == '+' || *at == '{') {
            repeats[depth] = true;
        }
    }
    return false;
}

/* The end of the bracket expression at `at`, as regcomp sees it: a backslash stands for itself. */
static const char *after_class(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    at += *at == ']';
    while (*at != '\0' && *at != ']') {
        char kind = at[0] == '[' && at[1] != '\0' && strchr(".:=", at[1]) != NULL ? at[1] : '\0';
        at += kind == '\0' ? 1 : 2;
        while (kind != '\0' && *at != '\0' && (at[0] != kind || at[1] != ']'))
            at++;
        at += kind != '\0' && *at != '\0' ? 2 : 0;
    }
    return at + (*at == ']');
}

/* How often {2}, {2,} or {2,5} at `at` makes regcomp write out what is before it; 1 for what is none of them. */
static size_t copies_of(const char *at)
{
    char *end;
    size_t count = strtoul(at + 1, &end, 10), more = 0;
    count = MIN(count, REGEX_ATOMS_MAX + 1);
    if (*end == ',')
        more = strtoul(end + 1, NULL, 10);
    return MAX(MAX(count, 1) + (*end == ','), MIN(more, REGEX_ATOMS_MAX + 1));
}

/* Does it stand for too much once its counted repetitions are written out, which regcomp does in memory? */
static bool expands(const char *pattern)
{
    size_t sizes[GROUPS_MAX] = {0}, depth = 0, last = 0; /* by depth: of the group so far; the last atom's */
    size_t max = MAX(strlen(pattern), REGEX_ATOMS_MAX);
    for (const char *at = pattern; *at != '\0';) {
        const char *start = at++;
        if (*start == '(') {
            if (++depth >= GROUPS_MAX)
                return true;
            sizes[depth] = 0;
        } else if (*start == ')' && depth > 0) {
            last = sizes[depth--] + 1; /* an empty group too takes its place */
            sizes[depth] += last;
        } else if (*start == '{' || *start == '+') {
            size_t copies = *start == '+' ? 2 : copies_of(start); /* a+ is aa* */
            sizes[depth] += last * (copies - 1);
            last *= copies;
            at = *start == '{' ? at + strcspn(at, "}") : at;
        } else if (strchr("}*?", *start) == NULL) {
            if (*start == '[')
                at = after_class(start);
            else if (*start == '\\' && *at != '\0')
                at++;
            last = 1;
            sizes[depth]++;
        }
        if (sizes[depth] > max)
            return true;
    }
    return false;
}

static const char *check_regex(const char *pattern)
{
    regex_t compiled;
    if (nests_repetition(pattern))
        return "a regular expression may not repeat what repeats";
    if (expands(pattern))
        return "the regular expression repeats too often";
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return "the regular expression does not compile";
    regfree(&compiled);
    return NULL;
}

static const char *check_pattern(const char *type, const char *pattern)
{
    if (!known_type(type))
        return "matchType must be exact, prefix, suffix, contains or regex";
    if (pattern[0] == '\0' || strlen(pattern) > RULE_LENGTH_MAX)
        return "a rule's text must have 1 to 4096 bytes";
    return strcmp(type, "regex") == 0 ? check_regex(pattern) : NULL;
}

/* The rule's type and pattern, for telling repeated ones; NULL with *fault when it is none. */
static const char *read_rule(bool redirects, json_t *rule, struct arena *arena, const char **fault)
{
    const char *type = "exact", *pattern = NULL, *target = "";
    *fault = NULL;
    if (redirects) {
        if (json_unpack(rule, "{s:s, s:s, s:s!}", "matchType", &type, "source", &pattern, "target", &target) != 0)
            *fault = "a redirect must be {matchType, source, target}";
        else if (target[0] == '\0' || strlen(target) > RULE_LENGTH_MAX)
            *fault = "a redirect's target must have 1 to 4096 bytes";
    } else if (json_is_string(rule)) {
        pattern = json_string_value(rule);
    } else if (json_unpack(rule, "{s:s, s:s!}", "matchType", &type, "pattern", &pattern) != 0) {
        *fault = "an allowed model must be a name or {matchType, pattern}";
    }
    if (*fault == NULL)
        *fault = check_pattern(type, pattern);
    return *fault == NULL ? arena_printf(arena, "%s %s", type, pattern) : NULL;
}

json_t *rules_check(const struct field *field, json_t *value, struct arena *arena, const char **problem)
{
    bool redirects = strcmp(field->column, "model_redirects") == 0;
    json_t *rule, *seen = json_object();
    size_t index;
    const char *fault = json_is_array(value) ? NULL : "must be a list of rules";
    if (fault == NULL && json_array_size(value) > RULES_MAX)
        fault = "has more than 100000 rules";
    json_array_foreach(value, index, rule)
    {
        const char *rule_fault = NULL, *name = fault == NULL ? read_rule(redirects, rule, arena, &rule_fault) : NULL;
        if (fault != NULL)
            break;
        if (name != NULL && json_object_get(seen, name) != NULL)
            rule_fault = "stands there twice";
        if (rule_fault != NULL)
            fault = arena_printf(arena, "rule %zu: %s", index + 1, rule_fault);
        else
            json_object_set_new(seen, name, json_true());
    }
    json_decref(seen);
    *problem = fault;
    if (fault != NULL)
        return NULL;
    return json_array_size(value) == 0 && !redirects ? json_null() : json_incref(value);
}
