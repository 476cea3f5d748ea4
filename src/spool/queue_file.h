/* SPDX-License-Identifier: MIT */

/*
 * queue_file - one message waiting in the spool
 *
 * From the moment the submitter is told "250" until every recipient is
 * delivered or reported, a queue file is the only place where the message is.
 * Its life, and the function that makes each step:
 *
 *	nothing -> draft	queue_file_create	without a name, locked
 *	draft	-> queued	queue_file_commit	named, then on disk
 *	queued	-> active	queue_file_open		locked by this process
 *	active	-> queued	queue_file_finish
 *	active	-> nothing	queue_file_remove
 *
 * Always true, whichever call the machine dies in:
 *
 *	1. A file whose length and checksum are right is whole; another is put
 *	   aside.  A name alone proves nothing.
 *	2. A draft has no name (or one that is no queue ID, where the file
 *	   system has no O_TMPFILE): a crash leaves nothing that counts.
 *	3. A recipient that is marked and synced is never tried again.
 *
 * The order of commit is write, linkat, fsync(file), fsync(directory);
 * security.md 4.4 has the measurements.
 *
 * Form, readable with less: a preamble of fixed length (preamble.h: version,
 * lengths, checksum; then the progress, overwritten in place), records that no
 * octet of a user can forge (record.h, queue_records.h; a recipient's mark is
 * overwritten in place), the message in wire form (header, empty line, body),
 * and behind it the replies (journal.h), which may be lost.  The checksum
 * covers the lengths, the records with their first marks, and the message.
 *
 * Does not know: smarthosts, retry times, header fields, SMTP.
 */

#ifndef SPOOL_QUEUE_FILE_H
#define SPOOL_QUEUE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/writer.h"
#include "message/envelope.h"
#include "spool/draft.h"
#include "spool/journal.h"
#include "spool/queue_id.h"

enum queue_file_state {
	QUEUE_FILE_NONE,
	QUEUE_FILE_DRAFT,
	QUEUE_FILE_QUEUED,
	QUEUE_FILE_ACTIVE,
};

/* One character a recipient, overwritten in place. */
enum recipient_mark {
	RECIPIENT_WAITING = '.',
	RECIPIENT_DELIVERED = 'D',
	RECIPIENT_FAILED = 'F',	  /* for good; a report is owed */
	RECIPIENT_REPORTED = 'R', /* failed, and the report is durable, or none is wanted */
	RECIPIENT_UNTOLD = 'S',	  /* delivered; a report of it is owed */
	RECIPIENT_IN_DOUBT = 'U', /* sent, no answer; tried again */
};

enum { QUEUE_FILE_REPLY_SIZE = 900 };

/* What is known beside the envelope.  Strings are owned by the queue file when read. */
struct queue_attributes {
	int64_t received;	   /* clock_wall */
	int64_t uid;		   /* submitter; -1 unknown */
	char entrance[16];	   /* "local", "smtp"... for the log */
	char full_name[401];	   /* XNAME; "" */
	char about[QUEUE_ID_SIZE]; /* of a report: the message that it is about; "" */
	bool has_8bit;		   /* set before commit: the body holds 8-bit octets */
	bool is_report;		   /* one of our own reports: never reported on */
	bool sender_is_local;	   /* was a bare name: reports go to whom the settings say */
	uint64_t longest_line;	   /* octets */
};

/* What changes with each attempt; overwritten in place. */
struct queue_progress {
	int64_t next_attempt;			/* clock_wall; 0: at once */
	uint32_t attempts;			/* finished ones */
	bool is_held;				/* by an administrator */
	bool has_warned;			/* a report of the delay was made */
	bool has_begun;				/* an attempt, of whose end nothing is written */
	char last_reply[QUEUE_FILE_REPLY_SIZE]; /* one line; "" */
};

/* What matters of a file before it is opened. */
struct queue_summary {
	struct queue_progress progress;
	int64_t uid; /* of the submitter; -1 unknown */
	bool is_report;
	uint64_t message_length;
};

struct queue_file {
	enum queue_file_state state;
	int queue; /* the directory; borrowed */
	int fd;	   /* owned; -1 in QUEUE_FILE_NONE */
	char id[QUEUE_ID_SIZE];
	struct envelope envelope; /* owned; read by queue_file_open */
	struct queue_attributes attributes;
	struct queue_progress progress;
	char *marks;		 /* owned; enum recipient_mark of each recipient */
	char **replies;		 /* owned; the last words about each recipient, or NULL */
	uint64_t message_offset; /* where the message begins in the file */
	uint64_t header_length;	 /* header with its empty line */
	uint64_t message_length; /* header and body */
	/* Private to queue_file.c: */
	struct writer *writer;
	uint32_t checksum;
	uint64_t *mark_offsets;
	char draft_name[DRAFT_NAME_SIZE]; /* "" with O_TMPFILE */
	struct journal journal;
};

/*
 * Starts a draft in a zeroed or finished file, whose id is kept if it holds
 * one.  The envelope (with a sender and a recipient) and the attributes are
 * copied and written; the message follows by queue_file_write.
 * queue_directory stays the caller's.
 */
int queue_file_create(struct queue_file *file, int queue_directory, const struct envelope *envelope,
    const struct queue_attributes *attributes, struct error *error);

/* Appends octets of the message, header first.  A failed write is told by commit. */
void queue_file_write(struct queue_file *file, struct span bytes);

/* Tells that the header, empty line included, ends here. */
void queue_file_end_header(struct queue_file *file);

/*
 * Gives the draft a queue ID, unless file->id holds one already, and makes it
 * durable.  Attributes that became known meanwhile (has_8bit, longest_line)
 * are taken from file->attributes.  After 0 it survives a power cut, and stays
 * locked until queue_file_finish.  After -1 it has no name in the spool, and
 * can only be finished.
 */
int queue_file_commit(struct queue_file *file, struct error *error);

/*
 * Opens and checks the file with this ID and locks it.  0: active; 1: another
 * process holds it; 2: there is none; 3: it does not check out, and error says
 * why (the caller puts it aside; who does so must come from here, because a
 * file that is not locked may be in the middle of its commit); -1: error.
 * Never waits, whatever has that name.
 */
int queue_file_open(
    struct queue_file *file, int queue_directory, const char *id, struct error *error);

/* The same for reading alone: no lock, nothing may be marked. */
int queue_file_read(
    struct queue_file *file, int queue_directory, const char *id, struct error *error);

/*
 * The same without reading the message, for a list of many: what it holds is
 * well formed, but nothing proves that it is what was written.
 */
int queue_file_peek(
    struct queue_file *file, int queue_directory, const char *id, struct error *error);

/*
 * Another process has this file, which was read, in its hands: it is being
 * delivered.  Looks by holding the lock itself for an instant, which costs
 * whoever comes in it a second look.
 */
bool queue_file_is_in_use(const struct queue_file *file);

/*
 * Reads but the first block: what a start-up scan needs of many files.  0; 2:
 * there is none; 3: it does not check out, as far as one can see without the
 * checksum (queue_file_open decides); -1: error.
 */
int queue_file_read_summary(
    int queue_directory, const char *id, struct queue_summary *summary, struct error *error);

/*
 * Overwrites a recipient's mark in place and adds its reply (one line, may be
 * empty; a disk too full for it loses the reply, not the mark).  Not synced.
 * A mark only goes forward: delivered and failed stay but for their report,
 * and in doubt is not taken back by waiting, because the message may have
 * arrived.
 */
int queue_file_mark(struct queue_file *file, size_t recipient, enum recipient_mark mark,
    const char *reply, struct error *error);

/* Overwrites the progress in place from file->progress.  Not synced. */
int queue_file_save_progress(struct queue_file *file, struct error *error);

/* Makes marks and progress durable. */
int queue_file_sync(struct queue_file *file, struct error *error);

/*
 * A second descriptor of a file that has a name, read-only and without the
 * lock: what a worker is given.  The caller closes it.  -1: error.
 */
int queue_file_open_content(const struct queue_file *file, struct error *error);

/* This recipient is still to be tried. */
bool queue_file_waits(const struct queue_file *file, size_t recipient);

/* One of them is. */
bool queue_file_has_waiting(const struct queue_file *file);

/* How many recipients have this mark. */
size_t queue_file_count(const struct queue_file *file, enum recipient_mark mark);

/* Removes an active file.  Its marks must be synced before. */
int queue_file_remove(struct queue_file *file, struct error *error);

/* Closes, which drops the lock; a draft is gone with it.  Safe on a zeroed file; zeroes. */
void queue_file_finish(struct queue_file *file);

#endif
