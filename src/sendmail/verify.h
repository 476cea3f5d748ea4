/* SPDX-License-Identifier: MIT */

/*
 * verify - "sendmail -bv": what would become of mail for these recipients
 *
 * Each is asked for by XEXPLAIN, and the answer printed as it comes; nothing is
 * sent and nothing queued.  With -t the message on stdin names recipients, too;
 * with -v the smarthost is asked whether it knows them.
 *
 * Does not know: how the answer is found.
 */

#ifndef SENDMAIL_VERIFY_H
#define SENDMAIL_VERIFY_H

#include "base/error.h"
#include "sendmail/options.h"

/*
 * 0: all were looked at; *status is ERROR_NONE, or the exit status of the first
 * that cannot be sent.  -1: error is the line for the caller, its kind the exit
 * status: no usable recipient, or nobody to ask.
 */
int verify_run(const struct options *options, enum error_kind *status, struct error *error);

#endif
