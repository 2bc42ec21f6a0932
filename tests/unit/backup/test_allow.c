#include "backup/allow.h"
#include "backup/allow_functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SETTINGS                                                                                                       \
    {.desc = "ENCODING", .tag = "ENCODING", .definition = "SET client_encoding = 'UTF8';\n"},                          \
        {.desc = "STDSTRINGS", .tag = "STDSTRINGS", .definition = "SET standard_conforming_strings = 'on';\n"},        \
    {                                                                                                                  \
        .desc = "SEARCHPATH", .tag = "SEARCHPATH",                                                                     \
        .definition = "SELECT pg_catalog.set_config('search_path', '', false);\n"                                      \
    }

struct sample {
    const char *desc, *tag, *definition, *drop, *copy;
};

static void complete(struct archive_entry *entry)
{
    const char **texts[] = {&entry->tag,        &entry->desc, &entry->schema, &entry->owner,
                            &entry->definition, &entry->drop, &entry->copy};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
}

static enum allow_class class_of(const struct archive_entry *given, const char **reason)
{
    static char text[256];
    struct archive_entry entries[] = {
        SETTINGS, {.desc = "FUNCTION", .schema = "public", .tag = "own(integer)", .definition = "CREATE"}, *given};
    struct archive archive = {.entries = entries, .entry_count = ARRAY_LEN(entries)};
    struct arena *arena = arena_new();
    struct allow_finding *findings;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        complete(&entries[i]);
    allow_list(&archive, arena, &findings, &count);
    enum allow_class class = ALLOW_ACCEPT;
    snprintf(text, sizeof text, "accepted");
    for (size_t i = 0; i < count; i++)
        if (findings[i].entry == &entries[4]) {
            class = findings[i].class;
            snprintf(text, sizeof text, "%s", findings[i].reason);
        }
    *reason = text;
    arena_free(arena);
    return class;
}

static void assert_class(const struct sample *sample, enum allow_class expected)
{
    const char *reason;
    bool is_data = strcmp(sample->desc, "TABLE DATA") == 0;
    struct archive_entry entry = {.desc = sample->desc,
                                  .schema = strcmp(sample->desc, "SCHEMA") == 0 ? "" : "public",
                                  .tag = sample->tag,
                                  .definition = sample->definition,
                                  .drop = sample->drop,
                                  .copy = sample->copy,
                                  .has_data = is_data};
    if (class_of(&entry, &reason) != expected)
        fail_msg("%s %s: %s", sample->desc, sample->definition == NULL ? sample->copy : sample->definition, reason);
}

static void what_pg_dump_writes_for_a_hub_is_accepted(void **state)
{
    static const struct sample samples[] = {
        {"SCHEMA", "drizzle", "CREATE SCHEMA drizzle;\n", "DROP SCHEMA drizzle;\n", NULL},
        {"SCHEMA", "public", "-- *not* creating schema, since initdb creates it\n", NULL, NULL},
        {"TYPE", "mode", "CREATE TYPE public.mode AS ENUM (\n    'fixed',\n    'a;b'\n);\n", "DROP TYPE public.mode;\n",
         NULL},
        {"TABLE", "t",
         "CREATE TABLE public.t (\n    a integer DEFAULT (1 + 2) NOT NULL,\n    b character varying(200) "
         "DEFAULT 'x;y'::character varying,\n    \"C d\" numeric(10,2),\n    g integer GENERATED ALWAYS AS ((a * 2)) "
         "STORED,\n"
         "    CONSTRAINT c CHECK ((length((b)::text) < 10))\n)\nWITH (fillfactor='50');\nALTER TABLE ONLY public.t "
         "ALTER "
         "COLUMN b SET STORAGE EXTERNAL;\n",
         "DROP TABLE public.t;\n", NULL},
        {"SEQUENCE", "t_id_seq", "CREATE SEQUENCE public.t_id_seq\n    AS integer\n    START WITH 1;\n", NULL, NULL},
        {"SEQUENCE", "t_id_seq",
         "ALTER TABLE public.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE "
         "NAME public.t_id_seq\n    START WITH 41\n);\n",
         NULL, NULL},
        {"SEQUENCE OWNED BY", "t_id_seq", "ALTER SEQUENCE public.t_id_seq OWNED BY public.t.id;\n", NULL, NULL},
        {"SEQUENCE SET", "t_id_seq", "SELECT pg_catalog.setval('public.t_id_seq', -5, true);\n", NULL, NULL},
        {"SEQUENCE SET", "Odd 'q", "SELECT pg_catalog.setval('public.\"Odd ''q\"', 5, false);\n", NULL, NULL},
        {"DEFAULT", "t id",
         "ALTER TABLE ONLY public.t ALTER COLUMN id SET DEFAULT nextval('public.t_id_seq'::regclass);\n",
         "ALTER TABLE public.t ALTER COLUMN id DROP DEFAULT;\n", NULL},
        {"CONSTRAINT", "t t_pkey",
         "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n\n\n"
         "ALTER TABLE public.t CLUSTER ON t_pkey;\n",
         "ALTER TABLE ONLY public.t DROP CONSTRAINT t_pkey;\n", NULL},
        {"FK CONSTRAINT", "t t_fk",
         "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_fk FOREIGN KEY (a) REFERENCES "
         "public.users(id) ON DELETE CASCADE;\n",
         "ALTER TABLE ONLY public.t DROP CONSTRAINT t_fk;\n", NULL},
        {"CHECK CONSTRAINT", "t c", "ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK (public.own(a)) NOT VALID;\n",
         NULL, NULL},
        {"INDEX", "i",
         "CREATE UNIQUE INDEX i ON public.t USING btree (lower((b)::text), ((c ->> 'vendor'::text)) DESC NULLS "
         "LAST) WHERE ((d IS NULL) AND (e <> ALL (ARRAY['x'::text, 'y'::text])));\n",
         "DROP INDEX public.i;\n", NULL},
        {"VIEW", "v",
         "CREATE VIEW public.v WITH (security_barrier='true') AS\n SELECT count(*) AS count,\n    sum(x.a) FILTER "
         "(WHERE (x.a > 1)) AS s\n   FROM ( VALUES (1,2)) x(a, b)\n  WHERE (EXISTS ( SELECT 1));\n",
         "DROP VIEW public.v;\n", NULL},
        {"COMMENT", "TABLE t", "COMMENT ON TABLE public.t IS 'it''s; DROP TABLE x';\n", NULL, NULL},
        {"ACL", "TABLE t",
         "REVOKE ALL ON TABLE public.t FROM hub;\nGRANT SELECT(a,b),UPDATE ON TABLE public.t TO PUBLIC;\n", NULL, NULL},
        {"ACL", "SEQUENCE s", "GRANT ALL PRIVILEGES ON SEQUENCE public.s TO hub WITH GRANT OPTION;\n", NULL, NULL},
        {"ACL", "FUNCTION own(integer)",
         "REVOKE ALL ON FUNCTION public.own(integer) FROM PUBLIC;\n"
         "GRANT ALL ON FUNCTION public.own(numeric(10,2), VARIADIC text[]) TO hub;\n",
         NULL, NULL},
        {"COMMENT", "FUNCTION own(integer)", "COMMENT ON FUNCTION public.own(integer) IS 'ours';\n", NULL, NULL},
        {"COMMENT", "PROCEDURE p()", "COMMENT ON PROCEDURE public.p() IS NULL;\n", NULL, NULL},
        {"COMMENT", "COLUMN t.a", "COMMENT ON COLUMN public.t.a IS 'x';\n", NULL, NULL},
        {"DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES",
         "ALTER DEFAULT PRIVILEGES FOR ROLE hub IN SCHEMA public GRANT SELECT ON TABLES  TO reader;\n", NULL, NULL},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a, \"C d\") FROM stdin;\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        assert_class(&samples[i], ALLOW_ACCEPT);
}

static void what_may_run_code_is_foreign(void **state)
{
    static const struct sample samples[] = {
        {"FUNCTION", "f()", "CREATE FUNCTION public.f() ...", NULL, NULL},
        {"TRIGGER", "t x", "CREATE TRIGGER x AFTER INSERT ON public.t EXECUTE FUNCTION public.own(1);", NULL, NULL},
        {"EVENT TRIGGER", "e", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f();", NULL, NULL},
        {"MATERIALIZED VIEW", "m", "CREATE MATERIALIZED VIEW public.m AS SELECT 1;", NULL, NULL},
        {"RULE", "t r", "CREATE RULE r AS ON INSERT TO public.t DO ALSO SELECT 1;", NULL, NULL},
        {"EXTENSION", "dblink", "CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public;", NULL, NULL},
        {"SOMETHING NEW", "x", "CREATE SOMETHING NEW x;", NULL, NULL},
        /* Calls of what is not known to be harmless. */
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT pg_read_file('/etc/passwd');", NULL,
         NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT pg_catalog.lo_import('/etc/passwd');",
         NULL, NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT public.evil();", NULL, NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT \"check\"();", NULL, NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT evil\n/* x */ (1);", NULL, NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT \"now\".\"evil\"(1);", NULL, NULL},
        {"INDEX", "i", "CREATE INDEX i ON public.t USING btree (public.evil(a));", NULL, NULL},
        {"INDEX", "i", "CREATE INDEX i ON public.t USING btree (a) WHERE a OPERATOR(public.=) 1;", NULL, NULL},
        {"VIEW", "v", "CREATE VIEW public.v AS SELECT passwd FROM pg_authid;", NULL, NULL},
        {"VIEW", "v", "CREATE VIEW public.v AS SELECT query_to_xml('select 1', true, true, '');", NULL, NULL},
        {"TABLE", "t", "CREATE TABLE public.t (a) AS SELECT public.own(1);", NULL, NULL},
        {"TABLE", "t", "CREATE TABLE public.t (a integer CHECK (public.evil(a)));", NULL, NULL},
        /* A definition that is not what its entry says, or more than that. */
        {"INDEX", "i", "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';", NULL, NULL},
        {"INDEX", "i", "CREATE INDEX i ON public.t USING btree (a); ALTER SYSTEM SET archive_command = 'touch /tmp/x';",
         NULL, NULL},
        {"INDEX", "i", "CREATE INDEX i ON public.t USING btree (a) /* ; */; COPY public.t TO PROGRAM 'id';", NULL,
         NULL},
        {"INDEX", "i", "CREATE INDEX other ON public.t USING btree (a);", NULL, NULL},
        {"INDEX", "i", "CREATE INDEX i ON other.t USING btree (a);", NULL, NULL},
        {"TABLE", "t", "CREATE TABLE public.t (a integer);\nCREATE TABLE public.t (a integer);", NULL, NULL},
        {"TABLE", "t", "ALTER SYSTEM SET archive_command = 'x';", NULL, NULL},
        {"COMMENT", "TABLE t", "COMMENT ON TABLE public.t IS $$x$$; RESET ROLE;", NULL, NULL},
        {"COMMENT", "TABLE t", "COMMENT ON DATABASE hub IS 'x';", NULL, NULL},
        {"COMMENT", "TABLE t", "COMMENT ON TABLE public.t IS 'a' -- \r; SET ROLE postgres", NULL, NULL},
        {"ACL", "TABLE t", "GRANT pg_execute_server_program TO hub;", NULL, NULL},
        {"ACL", "TABLE t", "GRANT SELECT ON TABLE pg_catalog.pg_authid TO PUBLIC;", NULL, NULL},
        {"ACL", "TABLE t", "SET SESSION AUTHORIZATION postgres;\nGRANT SELECT ON TABLE public.t TO hub;", NULL, NULL},
        {"ACL", "TABLE t", "GRANT SELECT(a ON TABLE public.t TO hub;", NULL, NULL},
        {"ACL", "TABLE t", "GRANT SELECT() ON TABLE public.t TO hub;", NULL, NULL},
        {"ACL", "TABLE t", "GRANT 'SELECT' ON TABLE public.t TO hub;", NULL, NULL},
        {"ACL", "TABLE t", "GRANT SELECT ON TABLE", NULL, NULL},
        {"ACL", "FUNCTION f()", "GRANT ALL ON FUNCTION public.f(integer TO hub;", NULL, NULL},
        {"ACL", "FUNCTION f()", "GRANT ALL ON FUNCTION public.f('x') TO hub;", NULL, NULL},
        {"ACL", "FUNCTION f()", "GRANT ALL ON FUNCTION public.f() TO hub; SELECT public.f();", NULL, NULL},
        {"COMMENT", "FUNCTION f()", "COMMENT ON FUNCTION public.f(; SELECT 1", NULL, NULL},
        {"COMMENT", "COLUMN t.a", "COMMENT ON COLUMN public.t. IS 'x';", NULL, NULL},
        {"COMMENT", "TABLE t", "COMMENT ON TABLE public.t IS 'x", NULL, NULL},
        {"COMMENT", "TABLE t", "COMMENT ON TABLE 't' IS 'x';", NULL, NULL},
        {"DEFAULT", "t a", "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT other.public.own(1);", NULL, NULL},
        {"SEQUENCE SET", "s", "SELECT pg_catalog.setval(NULL, 5, true);", NULL, NULL},
        {"SEQUENCE SET", "s", "SELECT pg_catalog.setval('\"s', 5, true);", NULL, NULL},
        {"SCHEMA", "a", "CREATE SCHEMA a AUTHORIZATION postgres;", NULL, NULL},
        {"SEQUENCE SET", "s", "SELECT pg_catalog.setval('public.other', 5, true);", NULL, NULL},
        {"SEQUENCE SET", "s", "SELECT pg_catalog.setval('public.s', 5, public.evil());", NULL, NULL},
        {"VIEW", "v", "CREATE VIEW public.v AS SELECT 1", "DROP TABLE public.users CASCADE;", NULL},
        {"TABLE", "t", "CREATE TABLE public.t (a integer);", "DROP TABLE public.t; DROP SCHEMA hubport CASCADE;", NULL},
        {"TABLE DATA", "t", NULL, NULL, NULL}, /* INSERT statements */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        assert_class(&samples[i], ALLOW_FOREIGN);
}

static void what_no_pg_dump_writes_is_forged(void **state)
{
    static const struct sample samples[] = {
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a) FROM PROGRAM 'touch /tmp/x';\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a) FROM stdin; SELECT 1;\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.other (a) FROM stdin;\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a) FROM '/etc/passwd';\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a) FROM stdin WITH (FORMAT csv);\n"},
        {"TABLE DATA", "t", "ALTER SYSTEM SET x = 1;", NULL, "COPY public.t (a) FROM stdin;\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t a FROM stdin;\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t ('a') FROM stdin;\n"},
        {"TABLE DATA", "t", NULL, NULL, "COPY public.t (a) FROM 'stdin\n"},
        {"INDEX", "i", "CREATE INDEX i ON public.t USING btree (a);", NULL, "COPY public.t (a) FROM PROGRAM 'id';"},
        {"TABLE", "t\n\\! touch /tmp/x", "CREATE TABLE", NULL, NULL},
        {"ENCODING", "ENCODING", "SET client_encoding = 'SJIS';\n", NULL, NULL},
        {"STDSTRINGS", "STDSTRINGS", "SET standard_conforming_strings = 'off';\n", NULL, NULL},
        {"SEARCHPATH", "SEARCHPATH", "SELECT pg_catalog.set_config('search_path', 'public', false);\n", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        assert_class(&samples[i], ALLOW_FORGED);
}

static void what_no_import_runs_is_not_asked_about(void **state)
{
    static const struct sample samples[] = {
        {"DATABASE", "hub", "CREATE DATABASE hub;", NULL, NULL},
        {"DATABASE PROPERTIES", "hub", "ALTER DATABASE hub SET session_preload_libraries TO 'x';", NULL, NULL},
        {"ACL", "DATABASE hub", "GRANT ALL ON DATABASE hub TO PUBLIC;", NULL, NULL},
        {"EXTENSION", "plpgsql", "CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;", NULL, NULL},
        {"SCHEMA", "hubport", "CREATE SCHEMA hubport;", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct archive_entry entry = {.desc = samples[i].desc, .tag = samples[i].tag};
        complete(&entry);
        assert_true(allow_never_runs(&entry));
        assert_class(&samples[i], ALLOW_ACCEPT);
    }
    struct archive_entry table = {.desc = "COMMENT", .tag = "TABLE DATABASE x"};
    complete(&table);
    assert_false(allow_never_runs(&table));
}

static void a_missing_setting_is_found(void **state)
{
    struct archive_entry entries[] = {SETTINGS};
    struct allow_finding *findings;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        complete(&entries[i]);
    for (size_t left = 0; left <= ARRAY_LEN(entries); left++) {
        struct archive archive = {.entries = entries, .entry_count = left};
        allow_list(&archive, *state, &findings, &count);
        assert_int_equal(count, left < ARRAY_LEN(entries));
    }
}

static void a_name_for_people_is_one_line(void **state)
{
    struct archive_entry entry = {.desc = "TABLE", .schema = "public", .tag = "a\nb\x1b[2J\xff"};
    struct allow_finding finding = {.class = ALLOW_FORGED, .entry = &entry};
    assert_string_equal(allow_name(&finding, *state), "TABLE public.a b [2J\xef\xbf\xbd");
}

static void every_name_of_the_tables_is_found(void **state)
{
    (void)state;
    static const char *const yes[] = {"abs", "width_bucket", "now", "nextval", "lower"},
                             *const no[] = {"pg_read_file", "set_config", "lo_import",       "query_to_xml",
                                            "dblink",       "setval",     "current_setting", "ts_stat"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(allow_function(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(allow_function(no[i]));
    assert_true(allow_keyword("all"));
    assert_true(allow_keyword("zone"));
}

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_pg_dump_writes_for_a_hub_is_accepted),
        TEST(what_may_run_code_is_foreign),
        TEST(what_no_pg_dump_writes_is_forged),
        TEST(what_no_import_runs_is_not_asked_about),
        TEST(a_missing_setting_is_found),
        TEST(a_name_for_people_is_one_line),
        TEST(every_name_of_the_tables_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
