/* SPDX-License-Identifier: MIT */

/* mailchute (commands.h). */

#include "admin/commands.h"

int main(int argc, char **argv)
{
	return commands_run(argc, argv);
}
