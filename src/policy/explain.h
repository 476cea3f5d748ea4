/* SPDX-License-Identifier: MIT */

/*
 * explain - what would become of a message, and why
 *
 * Goes the way of a real one: expand, route, sender.  The
 * answer is lines for people; those about an alias and about a final recipient
 * look as sendmail -bv writes them, the others begin with four blanks:
 *
 *	root... aliased to me@example.com (/etc/aliases line 3)
 *	me@example.com... deliverable: mailer relay, host smtp.example.com, user me@example.com
 *	    smarthost "provider", the only smarthost (...): smtp+tls://smtp.example.com:587
 *	    sender root@web1 goes as alerts@example.com, because ...
 *
 * Does not know: files of secrets, sockets, who asks.
 */

#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "config/config.h"
#include "message/envelope.h"
#include "policy/aliases.h"
#include "policy/route.h"

/* Takes smarthosts that may not be used by this sender out of the list.  -1: all of them. */
typedef int explain_filter(
    void *context, const char *sender, struct route_list *list, struct error *error);

struct explain_question {
	const struct config *config;   /* borrowed by the answer, too */
	const struct aliases *aliases; /* read now, for this question */
	const char *sender;	       /* as given; NULL: the caller's own */
	const char *complete_sender;   /* as it stands in the envelope */
	const char *recipient;
	const struct envelope *given; /* a whole one, instead of the last two; NULL: none */
	const char *author;	      /* the address in From, for routes; NULL: not known */
	int64_t uid;		      /* of the submitter; -1: unknown */
	explain_filter *filter;	      /* may be NULL; as long as the answer */
	void *filter_context;
};

/* What was found out; all owned but config and smarthost. */
struct explain {
	const struct config *config;
	const struct config_smarthost *smarthost; /* of the first recipient */
	int64_t uid;
	explain_filter *filter;
	void *filter_context;
	char *author;
	char *sender_given;	  /* NULL: the caller's own */
	char *sender_complete;	  /* before the aliases */
	struct envelope envelope; /* as it would be queued */
	struct buffer steps;	  /* lines about the aliases, each with LF */
	char *fault;		  /* of the aliases file, or NULL */
};

/* -1: the error that the message would get; explain stays zeroed. */
int explain_find(
    struct explain *explain, const struct explain_question *question, struct error *error);
void explain_finish(struct explain *explain);

/* What is known of the account. */
struct explain_login {
	const struct smarthost *known; /* with user, and from; NULL: fault says why not */
	const struct error *fault;
	bool is_shown; /* the user's name is for this reader's eyes */
};

/* A line without line end, valid during the call.  False: no more are wanted. */
typedef bool explain_line(void *context, struct span line);

/* The lines, in order. */
void explain_write(const struct explain *explain, const struct explain_login *login,
    explain_line *take, void *context);

#endif
