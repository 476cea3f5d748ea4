/* SPDX-License-Identifier: MIT */

/*
 * Tests sendmail/handoff.c against a service that plays a scene a session, in
 * a process of its own, and writes down what it was told.
 */

#include "sendmail/handoff.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/memory.h"
#include "tests/sendmail/private_folder.h"
#include "tests/sendmail/stdin.h"
#include "tests/support/cmocka.h"

enum { SCENES = 5, PATH_SIZE = 256 };

/* When the service is lost. */
enum loss {
	NEVER,
	BEFORE_GREETING,
	BEFORE_CONTENT, /* what is sent after EHLO is not even taken */
	WITHIN_CONTENT,
	BEFORE_ANSWERS, /* all was read, nothing is answered */
	BEFORE_LAST_ANSWER,
};

struct scene {
	const char *greeting; /* NULL: 220 */
	enum loss loss;
	const char *mail; /* the answers; NULL: 250 */
	const char *rcpt; /* to whoever has "bad" in the address */
	const char *end;
};

static const char hello[] = "250-service\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n"
			    "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-SIZE\r\n"
			    "250 XMAILCHUTE\r\n";

/* ---- the service ---- */

struct play {
	const struct scene *scene;
	int fd;
	FILE *client; /* for reading */
	FILE *diary;
	struct buffer answers; /* of one flight */
	size_t takers;
};

static void answer(struct play *play, const char *line, const char *otherwise)
{
	buffer_append_string(&play->answers, line != NULL ? line : otherwise);
	buffer_append_string(&play->answers, "\r\n");
}

/* What was told is written down before the client hears of it. */
static void send_answers(struct play *play)
{
	(void)fflush(play->diary);
	(void)send(play->fd, play->answers.start, play->answers.length, MSG_NOSIGNAL);
	buffer_clear(&play->answers);
}

/* False when the session is to be lost here. */
static bool take_chunk(struct play *play, const char *line)
{
	unsigned long size = strtoul(line + strlen("BDAT "), NULL, 10);
	bool is_last = strstr(line, "LAST") != NULL;

	if (play->scene->loss == WITHIN_CONTENT)
		size = 1000;
	for (; size != 0; size--) {
		int octet = fgetc(play->client);

		if (octet == EOF)
			return false;
		if (octet != '\r')
			(void)fputc(octet, play->diary);
	}
	if (play->scene->loss == WITHIN_CONTENT)
		return false;
	if (is_last && play->scene->loss == BEFORE_ANSWERS)
		return false;
	if (is_last && play->scene->loss == BEFORE_LAST_ANSWER) {
		send_answers(play);
		return false;
	}
	if (play->takers == 0)
		answer(play, NULL, "554 5.5.1 no valid recipients");
	else
		answer(play, is_last ? play->scene->end : NULL, "250 2.0.0 queued");
	return true;
}

static bool take_line(struct play *play, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0) {
		if (play->scene->loss == BEFORE_CONTENT)
			(void)shutdown(play->fd, SHUT_RD);
		buffer_append_string(&play->answers, hello);
		send_answers(play);
		return play->scene->loss != BEFORE_CONTENT;
	}
	if (strncmp(line, "BDAT", 4) == 0) {
		if (!take_chunk(play, line))
			return false;
		send_answers(play);
	} else if (strncmp(line, "RCPT", 4) == 0) {
		bool is_bad = strstr(line, "bad") != NULL;

		play->takers += !is_bad || play->scene->rcpt == NULL;
		answer(play, is_bad ? play->scene->rcpt : NULL, "250 2.1.5 ok");
	} else if (strncmp(line, "MAIL", 4) == 0) {
		play->takers = 0;
		answer(play, play->scene->mail, "250 2.1.0 ok");
	} else {
		return false;
	}
	return true;
}

static void play_scene(int fd, const struct scene *scene, FILE *diary)
{
	struct play play = { .scene = scene, .fd = fd, .client = fdopen(fd, "r"), .diary = diary };
	const char *greeting = scene->greeting != NULL ? scene->greeting : "220 service ESMTP";
	char line[5000];

	buffer_init(&play.answers, 1 << 20);
	(void)fputs("[session]\n", diary);
	if (scene->loss != BEFORE_GREETING) {
		answer(&play, greeting, NULL);
		send_answers(&play);
		while (fgets(line, sizeof line, play.client) != NULL) {
			line[strcspn(line, "\r\n")] = '\0';
			(void)fprintf(diary, "%s\n", line);
			if (!take_line(&play, line))
				break;
		}
	}
	(void)fflush(diary);
	(void)fclose(play.client);
	buffer_finish(&play.answers);
}

static const char *path_of(const char *name, char path[static PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", getenv("TEST_FOLDER"), name);
	return path;
}

static FILE *open_diary(void)
{
	char path[PATH_SIZE];
	FILE *diary = fopen(path_of("diary", path), "a");

	if (diary == NULL)
		abort();
	return diary;
}

/* The copy of this program that sendmail finds as mailchute: one good scene on descriptor 0. */
static int play_child(void)
{
	static const struct scene good = { 0 };
	FILE *diary = open_diary();

	(void)fputs("[child]", diary);
	play_scene(STDIN_FILENO, &good, diary);
	return fclose(diary);
}

struct service {
	pid_t pid;
	char path[PATH_SIZE];
};

static void start_service(struct service *service, const char *name, const struct scene *scenes)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_in_range(strlen(path_of(name, service->path)), 1, sizeof address.sun_path - 1);
	memcpy(address.sun_path, service->path, strlen(service->path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 10), 0);
	service->pid = fork();
	if (service->pid == 0) {
		FILE *diary = open_diary();

		/* One that waits for a session that never comes ends with the test. */
		(void)alarm(60);
		for (size_t i = 0; i < SCENES && (i == 0 || scenes[i].greeting != NULL); i++)
			play_scene(accept(fd, NULL, NULL), &scenes[i], diary);
		_exit(fclose(diary));
	}
	(void)close(fd);
}

/* What was told, line ends as LF. */
static char *stop_service(struct service *service)
{
	struct buffer diary;
	struct error error;
	char path[PATH_SIZE];

	if (service->pid > 0) {
		(void)kill(service->pid, SIGTERM);
		(void)waitpid(service->pid, NULL, 0);
		(void)unlink(service->path);
	}
	buffer_init(&diary, 16 << 20);
	if (file_read_whole(path_of("diary", path), &diary, &error) == 0)
		(void)unlink(path);
	return buffer_take_string(&diary);
}

/* ---- the caller ---- */

static int set_up(void **state)
{
	static const char *const names[] = { "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
		"MAILCHUTE_CONFIG", "MAILCHUTE_CAPTURE", "NAME" };
	char path[PATH_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unsetenv(names[i]);
	(void)setenv("MAILCHUTE_SOCKET", path_of("named.sock", path), 1);
	(void)setenv("MAILCHUTE_SPOOL", path_of("no-spool", path), 1);
	(void)unlink(path_of("diary", path));
	return 0;
}

static int send_text(
    const char *recipients, struct span text, struct options options, struct error *error)
{
	char *words[] = { (char *)(uintptr_t)recipients };
	struct intake intake CLEANUP(intake_finish) = { 0 };

	options.recipients = words;
	options.recipient_count = 1;
	stdin_as_file(text);
	assert_int_equal(intake_read(&intake, &options, error), 0);
	return handoff_send(&intake, &options, error);
}

static int send_hello(const char *recipients, struct error *error)
{
	return send_text(recipients, span_from_string("Subject: hello\n\nworld\n"),
	    (struct options){ .sender = "s@x.y" }, error);
}

static size_t count(const char *text, const char *words)
{
	size_t found = 0;

	for (const char *p = text; (p = strstr(p, words)) != NULL; p++)
		found++;
	return found;
}

static void check_told(const char *diary, const char *words)
{
	if (strstr(diary, words) == NULL)
		fail_msg("no \"%s\" in \"%s\"", words, diary);
}

/* Waits for the service to have served all its scenes. */
static char *await_service(struct service *service)
{
	int status;

	assert_int_equal(waitpid(service->pid, &status, 0), service->pid);
	assert_int_equal(status, 0);
	service->pid = 0;
	(void)unlink(service->path);
	return stop_service(service);
}

/* Without the lines between the chunks. */
static char *without_chunks(const char *diary)
{
	struct buffer text;

	buffer_init(&text, 16 << 20);
	for (const char *p = diary; *p != '\0'; p++) {
		if (strncmp(p, "BDAT ", 5) == 0)
			p = strchr(p, '\n');
		else
			buffer_append_byte(&text, *p);
	}
	return buffer_take_string(&text);
}

/* ---- the rules ---- */

static void a_good_session_takes_the_mail(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	if (send_hello("a@b.c, d@e.f", &error) < 0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	check_told(diary, "MAIL FROM:<s@x.y> SIZE=25\n");
	check_told(diary, "RCPT TO:<a@b.c>\nRCPT TO:<d@e.f>\n");
	check_told(diary, "BDAT 25 LAST\nSubject: hello\n\nworld\n");
	check_told(diary, "\nQUIT\n");
	assert_int_equal(count(diary, "[session]"), 1);
}

static void what_the_caller_asked_for_is_told(void **state)
{
	static const struct row {
		const char *name;
		struct options options;
		const char *environment; /* NAME, or NULL */
		const char *text;
		const char *told;
	} rows[] = {
		{ "no -f", { 0 }, NULL, "a\n", "MAIL FROM:<> SIZE=3 XSENDER=self\n" },
		{ "-f ''", { .sender = "" }, NULL, "a\n", "MAIL FROM:<> SIZE=3\n" },
		{ "8-bit", { .sender = "s@x.y" }, NULL, "\xff\n",
		    "MAIL FROM:<s@x.y> SIZE=3 BODY=8BITMIME\n" },
		{ "-odi", { .sender = "s@x.y", .wait = COMMAND_WAIT_OUTCOME }, NULL, "a\n",
		    "XWAIT=outcome" },
		{ "-odq", { .sender = "s@x.y", .wait = COMMAND_WAIT_DISK }, NULL, "a\n",
		    "XWAIT=disk" },
		{ "-F", { .sender = "s@x.y", .full_name = "A User" }, NULL, "a\n",
		    "XNAME=A+20User" },
		{ "-F before NAME", { .sender = "s@x.y", .full_name = "A" }, "B", "a\n",
		    "XNAME=A" },
		{ "NAME", { .sender = "s@x.y" }, "B", "a\n", "XNAME=B" },
		{ "-F with a line end", { .sender = "s@x.y", .full_name = "A\r\nBcc: x@y\x7f" },
		    NULL, "a\n", "XNAME=A+20+20Bcc:+20x@y+20" },
		{ "-R full -V id",
		    { .sender = "s@x.y",
			.return_content = ENVELOPE_RETURN_FULL,
			.envid = "a=b+c d" },
		    NULL, "a\n", "MAIL FROM:<s@x.y> SIZE=3 RET=FULL ENVID=a+3Db+2Bc+20d\n" },
		{ "-R hdrs", { .sender = "s@x.y", .return_content = ENVELOPE_RETURN_HEADER }, NULL,
		    "a\n", "MAIL FROM:<s@x.y> SIZE=3 RET=HDRS\n" },
		{ "-N", { .sender = "s@x.y", .notify = ENVELOPE_NOTIFY_NEVER }, NULL, "a\n",
		    "RCPT TO:<a@b.c> NOTIFY=NEVER\n" },
		{ "-N success,delay",
		    { .sender = "s@x.y",
			.notify = ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY },
		    NULL, "a\n", "RCPT TO:<a@b.c> NOTIFY=SUCCESS,DELAY\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static const struct scene scenes[SCENES] = { { 0 } };
		struct service service;
		struct error error = { 0 };

		(void)set_up(state);
		if (rows[i].environment != NULL)
			(void)setenv("NAME", rows[i].environment, 1);
		start_service(&service, "named.sock", scenes);
		if (send_text("a@b.c", span_from_string(rows[i].text), rows[i].options, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		char *diary CLEANUP(memory_free_string) = await_service(&service);
		check_told(diary, rows[i].told);
	}
}

static void a_long_name_is_cut_between_characters(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct options options = { .sender = "s@x.y" };
	struct service service;
	struct error error = { 0 };
	char name[1002] = "x";

	(void)state;
	for (size_t i = 1; i + 2 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	options.full_name = name;
	start_service(&service, "named.sock", scenes);
	if (send_text("a@b.c", span_from_string("a\n"), options, &error) < 0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	check_told(diary, "XNAME=x+C3+A4+C3+A4");
	check_told(diary, "+C3+A4\n");
}

/* The text of a reply, which is the caller's one-line error (DESIGN 1, 4). */
static const char *words_of(const char *answer)
{
	return strpbrk(answer, "abcdefghijklmnopqrstuvwxyz");
}

/* DESIGN 6: the one table from status to sysexits, seen from the caller. */
static void a_refusal_becomes_the_exit_status(void **state)
{
	static const struct row {
		const char *answer;
		enum error_kind kind;
	} rows[] = {
		{ "550 5.1.1 no such user", ERROR_NO_USER },
		{ "553 5.1.3 bad address", ERROR_NO_USER },
		{ "550 5.1.2 no such domain", ERROR_NO_HOST },
		{ "552 5.3.4 too big", ERROR_DATA },
		{ "554 5.6.0 what is this", ERROR_DATA },
		{ "554 5.6.7 no utf8", ERROR_DATA },
		{ "501 5.5.4 wrong parameter", ERROR_USAGE },
		{ "550 5.7.1 not you", ERROR_NO_PERMISSION },
		{ "554 5.3.5 not set up", ERROR_CONFIG },
		{ "451 4.3.5 not set up", ERROR_CONFIG },
		{ "452 4.3.1 disk full", ERROR_UNAVAILABLE },
		{ "451 4.7.1 later", ERROR_UNAVAILABLE },
		{ "450 later", ERROR_UNAVAILABLE },
		{ "554 5.0.0 no", ERROR_SOFTWARE },
		{ "554 no", ERROR_SOFTWARE },
		{ "554 5.4.6 loop", ERROR_SOFTWARE },
	};

	(void)state;
	for (size_t i = 0; i < 3 * (sizeof rows / sizeof rows[0]); i++) {
		const struct row *row = &rows[i / 3];
		struct scene scenes[SCENES] = { { 0 } };
		struct service service;
		struct error error = { 0 };

		/* The word may come at any step. */
		if (i % 3 == 0)
			scenes[0].mail = row->answer;
		else if (i % 3 == 1)
			scenes[0].rcpt = row->answer;
		else
			scenes[0].end = row->answer;
		start_service(&service, "named.sock", scenes);
		if (send_hello("bad@b.c", &error) != -1)
			fail_msg("%s: taken", row->answer);
		char *diary CLEANUP(memory_free_string) = stop_service(&service);
		if (error.kind != row->kind || strstr(error.text, words_of(row->answer)) == NULL)
			fail_msg("%s at step %zu: %d %s", row->answer, i % 3, (int)error.kind,
			    error.text);
		assert_int_equal(count(diary, "[session]"), 1);
		assert_null(strstr(error.text, "the others"));
	}
}

static void a_refused_recipient_among_good_ones_is_named(void **state)
{
	static const struct scene scenes[SCENES] = { { .rcpt = "550 5.1.1 no such user" } };
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	assert_int_equal(send_hello("a@b.c, bad@e.f, g@h.i, bad2@e.f", &error), -1);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	assert_int_equal(error.kind, ERROR_NO_USER);
	assert_non_null(strstr(error.text, "not for bad@e.f, bad2@e.f (the others were taken)"));
	assert_non_null(strstr(error.text, "no such user"));
	assert_int_equal(count(diary, "Subject: hello"), 1);
}

static void a_busy_service_is_asked_again(void **state)
{
	static const struct scene scenes[SCENES] = {
		{ .greeting = "421 4.3.2 too many" },
		{ .greeting = "421 too many" },
		{ .greeting = "220 now" },
	};
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	if (send_hello("a@b.c", &error) < 0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	assert_int_equal(count(diary, "[session]"), 3);
	assert_int_equal(count(diary, "Subject: hello"), 1);
}

static void a_service_that_refuses_the_session_is_believed(void **state)
{
	static const struct scene scenes[SCENES] = { { .greeting = "554 5.7.1 not for you" } };
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	assert_int_equal(send_hello("a@b.c", &error), -1);
	char *diary CLEANUP(memory_free_string) = stop_service(&service);
	assert_int_equal(error.kind, ERROR_NO_PERMISSION);
	assert_non_null(strstr(error.text, "554 5.7.1 not for you"));
	assert_int_equal(count(diary, "[session]"), 1);
}

static struct span long_text(struct buffer *text)
{
	buffer_init(text, 1 << 20);
	while (text->length < (230 << 10))
		buffer_format(text, "line %zu %0100d\n", text->length, 0);
	return buffer_span(text);
}

static void a_session_lost_before_the_end_is_begun_again(void **state)
{
	static const struct scene scenes[SCENES] = {
		{ .loss = BEFORE_CONTENT },
		{ .greeting = "220 a", .loss = WITHIN_CONTENT },
		{ .greeting = "220 b" },
	};
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	if (send_text("a@b.c", long_text(&text), (struct options){ .sender = "s@x.y" }, &error) < 0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	assert_int_equal(count(diary, "[session]"), 3);
	assert_string_equal(strstr(diary, "LAST\n") != NULL ? "" : "no LAST", "");
	/* The last session holds all of it. */
	const char *last = strstr(diary, "[session]");
	for (int i = 0; i < 2; i++)
		last = strstr(last + 1, "[session]");
	last = strstr(last, "LAST\n");
	assert_non_null(last);
	assert_memory_equal(last + strlen("LAST\n"), text.start, text.length);
}

static void a_refusal_does_not_hide_a_loss(void **state)
{
	static const struct scene scenes[SCENES] = {
		{ .loss = WITHIN_CONTENT, .rcpt = "550 5.1.1 no" },
		{ .greeting = "220 a", .rcpt = "550 5.1.1 no" },
	};
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	assert_int_equal(send_text("a@b.c, bad@b.c", long_text(&text),
			     (struct options){ .sender = "s@x.y" }, &error),
	    -1);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	assert_int_equal(count(diary, "[session]"), 2);
	assert_non_null(strstr(error.text, "not for bad@b.c (the others were taken)"));
}

static void a_service_lost_again_and_again_is_an_error(void **state)
{
	static const struct scene scenes[SCENES] = {
		{ .loss = BEFORE_CONTENT },
		{ .greeting = "220 a", .loss = BEFORE_CONTENT },
		{ .greeting = "220 b", .loss = BEFORE_CONTENT },
		{ .greeting = "220 c", .loss = BEFORE_CONTENT },
		{ .greeting = "220 not reached" },
	};
	struct service service;
	struct error error = { 0 };

	(void)state;
	start_service(&service, "named.sock", scenes);
	assert_int_equal(send_hello("a@b.c", &error), -1);
	char *diary CLEANUP(memory_free_string) = stop_service(&service);
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
	assert_null(strstr(diary, "Subject"));
}

static void a_loss_after_the_last_octet_is_in_doubt(void **state)
{
	static const enum loss losses[] = { BEFORE_ANSWERS, BEFORE_LAST_ANSWER };

	(void)state;
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
		const struct scene scenes[SCENES] = {
			{ .loss = losses[i] },
			{ .greeting = "220 again" },
		};
		struct service service;
		struct error error = { 0 };

		start_service(&service, "named.sock", scenes);
		assert_int_equal(send_hello("a@b.c", &error), -1);
		char *diary CLEANUP(memory_free_string) = stop_service(&service);
		assert_int_equal(error.kind, ERROR_IO);
		assert_non_null(strstr(error.text, "may have been queued"));
		assert_int_equal(count(diary, "[session]"), 1);
	}
}

static void what_was_streamed_is_not_begun_again(void **state)
{
	static const struct scene scenes[SCENES] = {
		{ .loss = WITHIN_CONTENT },
		{ .greeting = "220 again" },
	};
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct service service;
	struct error error = { 0 };

	(void)state;
	buffer_init(&text, 4 << 20);
	while (text.length < (2 << 20))
		buffer_format(&text, "line %zu %0100d\n", text.length, 0);
	start_service(&service, "named.sock", scenes);
	assert_int_equal(
	    send_text("a@b.c", buffer_span(&text), (struct options){ .sender = "s@x.y" }, &error),
	    -1);
	char *diary CLEANUP(memory_free_string) = stop_service(&service);
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
	assert_int_equal(count(diary, "[session]"), 1);
}

static void what_is_long_is_streamed_whole(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct service service;
	struct error error = { 0 };

	(void)state;
	buffer_init(&text, 4 << 20);
	while (text.length < (2 << 20))
		buffer_format(&text, "line %zu %0100d\n", text.length, 0);
	start_service(&service, "named.sock", scenes);
	if (send_text("a@b.c", buffer_span(&text), (struct options){ .sender = "s@x.y" }, &error) <
	    0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	char *told CLEANUP(memory_free_string) = without_chunks(diary);
	check_told(told, buffer_string(&text));
	assert_int_equal(count(diary, " LAST\n"), 1);
	assert_null(strstr(diary, "SIZE="));
}

/* ---- the ways ---- */

static void put_child(void)
{
	char own[PATH_SIZE];
	char path[PATH_SIZE];

	assert_int_equal(process_own_path(own, sizeof own), 0);
	assert_int_equal(symlink(own, path_of("bin/mailchute", path)), 0);
}

static void remove_child(void)
{
	char path[PATH_SIZE];

	(void)unlink(path_of("bin/mailchute", path));
}

static void skip_where_installed(void)
{
	if (access(MAILCHUTE_PROGRAM, F_OK) == 0)
		skip();
}

static void without_a_service_or_a_program_the_error_says_so(void **state)
{
	struct error error = { 0 };

	(void)state;
	skip_where_installed();
	assert_int_equal(send_hello("a@b.c", &error), -1);
	assert_int_equal(error.kind, ERROR_SYSTEM);
	assert_non_null(strstr(error.text, "mailchute"));
	assert_true(error.next[0] != '\0');
}

/* What is no service, in the place of the named socket. */
static void what_is_no_service_is_given_up_for_a_child(void **state)
{
	static const struct scene lost[SCENES] = { { .loss = BEFORE_GREETING } };
	char path[PATH_SIZE];

	skip_where_installed();
	put_child();
	for (int i = 0; i < 4; i++) {
		struct service service = { 0 };
		struct error error = { 0 };

		(void)set_up(state);
		(void)path_of("named.sock", path);
		(void)unlink(path);
		if (i == 1) /* a file: ECONNREFUSED */
			(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		if (i == 2)
			start_service(&service, "named.sock", lost);
		if (i == 3) { /* a socket that nobody listens at any more */
			start_service(&service, "named.sock", lost);
			(void)kill(service.pid, SIGTERM);
			(void)waitpid(service.pid, NULL, 0);
			service.pid = 0;
		}
		if (send_hello("a@b.c", &error) < 0)
			fail_msg("%d: %s", i, error.text);
		/* The child's diary is whole when its session has ended. */
		while (waitpid(-1, NULL, 0) > 0)
			continue;
		service.pid = 0;
		char *diary CLEANUP(memory_free_string) = stop_service(&service);
		assert_int_equal(count(diary, "[child]"), 1);
		assert_int_equal(count(diary, "Subject: hello"), 1);
		(void)unlink(path);
	}
	remove_child();
}

static void other_trouble_with_the_socket_is_no_absence(void **state)
{
	static const char *const paths[] = {
		/* too long for a socket's name */
		"/tmp/"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		/* below a file */
		"/dev/null/submit.sock",
	};

	(void)state;
	skip_where_installed();
	put_child();
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct error error = { 0 };
		struct service none = { 0 };

		(void)setenv("MAILCHUTE_SOCKET", paths[i], 1);
		assert_int_equal(send_hello("a@b.c", &error), -1);
		assert_non_null(strstr(error.text, paths[i]));
		char *diary CLEANUP(memory_free_string) = stop_service(&none);
		assert_string_equal(diary, "");
	}
	remove_child();
}

static void a_service_in_ones_own_spool_is_the_second_way(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct service service;
	struct error error = { 0 };
	char path[PATH_SIZE];

	(void)state;
	assert_int_equal(mkdir(path_of("spool", path), 0700), 0);
	(void)setenv("MAILCHUTE_SPOOL", path, 1);
	start_service(&service, "spool/submit.sock", scenes);
	if (send_hello("a@b.c", &error) < 0)
		fail_msg("%s", error.text);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	check_told(diary, "Subject: hello");
	assert_int_equal(rmdir(path_of("spool", path)), 0);
}

static void a_service_in_anothers_spool_is_none(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct service service;
	struct error error = { 0 };
	char path[PATH_SIZE];

	(void)state;
	skip_where_installed();
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(path_of("spool", path), 0700), 0);
	(void)setenv("MAILCHUTE_SPOOL", path, 1);
	start_service(&service, "spool/submit.sock", scenes);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(send_hello("a@b.c", &error), -1);
	char *diary CLEANUP(memory_free_string) = stop_service(&service);
	assert_string_equal(diary, "");
	assert_int_equal(rmdir(path_of("spool", path)), 0);
}

/* DESIGN 2: a captured mail never leaves through the system's service. */
static void ones_own_settings_go_past_every_service(void **state)
{
	static const char *const names[] = { "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
		"MAILCHUTE_CONFIG", "MAILCHUTE_CAPTURE" };
	static const struct scene scenes[SCENES] = { { 0 } };

	skip_where_installed();
	if (geteuid() == 0 && access(MAILCHUTE_SYSCONFDIR "/mailchute.conf", F_OK) == 0)
		skip();
	put_child();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct service service;
		struct error error = { 0 };

		(void)set_up(state);
		(void)setenv(names[i], "/x", 1);
		start_service(&service, "named.sock", scenes);
		if (send_hello("a@b.c", &error) < 0)
			fail_msg("%s: %s", names[i], error.text);
		(void)kill(service.pid, SIGTERM);
		while (waitpid(-1, NULL, 0) > 0)
			continue;
		service.pid = 0;
		char *diary CLEANUP(memory_free_string) = stop_service(&service);
		(void)unlink(service.path);
		assert_int_equal(count(diary, "[child]"), 1);
		assert_int_equal(count(diary, "[session]"), 1);
	}
	remove_child();
}

static void empty_settings_are_none(void **state)
{
	static const struct scene scenes[SCENES] = { { 0 } };
	struct service service;
	struct error error = { 0 };

	(void)state;
	(void)setenv("MAILCHUTE_URL", "", 1);
	start_service(&service, "named.sock", scenes);
	assert_int_equal(send_hello("a@b.c", &error), 0);
	char *diary CLEANUP(memory_free_string) = await_service(&service);
	check_told(diary, "Subject: hello");
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_session_takes_the_mail, set_up),
		cmocka_unit_test_setup(what_the_caller_asked_for_is_told, set_up),
		cmocka_unit_test_setup(a_long_name_is_cut_between_characters, set_up),
		cmocka_unit_test_setup(a_refusal_becomes_the_exit_status, set_up),
		cmocka_unit_test_setup(a_refused_recipient_among_good_ones_is_named, set_up),
		cmocka_unit_test_setup(a_busy_service_is_asked_again, set_up),
		cmocka_unit_test_setup(a_service_that_refuses_the_session_is_believed, set_up),
		cmocka_unit_test_setup(a_session_lost_before_the_end_is_begun_again, set_up),
		cmocka_unit_test_setup(a_refusal_does_not_hide_a_loss, set_up),
		cmocka_unit_test_setup(a_service_lost_again_and_again_is_an_error, set_up),
		cmocka_unit_test_setup(a_loss_after_the_last_octet_is_in_doubt, set_up),
		cmocka_unit_test_setup(what_was_streamed_is_not_begun_again, set_up),
		cmocka_unit_test_setup(what_is_long_is_streamed_whole, set_up),
		cmocka_unit_test_setup(without_a_service_or_a_program_the_error_says_so, set_up),
		cmocka_unit_test_setup(what_is_no_service_is_given_up_for_a_child, set_up),
		cmocka_unit_test_setup(other_trouble_with_the_socket_is_no_absence, set_up),
		cmocka_unit_test_setup(a_service_in_ones_own_spool_is_the_second_way, set_up),
		cmocka_unit_test_setup(a_service_in_anothers_spool_is_none, set_up),
		cmocka_unit_test_setup(ones_own_settings_go_past_every_service, set_up),
		cmocka_unit_test_setup(empty_settings_are_none, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[2], "--for-caller") == 0)
		return play_child();
	const char *folder = private_folder_enter(argv);
	int status = run_all();
	private_folder_remove(folder);
	return status;
}
