/* archive_seeds DIRECTORY: small archives of every kind, for the fuzzer to start from. */
#include "archive/maker.h"
#include "archive/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *directory;

static void save(struct maker *maker, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wbe");
    if (file == NULL || fwrite(maker->bytes, 1, maker->size, file) != maker->size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    maker_end(maker);
}

static void save_small(int minor, enum archive_compression compression, const char *word)
{
    struct maker maker;
    char name[64];
    for (int sealed = 0; sealed <= 1; sealed++) {
        make_small(&maker, minor, compression);
        if (sealed)
            make_seal(&maker);
        snprintf(name, sizeof name, "small-%d-%s%s", minor, word, sealed ? "-sealed" : "");
        save(&maker, name);
    }
}

static void save_objects(enum archive_compression compression, const char *name)
{
    struct maker maker;
    maker_start(&maker, 16, compression);
    make_header(&maker, 1);
    make_entry(&maker, &(struct made_entry){.id = 5, .has_data = true, .desc = "BLOBS", .tag = "BLOBS"});
    make_byte(&maker, 3);
    make_int(&maker, 5);
    for (int oid = 16400; oid < 16403; oid++) {
        make_int(&maker, oid);
        make_packed(&maker, "large object", (size_t)(oid - 16400) * 6);
    }
    make_int(&maker, 0);
    save(&maker, name);
}

static void save_odd(void)
{
    struct maker maker;
    maker_start(&maker, 14, ARCHIVE_GZIP);
    make_header(&maker, 2);
    make_entry(&maker, &(struct made_entry){.id = 1,
                                            .desc = "FUNCTION",
                                            .schema = "public",
                                            .tag = "f()",
                                            .definition = "CREATE FUNCTION public.f() RETURNS void AS '' LANGUAGE sql;",
                                            .dependencies = {"2", "-2147483648"}});
    make_entry(&maker, &(struct made_entry){.id = 2,
                                            .has_data = true,
                                            .desc = "TABLE DATA",
                                            .tag = "no columns",
                                            .copy = "COPY \"a\"\"b\".\"t\"  FROM stdin;\n"});
    maker.chunk = 3;
    make_data(&maker, 2, "\n\n\\.\n\n\n");
    save(&maker, "odd");
}

static bool take(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    (void)err;
    make_bytes(context, bytes, size);
    return true;
}

/* As an export writes it: a table in several pieces. */
static void save_pieces(enum writer_method method, const char *name)
{
    enum { ROWS = 40000 };
    struct maker maker, head;
    struct err err;
    struct writer_spec spec = {.method = method, .threads = 1, .sink = take, .context = &maker};
    maker_start(&maker, 14, ARCHIVE_GZIP);
    maker_start(&head, 14, ARCHIVE_GZIP);
    make_header(&head, 1);
    make_entry(&head, &(struct made_entry){.id = 7,
                                           .has_data = true,
                                           .desc = "TABLE DATA",
                                           .schema = "public",
                                           .tag = "t",
                                           .copy = "COPY public.t (a) FROM stdin;\n"});
    struct writer *writer = writer_new(&spec);
    bool ok = writer_write(writer, head.bytes, head.size, &err) && writer_begin(writer, SEAL_TABLE, 7, &err);
    for (int i = 0; i < ROWS && ok; i++)
        ok = writer_add(writer, (const unsigned char *)"the same row again and again and again\t1\n", 41, &err);
    ok = ok && writer_add(writer, (const unsigned char *)"\\.\n\n\n", 5, &err) && writer_end(writer, &err)
         && writer_seal(writer, &err);
    if (!ok)
        exit(1);
    writer_free(writer);
    maker_end(&head);
    save(&maker, name);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    directory = argv[1];
    for (int minor = 12; minor <= 16; minor++) {
        save_small(minor, ARCHIVE_NONE, "none");
        save_small(minor, ARCHIVE_GZIP, "gzip");
    }
    save_small(16, ARCHIVE_LZ4, "lz4");
    save_small(16, ARCHIVE_ZSTD, "zstd");
    save_objects(ARCHIVE_NONE, "objects-none");
    save_objects(ARCHIVE_GZIP, "objects-gzip");
    save_objects(ARCHIVE_LZ4, "objects-lz4");
    save_objects(ARCHIVE_ZSTD, "objects-zstd");
    save_odd();
    save_pieces(METHOD_BALANCED, "pieces-balanced");
    save_pieces(METHOD_FAST, "pieces-fast");
    return 0;
}
