/* SPDX-License-Identifier: MIT */

#include "service/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum { FIRST_CAPACITY = 64 };

/* Indexes in chains and buckets count from 1, so that 0 ends them. */
struct schedule_entry {
	unsigned char id[QUEUE_ID_PACKED];
	int64_t due;	/* clock_wall; of new mail its turn, from INT64_MIN up */
	uint32_t place; /* in its heap */
	uint32_t chain;
};

struct schedule_submitter {
	int64_t uid;
	int64_t turn; /* of its last message */
};

/* ---- heaps ---- */

static bool is_new(const struct schedule_entry *entry)
{
	return entry->due < 0;
}

static struct schedule_heap *heap_of(struct schedule *schedule, const struct schedule_entry *entry)
{
	return is_new(entry) ? &schedule->new_mail : &schedule->tried;
}

static bool comes_before(const struct schedule *schedule, uint32_t a, uint32_t b)
{
	const struct schedule_entry *first = &schedule->entries[a];
	const struct schedule_entry *second = &schedule->entries[b];

	return first->due != second->due ? first->due < second->due
					 : memcmp(first->id, second->id, QUEUE_ID_PACKED) < 0;
}

static void put(struct schedule *schedule, struct schedule_heap *heap, size_t place, uint32_t index)
{
	heap->order[place] = index;
	schedule->entries[index].place = (uint32_t)place;
}

static void rise(struct schedule *schedule, struct schedule_heap *heap, size_t place)
{
	uint32_t index = heap->order[place];

	while (place > 0 && comes_before(schedule, index, heap->order[(place - 1) / 2])) {
		put(schedule, heap, place, heap->order[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(schedule, heap, place, index);
}

static void sink(struct schedule *schedule, struct schedule_heap *heap, size_t place)
{
	uint32_t index = heap->order[place];

	for (size_t child = 2 * place + 1; child < heap->count; child = 2 * place + 1) {
		if (child + 1 < heap->count &&
		    comes_before(schedule, heap->order[child + 1], heap->order[child]))
			child++;
		if (!comes_before(schedule, heap->order[child], index))
			break;
		put(schedule, heap, place, heap->order[child]);
		place = child;
	}
	put(schedule, heap, place, index);
}

static void enter_heap(struct schedule *schedule, uint32_t index)
{
	struct schedule_heap *heap = heap_of(schedule, &schedule->entries[index]);

	heap->order[heap->count] = index;
	rise(schedule, heap, heap->count++);
}

static void leave_heap(struct schedule *schedule, uint32_t index)
{
	struct schedule_heap *heap = heap_of(schedule, &schedule->entries[index]);
	size_t place = schedule->entries[index].place;

	heap->count--;
	if (place == heap->count)
		return;
	/* The last may belong above the place that became free, or below it. */
	put(schedule, heap, place, heap->order[heap->count]);
	rise(schedule, heap, place);
	sink(schedule, heap, place);
}

/* ---- entries by ID ---- */

/* The end of an ID is chance. */
static uint32_t *bucket_of(const struct schedule *schedule, const unsigned char *packed)
{
	uint64_t chance;

	memcpy(&chance, packed + QUEUE_ID_PACKED - sizeof chance, sizeof chance);
	return &schedule->buckets[(chance * 0x9e3779b97f4a7c15 >> 32) & (schedule->capacity - 1)];
}

static struct schedule_entry *find(const struct schedule *schedule, const char *id)
{
	unsigned char packed[QUEUE_ID_PACKED];

	if (schedule->count == 0)
		return NULL;
	queue_id_pack(id, packed);
	for (uint32_t at = *bucket_of(schedule, packed); at != 0;
	     at = schedule->entries[at - 1].chain)
		if (memcmp(schedule->entries[at - 1].id, packed, sizeof packed) == 0)
			return &schedule->entries[at - 1];
	return NULL;
}

static void enter_bucket(struct schedule *schedule, uint32_t index)
{
	struct schedule_entry *entry = &schedule->entries[index];
	uint32_t *bucket = bucket_of(schedule, entry->id);

	entry->chain = *bucket;
	*bucket = index + 1;
}

static void leave_bucket(struct schedule *schedule, uint32_t index)
{
	uint32_t *link = bucket_of(schedule, schedule->entries[index].id);

	while (*link != index + 1)
		link = &schedule->entries[*link - 1].chain;
	*link = schedule->entries[index].chain;
}

/* Every entry is in use, and so in one of the heaps. */
static void grow(struct schedule *schedule)
{
	size_t old = schedule->capacity;
	size_t capacity = old != 0 ? 2 * old : FIRST_CAPACITY;

	assert(capacity < UINT32_MAX);
	schedule->entries = memory_resize_array(
	    schedule->entries, capacity, sizeof schedule->entries[0]);
	schedule->new_mail.order = memory_resize_array(
	    schedule->new_mail.order, capacity, sizeof(uint32_t));
	schedule->tried.order = memory_resize_array(
	    schedule->tried.order, capacity, sizeof(uint32_t));
	schedule->buckets = memory_resize_array(schedule->buckets, capacity, sizeof(uint32_t));
	schedule->capacity = capacity;
	memset(schedule->buckets, 0, capacity * sizeof(uint32_t));
	for (uint32_t i = 0; i < old; i++)
		enter_bucket(schedule, i);
}

/* Entries that were never used come behind all that are, so they need no chain. */
static uint32_t take_free(struct schedule *schedule)
{
	uint32_t index = (uint32_t)schedule->count;

	if (schedule->count == schedule->capacity)
		grow(schedule);
	if (schedule->free != 0) {
		index = schedule->free - 1;
		schedule->free = schedule->entries[index].chain;
	}
	schedule->count++;
	return index;
}

static void enter(struct schedule *schedule, const char *id, int64_t due)
{
	uint32_t index = take_free(schedule);
	struct schedule_entry *entry = &schedule->entries[index];

	*entry = (struct schedule_entry){ .due = due };
	queue_id_pack(id, entry->id);
	enter_bucket(schedule, index);
	enter_heap(schedule, index);
}

/* Empty, it needs no memory; nobody waits any more, so nobody has a turn. */
static void forget_all(struct schedule *schedule)
{
	bool tried_is_next = schedule->tried_is_next;

	schedule_finish(schedule);
	schedule->tried_is_next = tried_is_next;
}

static void leave(struct schedule *schedule, uint32_t index)
{
	leave_heap(schedule, index);
	leave_bucket(schedule, index);
	schedule->entries[index].chain = schedule->free;
	schedule->free = index + 1;
	if (--schedule->count == 0)
		forget_all(schedule);
}

/* ---- submitters ---- */

/* Those whose turns have all come need not be remembered. */
static void forget_submitters(struct schedule *schedule)
{
	size_t kept = 0;

	for (size_t i = 0; i < schedule->submitter_count; i++)
		if (schedule->submitters[i].turn > schedule->turn)
			schedule->submitters[kept++] = schedule->submitters[i];
	schedule->submitter_count = kept;
}

static size_t find_submitter(const struct schedule *schedule, int64_t uid)
{
	size_t low = 0;
	size_t high = schedule->submitter_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (schedule->submitters[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_room(struct schedule *schedule)
{
	if (schedule->submitter_count < schedule->submitter_capacity)
		return;
	forget_submitters(schedule);
	if (2 * schedule->submitter_count < schedule->submitter_capacity)
		return;
	schedule->submitter_capacity = schedule->submitter_capacity != 0
					   ? 2 * schedule->submitter_capacity
					   : 8;
	schedule->submitters = memory_resize_array(
	    schedule->submitters, schedule->submitter_capacity, sizeof schedule->submitters[0]);
}

static int64_t next_turn(struct schedule *schedule, int64_t uid)
{
	make_room(schedule);
	size_t at = find_submitter(schedule, uid);
	struct schedule_submitter *submitter = &schedule->submitters[at];

	if (at == schedule->submitter_count || submitter->uid != uid) {
		memmove(submitter + 1, submitter,
		    (schedule->submitter_count++ - at) * sizeof *submitter);
		*submitter = (struct schedule_submitter){ uid, schedule->turn };
	}
	if (submitter->turn < schedule->turn)
		submitter->turn = schedule->turn;
	return ++submitter->turn;
}

/* ---- */

void schedule_add(struct schedule *schedule, const char *id, int64_t due)
{
	(void)schedule_remove(schedule, id);
	enter(schedule, id, due > 0 ? due : 0);
}

void schedule_add_new(struct schedule *schedule, const char *id, int64_t uid)
{
	(void)schedule_remove(schedule, id);
	enter(schedule, id, INT64_MIN + next_turn(schedule, uid));
}

bool schedule_has(const struct schedule *schedule, const char *id)
{
	return find(schedule, id) != NULL;
}

bool schedule_remove(struct schedule *schedule, const char *id)
{
	const struct schedule_entry *entry = find(schedule, id);

	if (entry == NULL)
		return false;
	leave(schedule, (uint32_t)(entry - schedule->entries));
	return true;
}

static void tally_one(const struct schedule_entry *entry, int64_t now, struct schedule_tally *tally)
{
	if (entry->due <= now) {
		tally->due++;
		return;
	}
	tally->later++;
	if (entry->due < tally->next)
		tally->next = entry->due;
}

struct schedule_tally schedule_tally(
    const struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now)
{
	struct schedule_tally tally = { .due = ids == NULL ? schedule->new_mail.count : 0,
		.next = INT64_MAX };

	for (size_t i = 0; ids == NULL && i < schedule->tried.count; i++)
		tally_one(&schedule->entries[schedule->tried.order[i]], now, &tally);
	for (size_t i = 0; ids != NULL && i < count; i++) {
		const struct schedule_entry *entry = find(schedule, ids[i]);

		if (entry != NULL)
			tally_one(entry, now, &tally);
	}
	return tally;
}

/* Any number of them has moved, so the heap is made anew, from its last parents up. */
static void heap_again(struct schedule *schedule, struct schedule_heap *heap)
{
	for (size_t i = heap->count / 2; i > 0; i--)
		sink(schedule, heap, i - 1);
}

static void hasten_all(struct schedule *schedule, int64_t now)
{
	struct schedule_heap *heap = &schedule->tried;

	for (size_t i = 0; i < heap->count; i++)
		if (schedule->entries[heap->order[i]].due > now)
			schedule->entries[heap->order[i]].due = now;
	heap_again(schedule, heap);
}

void schedule_shift(struct schedule *schedule, int64_t jump)
{
	struct schedule_heap *heap = &schedule->tried;

	for (size_t i = 0; i < heap->count; i++) {
		int64_t *due = &schedule->entries[heap->order[i]].due;
		int64_t shifted;

		if (*due == 0 || *due == INT64_MAX)
			continue;
		if (__builtin_add_overflow(*due, jump, &shifted))
			shifted = INT64_MAX;
		/* Below 0 are the turns of new mail. */
		*due = shifted > 0 ? shifted : 0;
	}
	heap_again(schedule, heap);
}

void schedule_hasten(
    struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now)
{
	if (ids == NULL) {
		hasten_all(schedule, now);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct schedule_entry *entry = find(schedule, ids[i]);

		if (entry == NULL || entry->due <= now)
			continue;
		entry->due = now;
		rise(schedule, &schedule->tried, entry->place);
	}
}

int64_t schedule_next(const struct schedule *schedule)
{
	if (schedule->new_mail.count != 0)
		return 0;
	return schedule->tried.count != 0 ? schedule->entries[schedule->tried.order[0]].due
					  : INT64_MAX;
}

bool schedule_take(struct schedule *schedule, int64_t now, char id[static QUEUE_ID_SIZE])
{
	bool has_new = schedule->new_mail.count != 0;
	bool has_tried = schedule->tried.count != 0 &&
			 schedule->entries[schedule->tried.order[0]].due <= now;

	if (!has_new && !has_tried)
		return false;
	bool takes_tried = has_tried && (schedule->tried_is_next || !has_new);
	uint32_t index = takes_tried ? schedule->tried.order[0] : schedule->new_mail.order[0];
	const struct schedule_entry *entry = &schedule->entries[index];

	schedule->tried_is_next = !takes_tried;
	if (!takes_tried)
		schedule->turn = entry->due - INT64_MIN;
	queue_id_unpack(entry->id, id);
	leave(schedule, index);
	return true;
}

void schedule_finish(struct schedule *schedule)
{
	free(schedule->entries);
	free(schedule->buckets);
	free(schedule->new_mail.order);
	free(schedule->tried.order);
	free(schedule->submitters);
	*schedule = (struct schedule){ 0 };
}

int64_t schedule_retry(const int64_t *steps, size_t count, uint32_t attempts, int64_t now)
{
	assert(count > 0 && attempts > 0);
	int64_t step = steps[attempts <= count ? attempts - 1 : count - 1];
	return now + step + (int64_t)random_below((uint64_t)step / 10 + 1);
}

int64_t schedule_waited(const int64_t *steps, size_t count, uint32_t attempts)
{
	int64_t sum = 0;

	assert(count > 0);
	for (uint32_t i = 1; i < attempts && i <= count; i++)
		sum += steps[i - 1];
	if (attempts <= count + 1)
		return sum;
	int64_t more;
	if (__builtin_mul_overflow(steps[count - 1], (int64_t)(attempts - 1 - count), &more) ||
	    __builtin_add_overflow(sum, more, &sum))
		return INT64_MAX;
	return sum;
}
