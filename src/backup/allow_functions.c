#include "backup/allow_functions.h"

#include <stdlib.h>

/* Both sorted, for bsearch. */

static const char *const keywords[] = {
    "all",       "and",    "any",          "array",    "as",        "between",  "brin",   "btree",  "by",
    "case",      "check",  "collate",      "cube",     "default",   "distinct", "else",   "except", "exclude",
    "exists",    "filter", "from",         "gin",      "gist",      "group",    "hash",   "having", "identity",
    "ilike",     "in",     "include",      "inherits", "intersect", "is",       "join",   "key",    "lateral",
    "like",      "list",   "materialized", "not",      "null",      "on",       "only",   "or",     "over",
    "partition", "range",  "returning",    "rollup",   "row",       "rows",     "select", "set",    "sets",
    "similar",   "some",   "spgist",       "then",     "to",        "union",    "unique", "using",  "values",
    "when",      "where",  "with",         "within",   "zone",
};

static const char *const functions[] = {
    "abs",
    /* clang-format off */
    "acos", "age", "array_agg", "array_append", "array_cat", "array_dims", "array_fill", "array_length", "array_lower",
    "array_ndims", "array_position", "array_positions", "array_prepend", "array_remove", "array_replace",
    "array_to_json", "array_to_string", "array_upper", "ascii", "asin", "atan", "atan2", "avg", "bigint", "bit",
    "bit_and", "bit_length", "bit_or", "bool", "bool_and", "bool_or", "boolean", "bpchar", "btrim", "bytea",
    "cardinality", "cast", "cbrt", "ceil", "ceiling", "char", "char_length", "character", "character_length", "chr",
    "clock_timestamp", "coalesce", "concat", "concat_ws", "convert_from", "convert_to", "corr", "cos", "cot", "count",
    "covar_pop", "covar_samp", "cume_dist", "date", "date_bin", "date_part", "date_trunc", "daterange", "dec",
    "decimal", "decode", "degrees", "dense_rank", "div", "encode", "every", "exp", "extract", "factorial",
    "first_value", "float", "float4", "float8", "floor", "format", "gcd", "gen_random_uuid", "generate_series",
    "generate_subscripts", "get_bit", "get_byte", "greatest", "grouping", "host", "initcap", "int2", "int4",
    "int4range", "int8", "int8range", "interval", "isempty", "isfinite", "json_agg", "json_array_elements",
    "json_array_elements_text", "json_array_length", "json_build_array", "json_build_object", "json_each",
    "json_each_text", "json_extract_path", "json_extract_path_text", "json_object", "json_object_agg",
    "json_object_keys", "json_strip_nulls", "json_typeof", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_each",
    "jsonb_each_text", "jsonb_exists", "jsonb_exists_all", "jsonb_exists_any", "jsonb_extract_path",
    "jsonb_extract_path_text", "jsonb_insert", "jsonb_object", "jsonb_object_agg", "jsonb_object_keys",
    "jsonb_path_exists", "jsonb_path_match", "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first",
    "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls", "jsonb_typeof", "justify_days", "justify_hours",
    "justify_interval", "lag", "last_value", "lcm", "lead", "least", "left", "length", "ln", "localtime",
    "localtimestamp", "log", "log10", "lower", "lower_inc", "lower_inf", "lpad", "ltrim", "make_date",
    "make_interval", "make_time", "make_timestamp", "make_timestamptz", "max", "md5", "min", "mod", "mode", "nchar",
    "nextval", "normalize", "now", "nth_value", "ntile", "nullif", "num_nonnulls", "num_nulls", "numeric", "numrange",
    "octet_length", "overlay", "percent_rank", "percentile_cont", "percentile_disc", "pi", "position", "power",
    "quote_ident", "quote_literal", "quote_nullable", "radians", "random", "rank", "regexp_count", "regexp_instr",
    "regexp_like", "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
    "regexp_split_to_table", "regexp_substr", "repeat", "replace", "reverse", "right", "round", "row_number",
    "row_to_json", "rpad", "rtrim", "scale", "sha224", "sha256", "sha384", "sha512", "sign", "sin", "split_part",
    "sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop", "stddev_samp", "string_agg",
    "string_to_array", "string_to_table", "strpos", "substr", "substring", "sum", "tan", "text", "time", "timestamp",
    "timestamptz", "timetz", "timezone", "to_ascii", "to_char", "to_date", "to_hex", "to_json", "to_jsonb",
    "to_number", "to_timestamp", "to_tsquery", "to_tsvector", "transaction_timestamp", "translate", "trim",
    "trim_scale", "trunc", "tsrange", "tstzrange", "unistr", "unnest", "upper", "upper_inc", "upper_inf", "uuidv4",
    "uuidv7", "var_pop", "var_samp", "varbit", "varchar", "variance", "varying", "width_bucket",
    /* clang-format on */
};

static int compare(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

bool allow_keyword(const char *word)
{
    return bsearch(word, keywords, ARRAY_LEN(keywords), sizeof *keywords, compare) != NULL;
}

bool allow_function(const char *name)
{
    return bsearch(name, functions, ARRAY_LEN(functions), sizeof *functions, compare) != NULL;
}
