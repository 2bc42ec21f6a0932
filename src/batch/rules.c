#include "batch/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define RULES_MAX 100000
#define RULE_LENGTH_MAX 4096
#define GROUPS_MAX ((size_t)256) /* of a regular expression, inside each other */

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

/* The hub compiles it as JavaScript does; PCRE2 with these options is the nearest that there is. */
static const char *check_regex(const char *pattern, struct arena *arena)
{
    int code;
    PCRE2_SIZE offset;
    PCRE2_UCHAR words[128];
    if (nests_repetition(pattern))
        return "a regular expression may not repeat what repeats";
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
        PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
    if (compiled == NULL) {
        pcre2_get_error_message(code, words, sizeof words);
        return arena_printf(arena, "the regular expression does not compile at character %zu: %s", offset,
                            (char *)words);
    }
    pcre2_code_free(compiled);
    return NULL;
}

static const char *check_pattern(const char *type, const char *pattern, struct arena *arena)
{
    if (!known_type(type))
        return "matchType must be exact, prefix, suffix, contains or regex";
    if (pattern[0] == '\0' || strlen(pattern) > RULE_LENGTH_MAX)
        return "a rule's text must have 1 to 4096 bytes";
    return strcmp(type, "regex") == 0 ? check_regex(pattern, arena) : NULL;
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
        *fault = check_pattern(type, pattern, arena);
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
