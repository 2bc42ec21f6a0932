#include "cli/figures.h"

#include "base/text.h"

#define NAME_WIDTH 36

static void print_number(uint64_t value)
{
    printf(" %11llu", (unsigned long long)value);
}

/* Widths are those of the terminal: a Chinese character takes two columns, three bytes. */
static void print_heading(const char *text, int width)
{
    int columns = 0;
    for (const char *at = text; *at != '\0'; at++)
        columns += ((unsigned char)*at & 0xc0) == 0x80 ? 0 : (unsigned char)*at < 0x80 ? 1 : 2;
    printf(" %*s%s", width > columns ? width - columns : 0, "", text);
}

static void print_row(const struct figures *figures, const char *name, const struct table_figures *table)
{
    printf("%-*s", NAME_WIDTH, name);
    if (figures->merge) {
        const uint64_t values[] = {table->added,       table->updated, table->identical,
                                   table->conflicting, table->failed,  table->foreign_parent};
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
            print_number(values[i]);
    } else {
        print_number(table->old_rows);
        print_number(table->new_rows);
    }
    putchar('\n');
}

static void print_headings(const struct invocation *invocation, const struct figures *figures)
{
    static const char *const merge[][2] = {{"新增", "added"},       {"更新", "updated"}, {"相同", "identical"},
                                           {"冲突", "conflicting"}, {"失败", "failed"},  {"上级不符", "foreign"}};
    static const char *const overwrite[][2] = {{"现有", "rows here"}, {"备份", "archive"}};
    const char *const(*headings)[2] = figures->merge ? merge : overwrite;
    size_t count = figures->merge ? ARRAY_LEN(merge) : ARRAY_LEN(overwrite);
    printf("%*s", NAME_WIDTH, "");
    for (size_t i = 0; i < count; i++)
        print_heading(command_say(invocation, headings[i][0], headings[i][1]), 11);
    putchar('\n');
}

static void print_firsts(const struct invocation *invocation, const struct table_figures *table)
{
    if (table->created)
        printf("    %s\n",
               command_say(invocation, "（只有备份中有，由备份创建）", "(only the archive has it: created from it)"));
    if (table->first_conflicting != NULL)
        printf("    %s %s\n", command_say(invocation, "第一个冲突：", "first conflicting:"), table->first_conflicting);
    if (table->failed_by != NULL)
        printf("    %s %s (%s)\n", command_say(invocation, "第一个失败：", "first failed:"),
               table->first_failed == NULL ? "?" : table->first_failed, table->failed_by);
    if (table->first_foreign_parent != NULL)
        printf("    %s %s\n", command_say(invocation, "第一个上级不符：", "first of a foreign parent:"),
               table->first_foreign_parent);
}

static void print_names(const char *title, const char *const *names, size_t count)
{
    if (count > 0)
        printf("%s\n", title);
    for (size_t i = 0; i < count; i++)
        printf("    %s\n", names[i]);
}

void print_figures(struct invocation *invocation, const struct figures *figures)
{
    const struct schema_differences *differences = &figures->differences;
    struct table_figures total = figures_total(figures);
    print_headings(invocation, figures);
    for (size_t i = 0; i < figures->count; i++) {
        print_row(figures, figures->tables[i].table, &figures->tables[i]);
        print_firsts(invocation, &figures->tables[i]);
    }
    print_row(figures, command_say(invocation, "合计", "total"), &total);
    print_names(command_say(invocation, "只有当前数据库有的表：", "Tables only here:"), differences->tables_here,
                differences->table_here_count);
    print_names(command_say(invocation, "只有备份中有的表：", "Tables only in the archive:"), differences->tables_there,
                differences->table_there_count);
    print_names(command_say(invocation, "只有当前数据库有的列：", "Columns only here:"), differences->columns_here,
                differences->column_here_count);
    print_names(command_say(invocation, "只有备份中有的列（已忽略）：", "Columns only in the archive (left out):"),
                differences->columns_there, differences->column_there_count);
    print_names(command_say(invocation, "未创建的表：", "Tables that are not created:"), differences->not_created,
                differences->not_created_count);
    if (figures->estimate_basis != NULL)
        printf("%s %.1f s (%s)\n", command_say(invocation, "预计用时：", "Estimated time:"),
               (double)figures->estimate_ms / 1000, figures->estimate_basis);
}
