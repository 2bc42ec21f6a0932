/* Any bytes as an archive: nothing may crash, hang, or take memory without bounds; threads find the same as one; what
 * was verified can be read, and is as long as was counted. */
#include "archive/archive.h"
#include "fuzz/must.h"

#include <sys/mman.h>
#include <unistd.h>

#define MAX_BYTES (16 * MIB)
#define THREADS_EVERY 32 /* they take their time to start */

static bool count(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    (void)bytes;
    (void)err;
    *(uint64_t *)context += size;
    return true;
}

static void read_all(const struct archive *archive, int fd, struct arena *arena)
{
    struct archive_copy copy;
    struct err err;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        uint64_t bytes = 0;
        if (archive_copy_columns(entry, arena, &copy, &err))
            must(copy.table != NULL && copy.column_count <= ARCHIVE_MAX_COLUMNS);
        if (entry->has_block)
            must(archive_read(archive, fd, entry, count, &bytes, NULL, &err) && bytes == entry->bytes);
    }
}

static void try_archive(struct archive *archive, int fd, struct arena *arena)
{
    static unsigned calls;
    struct err err = ERR_NONE_YET, again = ERR_NONE_YET;
    archive->max_bytes = MAX_BYTES;
    bool ok = archive_verify(archive, fd, NULL, NULL, NULL, &err);
    uint64_t rows = archive->rows, total = archive->bytes;
    must(ok || err.code == ERR_ARCHIVE_DAMAGED || err.code == ERR_FILE_TOO_LARGE);
    must(!ok || total <= MAX_BYTES);
    if (ok)
        read_all(archive, fd, arena);
    /* Which thread meets the limit is chance; every other fault is found in the same place. */
    if (calls++ % THREADS_EVERY != 0 || err.code == ERR_FILE_TOO_LARGE)
        return;
    archive->threads = 2;
    must(archive_verify(archive, fd, NULL, NULL, NULL, &again) == ok);
    must(ok ? archive->rows == rows && archive->bytes == total : strcmp(err.words, again.words) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct err err;
    struct arena *arena = arena_new();
    int fd = memfd_create("archive", MFD_CLOEXEC);
    must(fd >= 0 && (size == 0 || write(fd, bytes, size) == (ssize_t)size));
    struct archive *archive = archive_open(fd, arena, &err);
    if (archive != NULL)
        try_archive(archive, fd, arena);
    close(fd);
    arena_free(arena);
    return 0;
}
