/* SPDX-License-Identifier: MIT */

#include "spool/medium.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

static const char in_memory[] = "is in memory: mail does not survive a reboot";
static const char unsynced[] =
    "is on an overlay that is mounted volatile, which syncs nothing: mail may not survive a "
    "power cut";

/* linux/magic.h does not have these. */
enum { NFS = 0x6969, CEPH = 0x00c36400, LUSTRE = 0x0bd00bd0 };
static const unsigned long smb2 = 0xfe534d42;
static const unsigned long cifs = 0xff534d42;

static const char *doubt_of(unsigned long type)
{
	if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
		return in_memory;
	if (type == NFS || type == smb2 || type == cifs || type == CEPH || type == LUSTRE)
		return "is on a network file system: that mail survives, and that no other service "
		       "sends it, is as good as its server's syncs and locks";
	if (type == V9FS_MAGIC)
		return "is on 9p: that mail survives, and that no other service sends it, is as "
		       "good as the syncs and locks of the machine that shares it";
	return NULL;
}

/* ---- overlays ---- */

static bool is_octal(const char *digits)
{
	for (size_t i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > (i == 0 ? '3' : '7'))
			return false;
	return true;
}

/* "\040" stands for a blank, and so on. */
static char *unescape(struct span text)
{
	char *copy = span_copy(text);
	char *to = copy;

	for (const char *from = copy; *from != '\0'; from++) {
		if (from[0] != '\\' || !is_octal(from + 1)) {
			*to++ = *from;
			continue;
		}
		*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
		from += 3;
	}
	*to = '\0';
	return copy;
}

static bool is_device(struct span word, unsigned major, unsigned minor)
{
	char wanted[32];

	snprintf(wanted, sizeof wanted, "%u:%u", major, minor);
	return span_equals_string(word, wanted);
}

static void read_options(struct span options, char **upper, bool *is_volatile)
{
	static const char prefix[] = "upperdir=";
	struct span option;

	*upper = NULL;
	*is_volatile = false;
	while (span_take_until(&options, ',', &option)) {
		if (span_equals_string(option, "volatile") ||
		    span_equals_string(option, "fsync=volatile"))
			*is_volatile = true;
		if (span_starts_with(option, prefix) && *upper == NULL)
			*upper = unescape(span_after(option, sizeof prefix - 1));
	}
}

/* ID, parent, device, root, place, options, any number of fields, "-", type, source, options. */
static bool read_mount(
    struct span line, unsigned major, unsigned minor, char **upper, bool *is_volatile)
{
	struct span word;

	for (size_t i = 0; i < 3; i++)
		if (!span_take_word(&line, &word))
			return false;
	if (!is_device(word, major, minor))
		return false;
	do
		if (!span_take_word(&line, &word))
			return false;
	while (!span_equals_string(word, "-"));
	if (!span_take_word(&line, &word) || !span_equals_string(word, "overlay") ||
	    !span_take_word(&line, &word))
		return false;
	read_options(span_trim(line), upper, is_volatile);
	return true;
}

bool medium_find_overlay(
    struct span mounts, unsigned major, unsigned minor, char **upper, bool *is_volatile)
{
	struct span line;

	while (span_take_line(&mounts, &line))
		if (read_mount(line, major, minor, upper, is_volatile))
			return true;
	return false;
}

/* Of a container the upper directory is often out of sight; then nothing is known. */
static const char *doubt_of_overlay(int directory)
{
	CLEANUP(buffer_finish) struct buffer mounts = { 0 };
	CLEANUP(memory_free_string) char *upper = NULL;
	bool is_volatile;
	struct stat status;
	struct statfs below;
	struct error error;

	buffer_init(&mounts, 1 << 20);
	if (fstat(directory, &status) < 0 ||
	    file_read_whole("/proc/self/mountinfo", &mounts, &error) < 0 ||
	    !medium_find_overlay(buffer_span(&mounts), major(status.st_dev), minor(status.st_dev),
		&upper, &is_volatile))
		return NULL;
	if (upper != NULL && statfs(upper, &below) == 0 &&
	    doubt_of((unsigned long)below.f_type) != NULL)
		return doubt_of((unsigned long)below.f_type);
	return is_volatile ? unsynced : NULL;
}

const char *medium_doubt(int directory)
{
	struct statfs status;

	if (fstatfs(directory, &status) < 0)
		return NULL;
	if (status.f_type == OVERLAYFS_SUPER_MAGIC)
		return doubt_of_overlay(directory);
	return doubt_of((unsigned long)status.f_type);
}
