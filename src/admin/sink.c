/* SPDX-License-Identifier: MIT */

/*
 * mailchute sink: the server session with a Maildir behind it.  The smarthost of
 * the demo, and a developer's mail catcher: it takes everything, sends nothing,
 * and prints a line for each message.  Its verbs look at what was caught.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/sink_look.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "message/envelope.h"
#include "net/listen.h"
#include "net/tls.h"
#include "service/maildir.h"
#include "smtp/server/server.h"

enum option {
	LISTEN,
	MAILDIR,
	STARTTLS,
	TLS,
	CERTIFICATE,
	KEY,
	WRITE_CERTIFICATE,
	NAME,
	USER,
	PASSWORD,
	TRACE,
	HELP,
	COUNT,
};

static const char help[] =
    "usage: mailchute sink [OPTION ...]       a server that takes all mail and sends none\n"
    "       mailchute sink list [DIR]         what lies in a Maildir, a line a message\n"
    "       mailchute sink show N|ID [DIR]    one of them; -1 is the newest; --raw: as it is\n"
    "       mailchute sink follow [DIR]       each that comes; --body: with its text\n"
    "\n"
    "DIR is that of capture in the settings, else ./sink. Of the server:\n"
    "\n"
    "  --listen HOST:PORT|PATH    where clients come in (127.0.0.1:2525; port 0: any free one)\n"
    "  --maildir DIR              where messages are kept (./sink)\n"
    "  --starttls, --tls          TLS when asked for, or from the first octet\n"
    "  --certificate F, --key F   PEM files; without them a self-signed one is made now\n"
    "  --write-certificate F      writes the certificate there, for those who shall trust it\n"
    "  --name HOST                our name, also in a certificate made now (localhost)\n"
    "  --user U, --password P     a login that clients must make\n"
    "  --trace                    prints the conversation\n";

struct sink {
	struct command_option options[COUNT];
	struct maildir maildir;
	struct tls *tls;
	int listener;
};

/* One client, in a process of its own. */
struct visit {
	struct sink *sink;
	struct stream stream;
	struct envelope envelope;
	struct maildir_file file;
	struct error fault;
	bool has_fault;
	char login[128];
	uint64_t size;
};

static void reset(void *context)
{
	struct visit *visit = context;

	maildir_drop(&visit->sink->maildir, &visit->file);
	envelope_clear(&visit->envelope);
	visit->has_fault = false;
	visit->size = 0;
}

static void take_mail(void *context, struct span sender, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	struct visit *visit = context;
	struct error error;

	(void)parameters;
	reset(visit);
	if (envelope_set_sender(&visit->envelope, sender, &error) < 0)
		server_reply_from_error(reply, &error);
}

static void take_rcpt(void *context, struct span recipient,
    const struct rcpt_parameters *parameters, struct server_reply *reply)
{
	struct visit *visit = context;
	struct error error;

	(void)parameters;
	if (envelope_add_recipient(&visit->envelope, recipient, (struct span){ 0 }, 0, &error) < 0)
		server_reply_from_error(reply, &error);
}

/* The envelope as fields on top, in the words that every reader knows. */
static void write_envelope(struct visit *visit)
{
	struct writer *writer = &visit->file.writer;

	writer_append_string(writer, "Return-Path: <");
	writer_append_string(writer, visit->envelope.sender);
	writer_append_string(writer, ">\r\n");
	for (size_t i = 0; i < visit->envelope.recipient_count; i++) {
		writer_append_string(writer, "Delivered-To: ");
		writer_append_string(writer, visit->envelope.recipients[i].address);
		writer_append_string(writer, "\r\n");
	}
}

static void begin(void *context, struct server_reply *reply)
{
	struct visit *visit = context;

	(void)reply;
	if (maildir_create(&visit->sink->maildir, &visit->file, &visit->fault) < 0)
		visit->has_fault = true;
	else
		write_envelope(visit);
}

static void take_content(void *context, struct span bytes)
{
	struct visit *visit = context;

	visit->size += bytes.length;
	if (!visit->has_fault)
		writer_append(&visit->file.writer, bytes);
}

static void print_message(const struct visit *visit)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	buffer_init(&line, 1 << 20);
	buffer_format(
	    &line, "message new/%s from=<%s> to=", visit->file.name, visit->envelope.sender);
	for (size_t i = 0; i < visit->envelope.recipient_count; i++)
		buffer_format(
		    &line, "%s<%s>", i != 0 ? "," : "", visit->envelope.recipients[i].address);
	buffer_format(&line, " size=%llu", (unsigned long long)visit->size);
	if (visit->stream.is_secure)
		buffer_format(&line, " tls=%s", visit->stream.security);
	if (visit->login[0] != '\0')
		buffer_format(&line, " login=%s", visit->login);
	buffer_append_byte(&line, '\n');
	(void)file_write_all(STDOUT_FILENO, buffer_span(&line));
}

static void end(void *context, struct server_reply *reply)
{
	struct visit *visit = context;

	if (!visit->has_fault &&
	    maildir_deliver(&visit->sink->maildir, &visit->file, &visit->fault) == 0) {
		server_reply_set(reply, 250, "2.0.0", "kept as %s", visit->file.name);
		print_message(visit);
		return;
	}
	fprintf(stderr, "mailchute: %s\n", visit->fault.text);
	server_reply_from_error(reply, &visit->fault);
}

static void log_in(
    void *context, const char *user, const char *password, struct server_reply *reply)
{
	struct visit *visit = context;
	const struct command_option *options = visit->sink->options;
	const char *wanted = options[PASSWORD].value != NULL ? options[PASSWORD].value : "";

	if (strcmp(user, options[USER].value) != 0 || strcmp(password, wanted) != 0) {
		server_reply_set(
		    reply, 535, "5.7.8", "authentication failed: not the sink's login");
		return;
	}
	text_copy(visit->login, sizeof visit->login, user);
}

static void trace(void *context, char direction, struct span line)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	(void)context;
	buffer_init(&text, 1 << 16);
	buffer_format(
	    &text, "%s %.*s\n", direction == '<' ? "C:" : "S:", span_int(line), line.start);
	(void)file_write_all(STDOUT_FILENO, buffer_span(&text));
}

static const struct server_handler handler = {
	.mail = take_mail,
	.rcpt = take_rcpt,
	.begin = begin,
	.content = take_content,
	.end = end,
	.reset = reset,
	.log_in = log_in,
};

static int run_session(struct visit *visit, struct error *error)
{
	const struct command_option *options = visit->sink->options;
	struct stream_security security = { 0 };
	struct server_settings settings = {
		.name = options[NAME].value,
		.banner = "ESMTP mailchute sink",
		.offered = { .is_extended = true,
		    .pipelining = true,
		    .chunking = true,
		    .eight_bit_mime = true,
		    .smtputf8 = true,
		    .dsn = true,
		    .enhanced_status_codes = true,
		    .starttls = options[STARTTLS].value != NULL,
		    .size = true },
		.auth_is_required = options[USER].value != NULL,
		.auth_needs_tls = options[USER].value != NULL && visit->sink->tls != NULL,
		.command_timeout = 300000,
		.content_timeout = 300000,
		.handler = &handler,
		.context = visit,
		.trace = options[TRACE].value != NULL ? trace : NULL,
	};

	if (options[USER].value != NULL)
		text_copy(settings.offered.auth, sizeof settings.offered.auth, "PLAIN LOGIN");
	if (visit->sink->tls != NULL) {
		security = tls_security(visit->sink->tls);
		settings.security = &security;
	}
	if (options[TLS].value != NULL && security.start(security.context, &visit->stream, NULL,
					      clock_deadline(60000), error) < 0)
		return -1;
	return server_run(&visit->stream, &settings, error);
}

static _Noreturn void serve_client(struct sink *sink, int connection)
{
	struct visit *visit = memory_allocate(sizeof *visit);
	struct error error;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)close(sink->listener);
	visit->sink = sink;
	visit->file.fd = -1;
	stream_init_take_fd(&visit->stream, connection, connection, "client");
	if (run_session(visit, &error) < 0)
		fprintf(stderr, "mailchute: session ended: %s\n", error.text);
	reset(visit);
	stream_finish(&visit->stream);
	_exit(0);
}

static int open_tls(struct sink *sink, struct error *error)
{
	const struct command_option *options = sink->options;

	if (options[TLS].value == NULL && options[STARTTLS].value == NULL)
		return 0;
	if (options[CERTIFICATE].value != NULL)
		sink->tls = tls_server_new(options[CERTIFICATE].value,
		    options[KEY].value != NULL ? options[KEY].value : options[CERTIFICATE].value,
		    error);
	else
		sink->tls = tls_server_new_self_signed(options[NAME].value, error);
	if (sink->tls == NULL)
		return -1;
	if (options[WRITE_CERTIFICATE].value != NULL)
		return tls_write_certificate(sink->tls, options[WRITE_CERTIFICATE].value, error);
	return 0;
}

static int open_listener(struct sink *sink, struct error *error)
{
	const char *where = sink->options[LISTEN].value;

	if (where[0] == '/') {
		sink->listener = listen_unix(where, 0666, error);
		if (sink->listener >= 0)
			printf("listening on %s\n", where);
	} else {
		sink->listener = listen_tcp(where, error);
		const char *colon = strrchr(where, ':');
		if (sink->listener >= 0 && colon != NULL)
			printf("listening on %.*s:%d\n", (int)(colon - where), where,
			    listen_port(sink->listener));
	}
	(void)fflush(stdout);
	if (sink->listener < 0)
		return -1;
	/* It waits in accept alone. */
	if (file_set_nonblocking(sink->listener, false) < 0)
		return error_system(error, "cannot listen at %s", where);
	return 0;
}

static int run(struct sink *sink)
{
	for (;;) {
		int connection = accept4(sink->listener, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN))
			continue;
		if (connection < 0) {
			perror("mailchute: accept");
			return ERROR_SYSTEM;
		}
		pid_t pid = fork();
		if (pid == 0)
			serve_client(sink, connection);
		(void)close(connection);
		if (pid < 0)
			perror("mailchute: fork");
	}
}

int command_sink(int argc, char **argv)
{
	struct sink
	    sink = { .options = {
			 [LISTEN] = { .name = "--listen",
			     .takes_value = true,
			     .value = "127.0.0.1:2525" },
			 [MAILDIR] = { .name = "--maildir", .takes_value = true, .value = "sink" },
			 [STARTTLS] = { .name = "--starttls" },
			 [TLS] = { .name = "--tls" },
			 [CERTIFICATE] = { .name = "--certificate", .takes_value = true },
			 [KEY] = { .name = "--key", .takes_value = true },
			 [WRITE_CERTIFICATE] = { .name = "--write-certificate",
			     .takes_value = true },
			 [NAME] = { .name = "--name", .takes_value = true, .value = "localhost" },
			 [USER] = { .name = "--user", .takes_value = true },
			 [PASSWORD] = { .name = "--password", .takes_value = true },
			 [TRACE] = { .name = "--trace" },
			 [HELP] = { .name = "--help" },
		     } };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct error error;

	if (argc > 1 && argv[1][0] != '-')
		return sink_look_run(argc - 1, argv + 1);
	if (command_read_options(argc, argv, sink.options, COUNT, &error) < 0)
		return command_fail(&error);
	if (sink.options[HELP].value != NULL)
		return fputs(help, stdout) < 0 ? ERROR_IO : 0;
	process_reset_signals();
	(void)sigaction(SIGCHLD, &ignore, NULL);
	if (maildir_open(&sink.maildir, sink.options[MAILDIR].value, &error) < 0 ||
	    open_tls(&sink, &error) < 0 || open_listener(&sink, &error) < 0)
		return command_fail(&error);
	return run(&sink);
}
