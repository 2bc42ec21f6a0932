/* Archives of a real pg_dump, and what the real pg_restore makes of the seal. */
#include "archive/maker.h"

#include "os/subprocess.h"
#include "pg/conn.h"
#include "support/postgres.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct test_postgres *server;
static struct arena *arena; /* of the whole program */
static char directory[64];
static const char *bin;
static struct err err;

/* ---- Databases
 * -------------------------------------------------------------------------------------------------------- */

static const char *dsn(const char *database)
{
    return test_postgres_dsn(server, arena, database, NULL);
}

static void run_sql(const char *database, const char *sql)
{
    struct pg_conn *conn = pg_open(dsn(database), "test", NULL, &err);
    if (conn == NULL || !pg_run(conn, &err, sql))
        fail_msg("%s: %s", sql, err.words);
    pg_close(conn);
}

static int64_t ask(const char *database, const char *sql)
{
    struct pg_result result;
    struct pg_conn *conn = pg_open(dsn(database), "test", NULL, &err);
    if (conn == NULL || !pg_query(conn, arena, &result, &err, sql, PG_NO_ARGS))
        fail_msg("%s: %s", sql, err.words);
    pg_close(conn);
    assert_int_equal(result.count, 1);
    return pg_int(&result, 0, 0);
}

static const char everything[] =
    "CREATE SCHEMA \"Schema B\";"
    "CREATE TABLE tricky (id serial PRIMARY KEY, v text, n numeric);"
    "INSERT INTO tricky (v, n) VALUES (E'tab\\tin it', 1), (E'back\\\\slash', 2), (E'new\\nline', 3), (E'\\\\.', 4), "
    "(E'a\\n\\\\.\\nb', 5),"
    " (E'\\\\.\\n', 6), ('', NULL), (NULL, 7), (E'\\\\N', 8), (E'\\r\\n', 9), ('\xe5\xa4\x87\xe4\xbb\xbd', 10), "
    "(repeat(E'x\\n', 100000), 11);"
    "CREATE TABLE single (v text); INSERT INTO single VALUES (''), (E'\\\\.'), (NULL), (E'\\n'), ('.'), (E'\\\\');"
    "CREATE TABLE empty (a int, b text);"
    "CREATE TABLE one_row (a int); INSERT INTO one_row VALUES (1);"
    "CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;"
    "CREATE TABLE \"Schema B\".\"odd \"\"name\" (\"a b\" int, g int GENERATED ALWAYS AS (\"a b\" * 2) STORED);"
    "INSERT INTO \"Schema B\".\"odd \"\"name\" SELECT generate_series(1, 17);"
    "CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);"
    "CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (400);"
    "CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (400) TO (10000);"
    "INSERT INTO parts SELECT i, 'row ' || i FROM generate_series(1, 1000) i;"
    "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);"
    "INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (3, 4);"
    "CREATE TABLE many (id int PRIMARY KEY, v text, j jsonb);"
    "INSERT INTO many SELECT i, md5(i::text), jsonb_build_object('i', i, 't', E'\\t') FROM generate_series(1, 20000) i;"
    "CREATE VIEW few AS SELECT * FROM many WHERE id < 10;"
    "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM many;"
    "CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2';"
    "SELECT lo_from_bytea(0, decode(repeat('00ff5c2e0a', 60000), 'hex')), lo_from_bytea(0, ''), "
    "lo_from_bytea(4000000000, '\\x61');"
    "COMMENT ON TABLE many IS 'rows';";

static const char tables_sql[] = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                                 " WHERE relkind = 'r' AND nspname IN ('public', 'Schema B')";

/* ---- Files and programs
 * ----------------------------------------------------------------------------------------------- */

static const char *file_path(const char *name)
{
    return arena_printf(arena, "%s/%s", directory, name);
}

static void read_whole(int fd, struct maker *to)
{
    char piece[65536];
    for (ssize_t got; (got = read(fd, piece, sizeof piece)) != 0;) {
        assert_true(got > 0);
        make_bytes(to, piece, (size_t)got);
    }
}

static void read_path(const char *path, struct maker *to)
{
    *to = (struct maker){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    read_whole(fd, to);
    close(fd);
}

static void write_path(const char *path, const struct maker *from)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, from->bytes, from->size), from->size);
    close(fd);
}

/* Runs bin/program with the arguments (ended by NULL) to its good end. `output` (may be NULL) is what it writes into a
 * pipe. */
static void run_tool(struct maker *output, int in, const char *program, const char *const *args)
{
    const char *argv[32] = {arena_printf(arena, "%s/%s", bin, program)};
    for (size_t i = 0; args[i] != NULL; i++)
        argv[i + 1] = args[i];
    struct subprocess_spec spec = {
        .argv = argv, .in = in, .out = output == NULL ? SUBPROCESS_NULL : SUBPROCESS_PIPE, .error = STDERR_FILENO};
    struct subprocess *process = subprocess_start(&spec, &err);
    if (process == NULL)
        fail_msg("%s", err.words);
    if (output != NULL) {
        *output = (struct maker){0};
        read_whole(subprocess_out(process), output);
    }
    assert_int_equal(subprocess_wait(process, NULL, 120000, &err), 1);
    assert_int_equal(subprocess_status(process), 0);
    subprocess_free(process);
}

#define TOOL(output, in, program, ...) run_tool(output, in, program, (const char *const[]){__VA_ARGS__, NULL})

/* Script lines are compared without pg_dump's random key. */
static void drop_restrict_lines(struct maker *text)
{
    static const char *const marks[] = {"\n\\restrict ", "\n\\unrestrict "};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        unsigned char *at = memmem(text->bytes, text->size, marks[i], strlen(marks[i]));
        if (at == NULL)
            continue;
        unsigned char *end = memchr(at + 1, '\n', (size_t)(text->bytes + text->size - at - 1));
        assert_non_null(end);
        memmove(at, end, (size_t)(text->bytes + text->size - end));
        text->size -= (size_t)(end - at);
    }
}

static void assert_same_text(struct maker *left, struct maker *right)
{
    drop_restrict_lines(left);
    drop_restrict_lines(right);
    assert_true(left->size > 100);
    assert_int_equal(left->size, right->size);
    assert_memory_equal(left->bytes, right->bytes, left->size);
    maker_end(left);
    maker_end(right);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void find_bin(void)
{
    glob_t found = {0};
    bin = getenv("PG_BIN_DIR");
    for (int version = 30; bin == NULL && version >= 12; version--) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/%d/bin/initdb", version);
        if (glob(pattern, 0, NULL, &found) == 0)
            bin = arena_printf(arena, "/usr/lib/postgresql/%d/bin", version);
        globfree(&found);
    }
}

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    find_bin();
    snprintf(directory, sizeof directory, "/tmp/hubport-test-XXXXXX");
    server = test_postgres_start();
    if (bin == NULL || server == NULL || mkdtemp(directory) == NULL)
        return -1;
    run_sql("postgres", "CREATE DATABASE everything");
    run_sql("postgres", "CREATE DATABASE little");
    run_sql("everything", everything);
    run_sql("little", "CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'a'), (2, E'\\\\.'), (3, NULL);"
                      "SELECT lo_from_bytea(77, 'large')");
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_postgres_stop(server);
    arena_free(arena);
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- Tests
 * ------------------------------------------------------------------------------------------------------------ */

static struct archive *verify_made(const struct maker *made)
{
    struct archive *archive;
    if (check_made(made, arena, &archive, &err) != ERR_OK)
        fail_msg("%s", err.words);
    return archive;
}

static void assert_real_counts(const struct archive *archive)
{
    int64_t tables = 0, objects = 0;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (strcmp(entry->desc, "TABLE DATA") == 0) {
            const char *tag = strcmp(entry->tag, "odd \"name") == 0 ? "odd \"\"name" : entry->tag;
            int64_t rows =
                ask("everything", arena_printf(arena, "SELECT count(*) FROM ONLY \"%s\".\"%s\"", entry->schema, tag));
            if (!entry->rows_known || entry->rows != (uint64_t)rows)
                fail_msg("%s: %llu rows, really %lld", entry->tag, (unsigned long long)entry->rows, (long long)rows);
            tables++;
        } else if (strcmp(entry->desc, "BLOBS") == 0) {
            assert_int_equal(entry->bytes,
                             ask("everything", "SELECT sum(length(lo_get(oid))) FROM pg_largeobject_metadata"));
            objects++;
        } else
            assert_false(entry->has_data);
    }
    assert_int_equal(tables, ask("everything", tables_sql));
    assert_true(objects >= 1);
}

static void counts_are_the_real_ones(void **state)
{
    static const char *const levels[] = {"-Z0", "-Z1", "-Z6"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct maker made;
        const char *path = file_path("counts");
        TOOL(&made, SUBPROCESS_NULL, "pg_dump", "-Fc", levels[i], "-d", dsn("everything"));
        struct archive *archive = verify_made(&made);
        assert_int_equal(archive->compression, i == 0 ? ARCHIVE_NONE : ARCHIVE_GZIP);
        assert_string_equal(archive->database, "everything");
        assert_true(archive->created_ms > 1700000000000);
        assert_real_counts(archive);
        maker_end(&made);

        TOOL(NULL, SUBPROCESS_NULL, "pg_dump", "-Fc", levels[i], "-f", path, "-d", dsn("everything"));
        read_path(path, &made);
        archive = verify_made(&made);
        const struct archive_entry *entry = archive_find(archive, "TABLE DATA", "public", "many");
        assert_non_null(entry);
        assert_true(entry->position > archive->data_position); /* not the first */
        assert_real_counts(archive);
        maker_end(&made);
    }
}

static void dumps_with_options_are_verified(void **state)
{
    static const struct {
        const char *option;
        bool data, known;
    } cases[] = {{"--inserts", true, false},
                 {"--rows-per-insert=7", true, false},
                 {"--schema-only", false, false},
                 {"--data-only", true, true},
                 {"--load-via-partition-root", true, true},
                 {"--exclude-table-data=many", false, false},
                 {"--section=post-data", false, false},
                 {"--clean", true, true},
                 {"--section=data", true, true},
                 {"--encoding=GB18030", true, true}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct maker made;
        TOOL(&made, SUBPROCESS_NULL, "pg_dump", "-Fc", cases[i].option, "-d", dsn("everything"));
        struct archive *archive = verify_made(&made);
        const struct archive_entry *entry = archive_find(archive, "TABLE DATA", "public", "many");
        assert_int_equal(entry != NULL, cases[i].data);
        if (entry != NULL) {
            assert_int_equal(entry->rows_known, cases[i].known);
            assert_int_equal(entry->rows, cases[i].known ? 20000 : 0);
            assert_true(entry->bytes > 20000 * 32);
        }
        maker_end(&made);
    }
}

static void stock_pg_restore_passes_the_seal_by(void **state)
{
    static const char *const levels[] = {"-Z0", "-Z6"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct maker made, plain, sealed, list, sealed_list, origin, restored;
        const char *path = file_path("plain"), *sealed_path = file_path("sealed");
        if (i < 2) /* through a pipe: no positions, pg_restore looks for its blocks and meets the seal */
            TOOL(&made, SUBPROCESS_NULL, "pg_dump", "-Fc", levels[i], "-d", dsn("everything"));
        else {
            TOOL(NULL, SUBPROCESS_NULL, "pg_dump", "-Fc", levels[i - 2], "-f", path, "-d", dsn("everything"));
            read_path(path, &made);
        }
        write_path(path, &made);
        make_seal(&made);
        write_path(sealed_path, &made);
        assert_true(verify_made(&made)->sealed);
        maker_end(&made);

        TOOL(&list, SUBPROCESS_NULL, "pg_restore", "-l", path);
        TOOL(&sealed_list, SUBPROCESS_NULL, "pg_restore", "-l", sealed_path);
        assert_same_text(&list, &sealed_list);
        TOOL(&plain, SUBPROCESS_NULL, "pg_restore", "-f", "-", path);
        TOOL(&sealed, SUBPROCESS_NULL, "pg_restore", "-f", "-", sealed_path);
        assert_same_text(&plain, &sealed);

        static const char *const ways[] = {"from_file", "from_pipe", "parallel"};
        for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
            run_sql("postgres", arena_printf(arena, "CREATE DATABASE %s", ways[way]));
            if (way == 1) {
                int ends[2];
                assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
                pid_t feeder = fork();
                if (feeder == 0) {
                    dup2(ends[1], STDOUT_FILENO);
                    execl("/bin/cat", "cat", sealed_path, NULL);
                    _exit(127);
                }
                close(ends[1]);
                TOOL(NULL, ends[0], "pg_restore", "-e", "-d", dsn(ways[way]));
                close(ends[0]);
                assert_int_equal(waitpid(feeder, NULL, 0), feeder);
            } else
                TOOL(NULL, SUBPROCESS_NULL, "pg_restore", "-e", way == 2 ? "-j2" : "-j1", "-d", dsn(ways[way]),
                     sealed_path);
            TOOL(&origin, SUBPROCESS_NULL, "pg_dump", "-d", dsn("everything"));
            TOOL(&restored, SUBPROCESS_NULL, "pg_dump", "-d", dsn(ways[way]));
            assert_same_text(&origin, &restored);
            run_sql("postgres", arena_printf(arena, "DROP DATABASE %s", ways[way]));
        }
    }
}

static void dump_little(struct maker *made, const char *level, bool positions)
{
    const char *path = file_path("little");
    if (!positions) {
        TOOL(made, SUBPROCESS_NULL, "pg_dump", "-Fc", level, "-d", dsn("little"));
        return;
    }
    TOOL(NULL, SUBPROCESS_NULL, "pg_dump", "-Fc", level, "-f", path, "-d", dsn("little"));
    read_path(path, made);
}

static void every_truncation_is_refused_but_the_one_before_the_seal(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct maker made;
        dump_little(&made, i % 2 == 0 ? "-Z0" : "-Z6", i / 2 == 1);
        size_t unsealed = made.size;
        make_seal(&made);
        int fd = made_file(&made);
        for (size_t size = made.size + 1; size-- > 0;) {
            struct archive *archive;
            struct arena *own = arena_new();
            assert_int_equal(ftruncate(fd, (off_t)size), 0);
            enum err_code code = check_file(fd, own, &archive, &err);
            if ((code == ERR_OK) != (size == made.size || size == unsealed))
                fail_msg("cut to %zu of %zu: %s", size, made.size, err.words);
            if (code == ERR_OK)
                assert_int_equal(archive->sealed, size == made.size);
            arena_free(own);
        }
        close(fd);
        maker_end(&made);
    }
}

static void every_flipped_bit_of_a_sealed_archive_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct maker made;
        dump_little(&made, i == 0 ? "-Z0" : "-Z6", i == 0);
        make_seal(&made);
        int fd = made_file(&made);
        for (size_t bit = 0; bit < 8 * made.size; bit++) {
            struct arena *own = arena_new();
            unsigned char byte = made.bytes[bit / 8] ^ (unsigned char)(1u << bit % 8);
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
            if (check_file(fd, own, NULL, &err) == ERR_OK)
                fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
            assert_int_equal(pwrite(fd, &made.bytes[bit / 8], 1, (off_t)(bit / 8)), 1);
            arena_free(own);
        }
        assert_int_equal(check_file(fd, arena, NULL, &err), ERR_OK);
        close(fd);
        maker_end(&made);
    }
}

static void other_formats_of_pg_dump_are_named(void **state)
{
    static const struct {
        const char *format, *words;
    } cases[] = {{"-Fp", "plain SQL script"}, {"-Ft", "tar archive of pg_dump"}};
    struct maker made;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        TOOL(&made, SUBPROCESS_NULL, "pg_dump", cases[i].format, "-d", dsn("little"));
        assert_int_equal(check_made(&made, arena, NULL, &err), ERR_FILE_NOT_ARCHIVE);
        assert_non_null(strstr(err.words, cases[i].words));
        maker_end(&made);
    }
    const char *path = file_path("as_directory");
    TOOL(NULL, SUBPROCESS_NULL, "pg_dump", "-Fd", "-f", path, "-d", dsn("little"));
    read_path(arena_printf(arena, "%s/toc.dat", path), &made);
    assert_int_equal(check_made(&made, arena, NULL, &err), ERR_FILE_NOT_ARCHIVE);
    assert_non_null(strstr(err.words, "directory format"));
    maker_end(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_the_real_ones),
        cmocka_unit_test(dumps_with_options_are_verified),
        cmocka_unit_test(stock_pg_restore_passes_the_seal_by),
        cmocka_unit_test(every_truncation_is_refused_but_the_one_before_the_seal),
        cmocka_unit_test(every_flipped_bit_of_a_sealed_archive_is_refused),
        cmocka_unit_test(other_formats_of_pg_dump_are_named),
    };
    return cmocka_run_group_tests_name("archive/real", tests, start, end);
}
