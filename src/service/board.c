/* SPDX-License-Identifier: MIT */

#include "service/board.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* Both wrap, and so does their difference. */
struct amount {
	_Atomic uint64_t messages;
	_Atomic uint64_t octets;
};

struct row {
	_Atomic bool is_used;
	_Atomic bool is_wanted;
	_Atomic int64_t uid;
	struct amount waiting; /* of this uid, as the service has counted */
	struct amount taken;   /* by this session; written by its process alone */
	struct amount counted; /* of these, what stands in waiting */
	/* The service's own: */
	struct usage_figures heard; /* will be counted when it is shown */
	bool is_over;
};

struct board {
	size_t count;
	struct row rows[];
};

static size_t size_of(size_t rows)
{
	return sizeof(struct board) + rows * sizeof(struct row);
}

struct board *board_new(size_t rows)
{
	struct board *board = mmap(
	    NULL, size_of(rows), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	/* Memory cannot run out without ending the process (base/memory.h). */
	assert(board != MAP_FAILED);
	board->count = rows;
	return board;
}

void board_free(struct board *board)
{
	if (board != NULL)
		(void)munmap(board, size_of(board->count));
}

static struct row *row_of(struct board *board, size_t row)
{
	assert(row < board->count);
	return &board->rows[row];
}

static void set_amount(struct amount *amount, const struct usage_figures *figures)
{
	amount->messages = figures->messages;
	amount->octets = figures->octets;
}

/* ---- the service ---- */

void board_enter(struct board *board, size_t row, int64_t uid, const struct usage *usage)
{
	const struct usage_figures figures = usage != NULL ? usage_of(usage, uid)
							   : (struct usage_figures){ 0 };
	static const struct usage_figures nothing = { 0 };
	struct row *mine = row_of(board, row);

	assert(!mine->is_used || mine->is_over);
	mine->is_used = false;
	mine->is_over = false;
	mine->heard = nothing;
	mine->uid = uid;
	mine->is_wanted = false;
	set_amount(&mine->waiting, &figures);
	set_amount(&mine->taken, &nothing);
	set_amount(&mine->counted, &nothing);
	mine->is_used = true;
}

void board_leave(struct board *board, size_t row)
{
	row_of(board, row)->is_over = true;
}

void board_count(struct board *board, size_t row, uint64_t octets)
{
	struct row *mine = row_of(board, row);

	mine->heard.messages++;
	mine->heard.octets += octets;
}

/*
 * First what waits, then what is contained in it: who reads meanwhile finds a
 * message twice, which passes, and never not at all.
 */
void board_show(struct board *board, const struct usage *usage,
    bool (*is_wanted)(void *context, int64_t uid), void *context)
{
	for (size_t i = 0; i < board->count; i++) {
		struct row *row = &board->rows[i];

		if (!row->is_used)
			continue;
		struct usage_figures figures = usage_of(usage, row->uid);
		set_amount(&row->waiting, &figures);
		row->is_wanted = is_wanted(context, row->uid);
	}
	for (size_t i = 0; i < board->count; i++) {
		struct row *row = &board->rows[i];

		if (!row->is_used)
			continue;
		set_amount(&row->counted, &row->heard);
		if (row->is_over)
			row->is_used = false;
	}
}

/* ---- a receive process ---- */

struct usage_figures board_waiting(const struct board *board, size_t row)
{
	const struct row *mine = &board->rows[row];
	struct usage_figures figures = { 0 };

	for (size_t i = 0; i < board->count; i++) {
		const struct row *other = &board->rows[i];

		if (!other->is_used || other->uid != mine->uid)
			continue;
		/* In this order, so that the difference is never negative. */
		uint64_t messages = other->counted.messages;
		uint64_t octets = other->counted.octets;
		figures.messages += other->taken.messages - messages;
		figures.octets += other->taken.octets - octets;
	}
	figures.messages += mine->waiting.messages;
	figures.octets += mine->waiting.octets;
	return figures;
}

void board_take(struct board *board, size_t row, uint64_t octets)
{
	struct row *mine = row_of(board, row);

	mine->taken.octets += octets;
	mine->taken.messages++;
}

void board_drop(struct board *board, size_t row, uint64_t octets)
{
	struct row *mine = row_of(board, row);

	mine->taken.messages--;
	mine->taken.octets -= octets;
}

bool board_is_wanted(const struct board *board, size_t row)
{
	return board->rows[row].is_wanted;
}
