/* SPDX-License-Identifier: MIT */

/*
 * command - the only place where a command line is built or parsed
 *
 * Building asserts what the envelope has checked already: no control octet
 * ever stands in a command.  Parsing is the server's.
 *
 * The private extension XMAILCHUTE (DESIGN 6), announced with the seconds within
 * which a message is answered: MAIL takes
 *	XNAME=<xtext>	the full name for an added From field
 *	XSENDER=self	no -f was given: the service knows the submitter by uid
 *	XWAIT=disk|outcome	what the caller waits for
 *	XTRACE		progress as 250- lines before the last, each "XTRACE ..."
 *	XLIVE		the same, each line as it comes and before the reply begins:
 *			"000 XTRACE ..." is no reply
 * XEXPLAIN self|<sender> <recipient> [ONLINE] tells what would become of such
 * a message, in "250-" lines.
 * XPLAIN puts an end to it for the rest of a session whose client is somebody
 * else: sendmail -bs lends its caller the connection.  What the server still has
 * to tell sendmail stands in lines that are no reply, and never reach the caller:
 *	000 PARK n	nothing is open, and n octets have been taken since XPLAIN:
 *			who has sent no more may close, and come back another time
 *	000 END		the input has ended, and nothing of the session is lost
 *	000 CLOSE	the last reply was meant to be the last
 */

#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "message/envelope.h"
#include "smtp/extension.h"

enum {
	COMMAND_LINE_LIMIT = 4096, /* with CRLF; RFC 5321 says 512 and more by each extension */
	COMMAND_NAME_LIMIT = 400,  /* XNAME, decoded */
};

/* The word that a line of progress in an answer begins with. */
#define COMMAND_PROGRESS "XTRACE"
/* And one that comes before the answer. */
#define COMMAND_LIVE COMMAND_ASIDE COMMAND_PROGRESS " "

/* The text of the 250 to XEXPLAIN where the smarthost refused: "EXIT 67" (sysexits.h). */
#define COMMAND_EXIT "EXIT "

/* Between a server and sendmail -bs; no reply begins so. */
#define COMMAND_ASIDE "000 "
#define COMMAND_PARK COMMAND_ASIDE "PARK "
#define COMMAND_END COMMAND_ASIDE "END"
#define COMMAND_CLOSE COMMAND_ASIDE "CLOSE"

enum command_verb {
	COMMAND_UNKNOWN,
	COMMAND_HELO,
	COMMAND_EHLO,
	COMMAND_LHLO,
	COMMAND_MAIL,
	COMMAND_RCPT,
	COMMAND_DATA,
	COMMAND_BDAT,
	COMMAND_RSET,
	COMMAND_NOOP,
	COMMAND_VRFY,
	COMMAND_EXPN,
	COMMAND_HELP,
	COMMAND_STARTTLS,
	COMMAND_AUTH,
	COMMAND_QUIT,
	COMMAND_XQUEUE,
	COMMAND_XEXPLAIN,
	COMMAND_XPLAIN,
};

enum command_wait { COMMAND_WAIT_UNSAID, COMMAND_WAIT_DISK, COMMAND_WAIT_OUTCOME };

/* What MAIL may carry beside the sender.  Zeroed: nothing. */
struct mail_parameters {
	bool has_size;
	uint64_t size;
	bool is_8bit;  /* BODY=8BITMIME */
	bool smtputf8; /* SMTPUTF8 */
	enum envelope_return return_content;
	char envid[ENVELOPE_ENVID_LIMIT + 1];	/* decoded; "" without one */
	bool sender_is_self;			/* XSENDER=self */
	char full_name[COMMAND_NAME_LIMIT + 1]; /* XNAME decoded; "" without one */
	enum command_wait wait;
	bool trace;
	bool trace_is_live; /* trace is set, too */
};

struct rcpt_parameters {
	unsigned notify;
	char original[ENVELOPE_ORIGINAL_LIMIT +
		      1]; /* ORCPT decoded "type;address"; "" without one */
};

struct command {
	enum command_verb verb;
	struct span argument;  /* all after the verb, trimmed; into the line */
	struct span address;   /* MAIL, RCPT, VRFY: normal form, into the line; "" for <> */
	struct span recipient; /* XEXPLAIN: normal form, into the line; its sender is in address */
	struct mail_parameters mail; /* sender_is_self also for XEXPLAIN */
	struct rcpt_parameters rcpt;
	bool is_online;	     /* XEXPLAIN ... ONLINE: the smarthost is to be asked, too */
	uint64_t chunk_size; /* BDAT */
	bool is_last;	     /* BDAT ... LAST */
};

/*
 * Parses one line without its CRLF.  An unknown verb is no error.  -1: the
 * verb is known and its argument is not right; verb is set all the same, and
 * the error's status (5.5.2, 5.5.4, 5.1.3, 5.1.7, 5.5.1) suits the reply.
 * Parameters are read whether offered or not; the server refuses those that
 * it did not offer.
 */
int command_parse(struct span line, struct command *command, struct error *error);

/* The reply code that goes with an error of command_parse: 500, 501, 555, 553. */
int command_error_code(const struct error *error);

/* "NEVER", or "SUCCESS,FAILURE,DELAY" or some of these, in any case (RFC 3461, 4.1). */
bool command_read_notify(struct span value, unsigned *notify);

/* The client's end.  Each appends one line with CRLF; parameters not offered are left out. */
void command_write_hello(struct buffer *output, enum command_verb verb, const char *name);
void command_write_mail(struct buffer *output, const char *sender,
    const struct mail_parameters *parameters, const struct extensions *offered);
void command_write_rcpt(
    struct buffer *output, const struct recipient *recipient, const struct extensions *offered);
void command_write_bdat(struct buffer *output, uint64_t size, bool is_last);
/* DATA, RSET, NOOP, QUIT, STARTTLS, XPLAIN. */
void command_write_plain(struct buffer *output, enum command_verb verb);
/*
 * VRFY, HELP, NOOP, RSET and what follows the verb, maybe nothing.  -1: it
 * holds a control or 8-bit octet, or makes the line longer than 512 octets
 * (RFC 5321, 4.5.3.1.4), or VRFY has none.
 */
int command_write_query(
    struct buffer *output, enum command_verb verb, struct span argument, struct error *error);
/* AUTH mechanism [initial response in base64; "=" stands for an empty one; NULL: none]. */
void command_write_auth(struct buffer *output, const char *mechanism, const char *initial);

const char *command_verb_name(enum command_verb verb);

#endif
