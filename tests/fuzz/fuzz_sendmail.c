/* SPDX-License-Identifier: MIT */

/*
 * A call of sendmail: its command line and its standard input.
 *
 * The first octet says how many words follow (a digit when written by hand),
 * each up to a NUL, the name of the program first; the rest is the input.
 */

#include "sendmail/intake.h"
#include "sendmail/options.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "message/address.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS = 16 };

struct call {
	char *words[WORDS + 1]; /* as they came */
	char *argv[WORDS + 1];	/* as the parser leaves them */
	int count;
};

static void finish_call(struct call *call)
{
	for (int i = 0; i < call->count; i++)
		free(call->words[i]);
}

static void read_call(struct call *call, struct span *input)
{
	int count = (int)(fuzz_take(input) % WORDS);

	while (call->count < count && input->length != 0) {
		struct span word = fuzz_part(input);

		call->words[call->count] = span_copy(word);
		call->argv[call->count] = call->words[call->count];
		call->count++;
	}
}

static void put_on_stdin(struct span input)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	assert(fd >= 0 && file_write_all(fd, input) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	assert(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	file_close(&fd);
}

static bool is_word_of(const struct call *call, const char *word)
{
	for (int i = 0; i < call->count; i++)
		if (word >= call->words[i] && word <= call->words[i] + strlen(call->words[i]))
			return true;
	return false;
}

/* Each word at most once, in its order; no word with a hyphen unless "--" stands before it. */
static void check_recipients(const struct call *call, const struct options *options)
{
	int at = 1;

	assert((options->recipients == NULL) == (options->recipient_count == 0));
	for (int i = 0; i < options->recipient_count; i++) {
		const char *word = options->recipients[i];
		bool is_behind = false;

		while (at < call->count && call->words[at] != word)
			at++;
		assert(at < call->count);
		for (int k = 1; k < at; k++)
			is_behind = is_behind || strcmp(call->words[k], "--") == 0;
		assert(word[0] != '-' || word[1] == '\0' || is_behind);
		at++;
	}
}

static void check_options(const struct call *call, const struct options *options)
{
	check_recipients(call, options);
	assert(options->sender == NULL || is_word_of(call, options->sender));
	assert(options->full_name == NULL || is_word_of(call, options->full_name));
	assert(options->envid == NULL || (is_word_of(call, options->envid) &&
					     strlen(options->envid) <= ENVELOPE_ENVID_LIMIT));
	assert((options->ignored_letter == '\0') == (options->ignored_value == NULL));
	assert((options->notify & ENVELOPE_NOTIFY_NEVER) == 0 ||
	       options->notify == ENVELOPE_NOTIFY_NEVER);
	/* A message that would be lost was refused. */
	if (options->mode == OPTIONS_RUN_QUEUE || options->mode == OPTIONS_CHECK_ALIASES ||
	    options->mode == OPTIONS_SERVE || options->mode == OPTIONS_SERVE_BACKGROUND)
		assert(options->recipient_count == 0 && !options->reads_header);
}

/* Lines with CR LF, and no lone dot where that ends the message. */
static void check_wire_form(struct span text, const struct options *options)
{
	struct span line;

	assert(text.length == 0 || text.start[text.length - 1] == '\n');
	while (span_take_until(&text, '\n', &line)) {
		assert(line.length != 0 && line.start[line.length - 1] == '\r');
		line.length--;
		assert(span_find_byte(line, '\r') < 0);
		assert(options->ignores_dots || !span_equals_string(line, "."));
	}
}

static void check_message(struct intake *intake, const struct options *options)
{
	CLEANUP(buffer_finish) struct buffer whole = { 0 };
	struct error error;
	char block[1000];
	ssize_t count;

	buffer_init(&whole, 64 << 20);
	buffer_append_span(&whole, buffer_span(&intake->front));
	while ((count = intake_read_more(intake, block, sizeof block, &error)) > 0)
		buffer_append(&whole, block, (size_t)count);
	assert(count == 0 && intake->is_whole);
	check_wire_form(buffer_span(&whole), options);
}

static void check_envelope(const struct envelope *envelope, const struct options *options)
{
	struct error error;

	assert(envelope->recipient_count != 0 && envelope->sender != NULL);
	assert(address_check(span_from_string(envelope->sender), &error) == 0);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		assert(envelope->recipients[i].address[0] != '\0');
		assert(
		    address_check(span_from_string(envelope->recipients[i].address), &error) == 0);
		assert(envelope->recipients[i].notify == options->notify);
	}
	assert(envelope->return_content == options->return_content);
	assert(fuzz_is_same_string(envelope->envid, options->envid));
}

static void check_intake(const struct options *options)
{
	CLEANUP(intake_finish) struct intake intake = { 0 };
	struct error error;

	if (intake_read(&intake, options, &error) < 0) {
		fuzz_check_error(&error);
		assert(error.kind == ERROR_USAGE || error.kind == ERROR_DATA);
		return;
	}
	check_envelope(&intake.envelope, options);
	assert((intake.bad_count == 0) == (intake.fault[0] == '\0'));
	check_message(&intake, options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(finish_call) struct call call = { 0 };
	struct span input = fuzz_input(data, size);
	struct options options;
	struct error error;

	read_call(&call, &input);
	if (options_parse(call.count, call.argv, &options, &error) < 0) {
		fuzz_check_error(&error);
		assert(error.kind == ERROR_USAGE);
		return 0;
	}
	check_options(&call, &options);
	put_on_stdin(input);
	if (options.mode == OPTIONS_SEND)
		check_intake(&options);
	return 0;
}
