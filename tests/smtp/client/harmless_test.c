/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/harmless.c; what it is good for stands in tests/dialogues/ahead*.txt. */

#include "smtp/client/harmless.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/guarded.h"

#define HEAD "Subject: x\r\n\r\n"
#define ROW(text) text, sizeof text - 1

static const struct row {
	const char *name;
	const char *text;
	size_t length;
	bool is_harmless;
} rows[] = {
	{ "nothing", ROW(""), true },
	{ "a message", ROW(HEAD "Good day,\r\n\r\n..\r\n-- \r\nme\r\n"), true },
	{ "a verb within a line", ROW(HEAD "see MAIL FROM:<a@b>\r\n"), true },
	{ "a verb", ROW(HEAD "MAIL FROM:<a@b>\r\n"), false },
	{ "at the start of all", ROW("QUIT\r\n"), false },
	{ "at the end of all", ROW(HEAD "quit"), false },
	{ "any case", ROW(HEAD "rSeT\r\n"), false },
	{ "behind CR", ROW(HEAD "x\rRSET\r\n"), false },
	{ "behind LF", ROW(HEAD "x\nRSET\r\n"), false },
	{ "behind NUL", ROW(HEAD "x\0RSET\r\n"), false },
	{ "behind a form feed", ROW(HEAD "x\fRSET\r\n"), false },
	{ "behind DEL", ROW(HEAD "x\x7fRSET\r\n"), false },
	{ "behind blanks", ROW(HEAD " \t RSET\r\n"), false },
	{ "behind what is not ASCII", ROW(HEAD "\xff\xfdRSET\r\n"), false },
	{ "behind a tab within a line", ROW(HEAD "x\tRSET\r\n"), true },
	{ "before NUL", ROW(HEAD "RSET\0\r\n"), false },
	{ "before a colon", ROW(HEAD "data: 1\r\n"), false },
	{ "before what is not ASCII", ROW(HEAD "data\xe9\r\n"), false },
	{ "before an underscore", ROW(HEAD "data_\r\n"), false },
	{ "a longer word", ROW(HEAD "Database\r\nHelpful\r\nQuite\r\n"), true },
	{ "a shorter word", ROW(HEAD "STARTTL\r\nMAI\r\n"), true },
	{ "a word as long as is kept", ROW(HEAD "sixteen-letters-\r\n"), true },
	{ "a longer word than is kept", ROW(HEAD "DATA-and-so-on-and-on\r\n"), true },
	{ "names of fields", ROW("Sender: a\r\nMail-Followup-To: b\r\nData-Id: c\r\n"), true },
	{ "X-Mailer", ROW("X-Mailer: y\r\nx-y: z\r\n"), true },
	{ "X-EXPS", ROW(HEAD "X-EXPS GSSAPI\r\n"), false },
	{ "XCLIENT", ROW(HEAD "xclient addr=1\r\n"), false },
	{ "XANYTHING:", ROW(HEAD "xanything: 1\r\n"), false },
	{ "a lone X", ROW(HEAD "X\r\nx: y\r\n"), true },
};

/* Which commands there are is written down once more. */
static const char *const verbs[] = { "MAIL", "RCPT", "DATA", "BDAT", "RSET", "SEND", "SOML", "SAML",
	"VRFY", "EXPN", "HELP", "NOOP", "QUIT", "TURN", "ATRN", "ETRN", "EHLO", "HELO", "LHLO",
	"AUTH", "STARTTLS", "BURL", "XCLIENT", "XFORWARD", "XEXCH50", "XQUEUE", "XADR", "PROXY",
	"DEBUG", "WIZ", "KILL", "SHOWQ", "VERB", "ONEX" };

static bool is_harmless_in_front(struct span text)
{
	struct content content = { .front = text, .size = (int64_t)text.length };

	return harmless_content(&content);
}

/* The first octets in front, the others in a file, behind some that are not its. */
static bool is_harmless_parted(struct span text, size_t front)
{
	CLEANUP(file_close) int fd = memfd_create("message", MFD_CLOEXEC);
	struct span body = span_after(text, front);
	struct content_file file = { .fd = fd, .offset = 5, .left = body.length };
	struct content content = { .front = span_first(text, front),
		.read = content_read_file,
		.context = &file,
		.size = (int64_t)text.length };

	assert_int_equal(file_write_all(fd, span_from_string("x\r\n\r\n")), 0);
	assert_int_equal(file_write_all(fd, body), 0);
	off_t before = lseek(fd, 2, SEEK_SET);
	bool is_harmless = harmless_content(&content);
	/* Nothing has been taken. */
	assert_true(file.offset == 5 && file.left == body.length);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), before);
	return is_harmless;
}

static void every_row_is_judged_wherever_it_is_parted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span text = guarded(rows[i].text, rows[i].length);

		if (is_harmless_in_front(text) != rows[i].is_harmless)
			fail_msg("%s", rows[i].name);
		for (size_t front = 0; front <= rows[i].length; front++)
			if (is_harmless_parted(text, front) != rows[i].is_harmless)
				fail_msg("%s, parted at %zu", rows[i].name, front);
	}
}

static void every_command_is_harmful(void **state)
{
	static const char *const ends[] = { "", " ", "\r\n", ":", "\t" };
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
			snprintf(text, sizeof text, HEAD "%s%s", verbs[i], ends[j]);
			if (is_harmless_in_front(span_from_string(text)))
				fail_msg("%s", verbs[i]);
		}
}

static struct span repeat(struct buffer *text, char byte, size_t count)
{
	buffer_clear(text);
	for (size_t i = 0; i < count; i++)
		buffer_append_byte(text, i % 70 == 69 && byte == '\n' ? '\n' : (char)'a');
	return buffer_span(text);
}

static void what_is_long_is_not_trusted(void **state)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	(void)state;
	buffer_init(&text, HARMLESS_SIZE + 1);
	assert_true(is_harmless_in_front(repeat(&text, 'a', HARMLESS_LINE)));
	assert_false(is_harmless_in_front(repeat(&text, 'a', HARMLESS_LINE + 1)));
	/* A NUL or CR ends a line for some, and for others it does not. */
	text.start[HARMLESS_LINE / 2] = '\0';
	assert_false(is_harmless_in_front(buffer_span(&text)));
	text.start[HARMLESS_LINE / 2] = '\r';
	assert_false(is_harmless_in_front(buffer_span(&text)));
	text.start[HARMLESS_LINE / 2] = '\n';
	assert_true(is_harmless_in_front(buffer_span(&text)));
	assert_true(is_harmless_in_front(repeat(&text, '\n', HARMLESS_SIZE)));
	assert_true(is_harmless_parted(buffer_span(&text), 100));
	assert_false(is_harmless_in_front(repeat(&text, '\n', HARMLESS_SIZE + 1)));
	assert_false(is_harmless_parted(buffer_span(&text), 100));
}

static ssize_t read_nothing(void *context, char *bytes, size_t size, struct error *error)
{
	(void)context;
	(void)bytes;
	(void)size;
	(void)error;
	fail_msg("it was read");
	return 0;
}

static void what_cannot_be_looked_at_is_not_trusted(void **state)
{
	CLEANUP(file_close) int fd = memfd_create("message", MFD_CLOEXEC);
	struct content_file file = { .fd = fd, .left = 10 };
	struct content content = {
		.front = span_from_string(HEAD), .read = read_nothing, .size = sizeof HEAD - 1 + 10
	};

	(void)state;
	assert_false(harmless_content(&content));
	content.read = content_read_file;
	content.context = &file;
	/* The file is shorter than was said. */
	assert_false(harmless_content(&content));
	assert_int_equal(file_write_all(fd, span_from_string("0123456789")), 0);
	assert_true(harmless_content(&content));
	content.size = -1;
	assert_false(harmless_content(&content));
	/* Less than stands in front already. */
	content.size = 3;
	assert_false(harmless_content(&content));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_judged_wherever_it_is_parted),
		cmocka_unit_test(every_command_is_harmful),
		cmocka_unit_test(what_is_long_is_not_trusted),
		cmocka_unit_test(what_cannot_be_looked_at_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
