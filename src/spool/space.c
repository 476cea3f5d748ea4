/* SPDX-License-Identifier: MIT */

#include "spool/space.h"

#include <stdbool.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"

int space_look(int directory, struct space *space)
{
	struct statvfs found;

	if (fstatvfs(directory, &found) < 0)
		return -1;
	/* What is kept for root is room for root's service. */
	bool is_root = geteuid() == 0;
	*space = (struct space){
		.size = (uint64_t)found.f_blocks * found.f_frsize,
		.left = (uint64_t)(is_root ? found.f_bfree : found.f_bavail) * found.f_frsize,
		.inodes = found.f_files,
		.inodes_left = is_root ? found.f_ffree : found.f_favail,
	};
	return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* So many per cent, without the product that could overflow. */
static uint64_t part_of(uint64_t all, unsigned percent)
{
	return all / 100 * percent + all % 100 * percent / 100;
}

static int say_how(struct error *error)
{
	(void)error_code(error, "MC-SPOOL-13");
	return error_next(error,
	    "make room there; limits { reserve } in mailchute.conf says how much stays free");
}

static int refuse_octets(
    const struct space *space, uint64_t kept, uint64_t wanted, struct error *error)
{
	char left[TEXT_SIZE_SIZE];
	char all[TEXT_SIZE_SIZE];
	char reserve[TEXT_SIZE_SIZE];
	char message[TEXT_SIZE_SIZE];

	text_size(space->left, left);
	text_size(space->size, all);
	text_size(kept, reserve);
	text_size(wanted, message);
	if (wanted != 0)
		error_set(error, ERROR_CANNOT_CREATE, "4.3.1",
		    "no space for this message of %s: the file system of the queue has %s left of "
		    "%s, and %s stay free",
		    message, left, all, reserve);
	else
		error_set(error, ERROR_CANNOT_CREATE, "4.3.1",
		    "no space for mail: the file system of the queue has %s left of %s, and %s "
		    "stay free",
		    left, all, reserve);
	return say_how(error);
}

int space_check(const struct space *space, const struct space_reserve *reserve, uint64_t wanted,
    struct error *error)
{
	uint64_t kept = smaller(reserve->octets, part_of(space->size, reserve->percent));
	uint64_t kept_inodes = smaller(SPACE_INODES, part_of(space->inodes, reserve->percent));

	/* Some file systems count nothing. */
	if (space->size != 0 && (space->left < kept || space->left - kept < wanted))
		return refuse_octets(space, kept, wanted, error);
	if (space->inodes == 0 || space->inodes_left > kept_inodes)
		return 0;
	error_set(error, ERROR_CANNOT_CREATE, "4.3.1",
	    "no space for mail: the file system of the queue has %llu inodes left of %llu, and "
	    "%llu stay free",
	    (unsigned long long)space->inodes_left, (unsigned long long)space->inodes,
	    (unsigned long long)kept_inodes);
	return say_how(error);
}

int space_ask(
    int directory, const struct space_reserve *reserve, uint64_t wanted, struct error *error)
{
	struct space space;

	return space_look(directory, &space) < 0 ? 0 : space_check(&space, reserve, wanted, error);
}
