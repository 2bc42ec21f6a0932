/* hubport: one binary, server and commands. The commands are the table in cli/commands.c. */
#include "cli/command.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
