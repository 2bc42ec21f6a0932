/* hubport: one binary, server and commands. The commands are the table in cli/commands.c. */
#include "base/failpoint.h"
#include "cli/command.h"

int main(int argc, char **argv)
{
    return fail_points_list() ? 0 : command_main(argc, argv);
}
