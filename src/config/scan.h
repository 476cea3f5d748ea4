/* SPDX-License-Identifier: MIT */

/*
 * scan - mailchute.conf as tokens, before libConfuse reads it
 *
 * A fault is told and then mended as the writer surely meant it, so that the
 * rest of the file can be looked at, too.
 */

#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"

enum scan_kind { SCAN_END, SCAN_WORD, SCAN_QUOTED, SCAN_MARK };

struct scan_token {
	enum scan_kind kind;
	struct span text; /* without the quotes */
	size_t start;	  /* of the token, with its quote */
	int line;
	bool reads_environment; /* in double quotes, where libConfuse puts in ${NAME} */
};

typedef void scan_tell(void *context, int line, const struct error *fault);

struct scan {
	const char *path;
	struct span text;
	char *mended; /* as long as text: what is at fault becomes blanks */
	size_t at;
	int line;
	scan_tell *tell;
	void *context;
	unsigned fault_count;
	size_t told;  /* tokens before it had their faults told, should they come again */
	bool is_over; /* by a fault that leaves no sense in what follows */
};

/* The next one; SCAN_END at the end, and when it is over. */
void scan_next(struct scan *scan, struct scan_token *token);

bool scan_is_mark(const struct scan_token *token, char mark);
bool scan_is_value(const struct scan_token *token);

/* Back to what stands at the token, so that it is the next one again. */
void scan_return(struct scan *scan, const struct scan_token *token);

/* Fills the text, "FILE line 7: ..."; scan_fault tells it, once the next step is in. */
void scan_describe(struct scan *scan, struct error *error, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void scan_fault(struct scan *scan, int line, const struct error *error);

/* It is named so that its value is not to be shown. */
bool scan_holds_secret(struct span text);

/* From there to here nothing is for the parser. */
void scan_blank(struct scan *scan, size_t start);

#endif
