/* SPDX-License-Identifier: MIT */

/*
 * personality - what a sendmail does that is called by this name, with these options
 *
 * sendmail, mailq, newaliases: the drop-in that every caller knows.
 */

#ifndef SENDMAIL_PERSONALITY_H
#define SENDMAIL_PERSONALITY_H

/* The whole program.  Returns its exit status (sysexits.h). */
int personality_run(int argc, char **argv);

#endif
