/* SPDX-License-Identifier: MIT */

/* sendmail, mailq, newaliases (personality.h). */

#include "sendmail/personality.h"

int main(int argc, char **argv)
{
	return personality_run(argc, argv);
}
