/* SPDX-License-Identifier: MIT */

/*
 * report - a delivery status notification: RFC 3461, 3464, 6522, 6533
 *
 * Three parts: words for people, message/delivery-status for programs, and
 * the header or all of the message that it is about:
 *
 *	report_begin -> report_content... -> report_end
 *
 * Whatever comes from outside is masked: fields hold printable ASCII alone,
 * the words valid UTF-8.  A message whose header is not ASCII is returned as
 * message/global in quoted-printable (RFC 6532, 3.7), so that a report of it
 * passes every server.
 *
 * Does not know: queue files, who is told, whether he wants to be.
 */

#ifndef MESSAGE_REPORT_H
#define MESSAGE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "message/quoted_printable.h"

/* Of all recipients of one report. */
enum report_action { REPORT_FAILED, REPORT_DELAYED, REPORT_RELAYED, REPORT_DELIVERED };

enum { REPORT_BOUNDARY_SIZE = 48, REPORT_STATUS_SIZE = 12 };

/* Strings are borrowed; NULL and 0: not known. */
struct report_recipient {
	const char *address;
	const char *original; /* "type;address" as ORCPT, or the address before aliases */
	char status[REPORT_STATUS_SIZE];
	const char *diagnostic;	  /* the server's reply, "550 5.1.1 no such user" */
	const char *words;	  /* what happened, for people; the server's words included */
	const char *remote_mta;	  /* who said so */
	int64_t last_attempt;	  /* clock_wall */
	int64_t will_retry_until; /* clock_wall; delayed ones */
};

struct report {
	enum report_action action;
	const char *sender; /* of the message, where somebody else is told */
	const char *from;   /* what the smarthost takes */
	const char *const *to;
	size_t to_count;
	const char *reporting_mta;
	const char *domain; /* of the Message-ID */
	const char *queue_id;
	const char *envid; /* decoded */
	int64_t arrived;   /* clock_wall */
	int64_t now;
	const struct report_recipient *recipients;
	size_t recipient_count;
	bool returns_message; /* the body, too */
	bool header_has_8bit; /* of what is returned */
	bool body_has_8bit;
	/* Private to report.c: */
	char boundary[REPORT_BOUNDARY_SIZE];
	struct quoted_printable encoder;
	struct buffer held;
	bool ends_line; /* what was returned so far */
};

/* Appends the whole header, the empty line and all up to where the message belongs. */
void report_begin(struct report *report, struct buffer *output);

/* The header of all of it, and its end in octets: where report_begin's output is split. */
size_t report_header_length(struct span beginning);

/* Appends octets of the returned header or message, in wire form. */
void report_content(struct report *report, struct span octets, struct buffer *output);

/* Appends the rest; report holds nothing more. */
void report_end(struct report *report, struct buffer *output);

/* The octets that are sent hold 8-bit ones. */
bool report_is_8bit(const struct report *report);

#endif
