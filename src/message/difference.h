/* SPDX-License-Identifier: MIT */

/*
 * difference - what has become of a header, field by field
 *
 * Fields are the same octet for octet or not at all; one that took another's
 * place is told right behind it.
 */

#ifndef MESSAGE_DIFFERENCE_H
#define MESSAGE_DIFFERENCE_H

#include "base/span.h"
#include "message/header.h"

enum difference_kind {
	DIFFERENCE_SAME,
	DIFFERENCE_OLD, /* it is gone */
	DIFFERENCE_NEW,
};

/* field: whole, with its last line end. */
typedef void difference_visit(void *context, enum difference_kind kind, struct span field);

void difference_of(const struct header *before, const struct header *after, difference_visit *visit,
    void *context);

#endif
