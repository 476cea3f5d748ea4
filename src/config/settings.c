/* SPDX-License-Identifier: MIT */

#include "config/settings.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "config/lint.h"

enum { SETTINGS_LIMIT = 1 << 20, OPTION_LIMIT = 64 };

/*
 * libConfuse's error function gets no context.  An option that no file can
 * set, its name being a line end, stands in every block and leads here.
 */
struct complaint {
	char *never_set;
	const struct settings *settings;
	bool is_filled;
};

static const char complaint_option[] = "\n";

static struct complaint *complaint_of(cfg_t *section)
{
	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++)
		if (strcmp(option->name, complaint_option) == 0)
			return (struct complaint *)(void *)option->simple_value.string;
	return NULL;
}

static const char *nearest_option(const cfg_t *section, const char *given)
{
	const char *names[OPTION_LIMIT];
	size_t count = 0;

	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++)
		if (strcmp(option->name, complaint_option) != 0 && count < OPTION_LIMIT)
			names[count++] = option->name;
	return nearest_name(span_from_string(given), names, count);
}

static void refuse_option(cfg_t *section, const struct settings *settings, const char *given)
{
	const char *nearest = nearest_option(section, given);
	bool is_outside = strcmp(cfg_name(section), "root") == 0;

	error_set(settings->error, ERROR_CONFIG, "5.3.5",
	    "%s line %d: there is no option \"%s\" %s%s", settings->path, section->line, given,
	    is_outside ? "outside of blocks" : "in ", is_outside ? "" : cfg_name(section));
	if (nearest != NULL)
		error_next(settings->error, "the nearest known one is \"%s\"", nearest);
}

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
{
	struct complaint *complaint = complaint_of(section);
	char text[ERROR_TEXT_SIZE];

	/* The first one is nearest to the cause. */
	if (complaint == NULL || complaint->is_filled)
		return;
	complaint->is_filled = true;
	if (strcmp(format, "no such option '%s'") == 0) {
		refuse_option(section, complaint->settings, va_arg(arguments, const char *));
		return;
	}
	vsnprintf(text, sizeof text, format, arguments);
	error_set(complaint->settings->error, ERROR_CONFIG, "5.3.5", "%s line %d: %s",
	    complaint->settings->path, section->line, text);
}

const char *settings_text(const struct block *block, const char *option)
{
	const char *text = cfg_getstr(block->section, option);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

bool settings_is_empty(const struct block *block, const char *option)
{
	const char *text = cfg_getstr(block->section, option);

	return text != NULL && text[0] == '\0';
}

unsigned settings_count(const struct block *block, const char *option)
{
	return cfg_size(block->section, option);
}

const char *settings_item(const struct block *block, const char *option, unsigned index)
{
	return cfg_getnstr(block->section, option, index);
}

static int visit_blocks(const struct settings *settings, cfg_t *file, const char *name,
    settings_visit *visit, void *context)
{
	for (unsigned i = 0; i < cfg_size(file, name); i++) {
		cfg_t *section = cfg_getnsec(file, name, i);
		const struct block block = { settings, section, name, cfg_title(section) };

		if (visit(context, &block) < 0)
			return -1;
	}
	return 0;
}

static int visit_all(
    const struct settings *settings, cfg_t *file, settings_visit *visit, void *context)
{
	const struct block outside = { settings, file, NULL, NULL };

	if (visit(context, &outside) < 0)
		return -1;
	for (const cfg_opt_t *option = file->opts; option->name != NULL; option++)
		if (option->type == CFGT_SEC &&
		    visit_blocks(settings, file, option->name, visit, context) < 0)
			return -1;
	return 0;
}

static void free_file(cfg_t **file)
{
	if (*file != NULL)
		cfg_free(*file);
}

/* Every option there is.  Without defaults: those are ours (config.c). */
static int parse(
    const struct settings *settings, const char *text, settings_visit *visit, void *context)
{
	struct complaint complaint = { .settings = settings };
	const cfg_opt_t way_out = CFG_SIMPLE_STR(complaint_option, &complaint.never_set);
	cfg_opt_t identity[] = { CFG_STR("ehlo", NULL, CFGF_NODEFAULT),
		CFG_STR("domain", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t smarthost[] = { CFG_STR("url", NULL, CFGF_NODEFAULT),
		CFG_STR("secret", NULL, CFGF_NODEFAULT), CFG_STR("from", NULL, CFGF_NODEFAULT),
		CFG_STR("ca_file", NULL, CFGF_NODEFAULT), CFG_STR("timeout", NULL, CFGF_NODEFAULT),
		CFG_STR("auth", NULL, CFGF_NODEFAULT), CFG_STR("client_cert", NULL, CFGF_NODEFAULT),
		CFG_STR("client_key", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_name", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_fingerprint", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_min", NULL, CFGF_NODEFAULT), CFG_STR("ip", NULL, CFGF_NODEFAULT),
		CFG_STR("source", NULL, CFGF_NODEFAULT), CFG_STR("window", NULL, CFGF_NODEFAULT),
		CFG_STR("rate", NULL, CFGF_NODEFAULT), CFG_STR("burst", NULL, CFGF_NODEFAULT),
		CFG_STR("connections", NULL, CFGF_NODEFAULT),
		CFG_STR("from_policy", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("from_allow", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t route[] = { CFG_STR_LIST("from", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("to", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("user", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("via", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t alias[] = { CFG_STR_LIST("to", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t submit[] = { CFG_STR("mode", NULL, CFGF_NODEFAULT),
		CFG_STR("wait", NULL, CFGF_NODEFAULT), CFG_STR("wait_limit", NULL, CFGF_NODEFAULT),
		CFG_STR("timeout", NULL, CFGF_NODEFAULT), CFG_STR("idle", NULL, CFGF_NODEFAULT),
		CFG_STR("received", NULL, CFGF_NODEFAULT),
		CFG_STR("rewrite_to", NULL, CFGF_NODEFAULT),
		CFG_STR("max_size", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("users", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t queue[] = { CFG_STR("dir", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("retry", NULL, CFGF_NODEFAULT),
		CFG_STR("lifetime", NULL, CFGF_NODEFAULT), CFG_STR("warn", NULL, CFGF_NODEFAULT),
		CFG_STR("bounce", NULL, CFGF_NODEFAULT), CFG_STR("failed", NULL, CFGF_NODEFAULT),
		CFG_STR("failed_limit", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t limits[] = { CFG_STR("sessions", NULL, CFGF_NODEFAULT),
		CFG_STR("sessions_per_uid", NULL, CFGF_NODEFAULT),
		CFG_STR("messages_per_uid", NULL, CFGF_NODEFAULT),
		CFG_STR("size_per_uid", NULL, CFGF_NODEFAULT),
		CFG_STR("reserve", NULL, CFGF_NODEFAULT),
		CFG_STR("reserve_percent", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t log[] = { CFG_STR("to", NULL, CFGF_NODEFAULT),
		CFG_STR("format", NULL, CFGF_NODEFAULT), CFG_STR("subject", NULL, CFGF_NODEFAULT),
		way_out, CFG_END() };
	const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	cfg_opt_t options[] = { CFG_SEC("identity", identity, CFGF_NODEFAULT),
		CFG_SEC("smarthost", smarthost, titled), CFG_SEC("route", route, titled),
		CFG_SEC("alias", alias, titled), CFG_STR("aliases_file", NULL, CFGF_NODEFAULT),
		CFG_STR("capture", NULL, CFGF_NODEFAULT), CFG_SEC("submit", submit, CFGF_NODEFAULT),
		CFG_SEC("queue", queue, CFGF_NODEFAULT), CFG_SEC("limits", limits, CFGF_NODEFAULT),
		CFG_SEC("log", log, CFGF_NODEFAULT), way_out, CFG_END() };
	CLEANUP(free_file) cfg_t *file = cfg_init(options, CFGF_NONE);

	assert(file != NULL);
	cfg_set_error_function(file, hear_complaint);
	if (cfg_parse_buf(file, text) != CFG_SUCCESS) {
		if (!complaint.is_filled)
			error_set(settings->error, ERROR_CONFIG, "5.3.5", "%s cannot be parsed",
			    settings->path);
		return -1;
	}
	return visit_all(settings, file, visit, context);
}

/* Whoever starts a set-id process would choose the smarthost, and collect the password. */
static int refuse_expansion(const struct settings *settings, bool may_expand)
{
	int line = may_expand ? 0 : lint_find_expansion(settings->text);

	if (line == 0)
		return 0;
	error_set(settings->error, ERROR_CONFIG, "5.3.5",
	    "%s line %d: ${...} reads the environment, which does not count in this process",
	    settings->path, line);
	return error_next(settings->error, "write the value itself");
}

int settings_read(
    const char *path, bool may_expand, settings_visit *visit, void *context, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct stat status = { 0 };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	buffer_init(&text, SETTINGS_LIMIT);
	int outcome = fd < 0 || fstat(fd, &status) < 0 ? -1 : file_read_to_end(fd, &text);
	if (outcome < 0) {
		error_system(error, "cannot read %s as uid %u", path, (unsigned)geteuid());
		error->kind = ERROR_CONFIG;
		snprintf(error->status, sizeof error->status, "4.3.5");
		return error_next(error, "it holds no secrets: chmod 644 %s", path);
	}
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is larger than %d bytes", path,
		    SETTINGS_LIMIT);
	const struct settings settings = { path, span_first(buffer_span(&text), text.length),
		(status.st_mode & S_IROTH) != 0, error };
	if (lint_settings(path, settings.text, error) < 0 ||
	    refuse_expansion(&settings, may_expand) < 0)
		return -1;
	return parse(&settings, buffer_string(&text), visit, context);
}
