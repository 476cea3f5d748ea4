/* SPDX-License-Identifier: MIT */

/*
 * older - is there the setup of a program that did this before?
 */

#ifndef CONFIG_OLDER_H
#define CONFIG_OLDER_H

/*
 * The file of one that names a smarthost, as seen from below root ("" for the
 * machine itself); NULL: there is none.
 */
const char *older_find(const char *root);

#endif
