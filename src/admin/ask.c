/* SPDX-License-Identifier: MIT */

#include "admin/ask.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

enum { ANSWER_LIMIT = 65536 };

bool ask_is_possible(void)
{
	return isatty(STDIN_FILENO) == 1;
}

/* ---- a terminal without echo ---- */

struct terminal {
	struct termios before;
	sigset_t mask_before;
	int signals; /* what would end or stop us, as a descriptor */
};

/*
 * Character by character: by lines the kernel keeps no more than 4095 octets,
 * and drops the rest of a long token without a word.
 */
static int silence(struct terminal *terminal)
{
	static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct termios silent;
	sigset_t set;

	if (tcgetattr(STDIN_FILENO, &terminal->before) < 0)
		return -1;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
		sigaddset(&set, watched[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &terminal->mask_before);
	terminal->signals = signalfd(-1, &set, SFD_CLOEXEC);
	silent = terminal->before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ICANON);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
}

/* A signal that waits does its work now, with the terminal in order. */
static void restore(struct terminal *terminal)
{
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
	file_close(&terminal->signals);
	(void)sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
}

/* Of UTF-8 the whole character. */
static void drop_last(struct buffer *answer)
{
	while (answer->length != 0) {
		answer->length--;
		if (((unsigned char)answer->start[answer->length] & 0xc0) != 0x80)
			return;
	}
}

enum key { KEY_MORE, KEY_END, KEY_GONE };

static enum key take_key(const struct terminal *terminal, char c, struct buffer *answer)
{
	cc_t byte = (cc_t)c;

	if (c == '\n' || c == '\r')
		return KEY_END;
	if (byte == terminal->before.c_cc[VEOF])
		return answer->length == 0 ? KEY_GONE : KEY_END;
	if (byte == terminal->before.c_cc[VERASE] || c == '\b' || c == 0x7f)
		drop_last(answer);
	else if (byte == terminal->before.c_cc[VKILL])
		buffer_clear(answer);
	else
		buffer_append_byte(answer, c);
	return KEY_MORE;
}

/* KEY_MORE: a signal came in between. */
static enum key read_keys(const struct terminal *terminal, struct buffer *answer)
{
	struct pollfd ready[] = {
		{ STDIN_FILENO, POLLIN, 0 },
		{ terminal->signals, POLLIN, 0 },
	};

	for (;;) {
		char c;

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return KEY_GONE;
		if (ready[1].revents != 0)
			return KEY_MORE;
		if (ready[0].revents == 0)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1)
			return KEY_GONE;
		enum key key = take_key(terminal, c, answer);
		if (key != KEY_MORE)
			return key;
	}
}

/* False: it ended before there was an answer. */
static bool type_secret(const char *prompt, struct buffer *answer)
{
	enum key key = KEY_MORE;

	while (key == KEY_MORE) {
		struct terminal terminal = { .signals = -1 };

		buffer_clear(answer);
		/* Who sees the prompt may type at once: silence comes first. */
		bool is_silent = silence(&terminal) == 0;
		fputs(prompt, stderr);
		key = is_silent ? read_keys(&terminal, answer) : KEY_GONE;
		restore(&terminal);
		fputc('\n', stderr);
	}
	return key == KEY_END;
}

/* ---- a line ---- */

static int read_all(struct buffer *text, bool is_terminal, struct error *error)
{
	for (;;) {
		char *room = buffer_reserve(text, 4096);

		if (room == NULL)
			return error_set(error, ERROR_USAGE, "5.5.4",
			    "standard input is longer than %d octets", ANSWER_LIMIT);
		ssize_t count = read(STDIN_FILENO, room, 4096);
		if (count < 0 && errno != EINTR)
			return error_system(error, "cannot read standard input");
		if (count == 0)
			return 0;
		buffer_extend(text, count > 0 ? (size_t)count : 0);
		/* A terminal gives a line at a time. */
		if (is_terminal && span_find_byte(buffer_span(text), '\n') >= 0)
			return 0;
	}
}

static int refuse_nothing(struct error *error)
{
	return error_set(error, ERROR_USAGE, "5.5.4", "nothing was entered, so nothing is changed");
}

static int take_only_line(struct span text, char **answer, struct error *error)
{
	struct span line = { 0 };

	if (!span_take_line(&text, &line))
		return refuse_nothing(error);
	while (text.length != 0 && strchr("\r\n", text.start[0]) != NULL)
		text = span_after(text, 1);
	if (text.length != 0)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "standard input has more than one line, and a secret is one line");
	if (span_find_byte(line, '\0') >= 0)
		return error_set(error, ERROR_USAGE, "5.5.4", "standard input holds a NUL byte");
	*answer = span_copy(line);
	return 0;
}

int ask_line(const char *prompt, char **answer, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	bool is_terminal = ask_is_possible();

	if (is_terminal)
		fputs(prompt, stderr);
	buffer_init(&text, ANSWER_LIMIT + 4096);
	(void)buffer_reserve(&text, ANSWER_LIMIT + 4096);
	if (read_all(&text, is_terminal, error) < 0)
		return -1;
	return take_only_line(buffer_span(&text), answer, error);
}

int ask_secret(const char *prompt, char **answer, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };

	if (!ask_is_possible())
		return ask_line(prompt, answer, error);
	buffer_init(&text, ANSWER_LIMIT);
	(void)buffer_reserve(&text, ANSWER_LIMIT);
	if (!type_secret(prompt, &text))
		return refuse_nothing(error);
	if (text.has_overflowed || span_find_byte(buffer_span(&text), '\0') >= 0)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "that is longer than %d octets, or holds a NUL", ANSWER_LIMIT);
	*answer = span_copy(buffer_span(&text));
	return 0;
}
