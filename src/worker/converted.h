/* SPDX-License-Identifier: MIT */

/*
 * converted - the content of an attempt, in a form that the server can take
 *
 * Most messages go as they are, straight from the file.
 */

#ifndef WORKER_CONVERTED_H
#define WORKER_CONVERTED_H

#include <stdbool.h>

#include "delivery/request.h"
#include "smtp/client/content.h"

struct converted {
	struct content_file file;
	struct downgrade *downgrade; /* owned; NULL when the message goes as it is */
};

/*
 * Makes content what is to be sent for attempt, whose body lies in fd, to a
 * server that does or does not offer 8BITMIME.  The content's size is always
 * known.  Both arguments and *converted must stay where they are until it has
 * been sent.  A body that cannot be read becomes a content that cannot be
 * read: so the transaction tells of it.
 */
void converted_init(struct converted *converted, const struct request_attempt *attempt, int fd,
    bool offers_8bitmime, struct content *content);

void converted_finish(struct converted *converted);

#endif
