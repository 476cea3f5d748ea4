/* SPDX-License-Identifier: MIT */

/*
 * explain_message - what would leave of one message, for people and as JSON
 *
 * Does not know: where the message comes from, who asks.
 */

#ifndef ADMIN_EXPLAIN_MESSAGE_H
#define ADMIN_EXPLAIN_MESSAGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "message/header.h"
#include "service/prediction.h"

/* What changes in the header on the way to each smarthost: "-" was, "+" will be. */
void explain_message_print(
    const struct prediction *prediction, const struct header *given, bool is_coloured);

/*
 * One object on one line, with its line end.  refusal: the message would get
 * it, and prediction is empty; NULL: it would not.  lines: what people are told
 * of it, each with LF.
 */
void explain_message_print_json(const struct prediction *prediction,
    const struct prediction_question *question, const struct error *refusal, struct span lines);

#endif
