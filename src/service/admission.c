/* SPDX-License-Identifier: MIT */

#include "service/admission.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"

enum { LAST_PART = 5 }; /* of the places: the last fifth */

void admission_limit(struct admission *admission, const struct config_limits *limits)
{
	assert(limits->sessions != 0 && limits->sessions <= CONFIG_SESSIONS_LIMIT);
	admission->sessions = limits->sessions;
	admission->sessions_per_uid = limits->sessions_per_uid;
}

void admission_finish(struct admission *admission)
{
	for (size_t i = 0; i < admission->waiting_count; i++)
		file_close(&admission->waiting[i].connection);
	*admission = (struct admission){ 0 };
}

/* ---- who is served ---- */

static size_t find_party(const struct admission *admission, int64_t uid)
{
	size_t i = 0;

	while (i < admission->party_count && admission->parties[i].uid != uid)
		i++;
	return i;
}

static unsigned sessions_of(const struct admission *admission, int64_t uid)
{
	size_t i = find_party(admission, uid);

	return i < admission->party_count ? admission->parties[i].sessions : 0;
}

void admission_enter(struct admission *admission, int64_t uid)
{
	size_t i = find_party(admission, uid);

	assert(i < ADMISSION_PLACES);
	if (i == admission->party_count)
		admission->parties[admission->party_count++] = (struct admission_party){ uid, 0 };
	admission->parties[i].sessions++;
	admission->total++;
}

void admission_leave(struct admission *admission, int64_t uid)
{
	size_t i = find_party(admission, uid);

	assert(i < admission->party_count);
	admission->total--;
	if (--admission->parties[i].sessions == 0)
		admission->parties[i] = admission->parties[--admission->party_count];
}

static bool has_too_many(const struct admission *admission, const struct admission_guest *guest)
{
	return !guest->is_administrator &&
	       sessions_of(admission, guest->uid) >= admission->sessions_per_uid;
}

static bool may_enter(const struct admission *admission, const struct admission_guest *guest)
{
	unsigned kept = admission->sessions / LAST_PART;

	if (guest->is_administrator)
		return admission->total < admission->sessions + ADMISSION_KEPT;
	if (has_too_many(admission, guest))
		return false;
	if (sessions_of(admission, guest->uid) == 0)
		kept = 0;
	return admission->total + kept < admission->sessions;
}

/* ---- who waits ---- */

static struct admission_guest take_out(struct admission *admission, size_t index)
{
	struct admission_guest guest = admission->waiting[index];

	admission->waiting_count--;
	memmove(admission->waiting + index, admission->waiting + index + 1,
	    (admission->waiting_count - index) * sizeof guest);
	return guest;
}

static size_t waiting_of(const struct admission *admission, int64_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < admission->waiting_count; i++)
		count += admission->waiting[i].uid == uid;
	return count;
}

/* The youngest of those of whose uid most wait. */
static size_t find_victim(const struct admission *admission)
{
	size_t victim = 0;
	size_t most = 0;

	for (size_t i = admission->waiting_count; i > 0; i--) {
		size_t count = waiting_of(admission, admission->waiting[i - 1].uid);

		if (count > most)
			victim = i - 1;
		most = count > most ? count : most;
	}
	return victim;
}

enum admission_verdict admission_arrive(struct admission *admission,
    const struct admission_guest *guest, struct admission_guest *turned_away)
{
	size_t others = waiting_of(admission, guest->uid);

	/* Who came before it from the same uid comes first. */
	if (others == 0 && may_enter(admission, guest))
		return ADMISSION_NOW;
	*turned_away = *guest;
	if (others >= ADMISSION_WAITING_PER_UID)
		return ADMISSION_NEVER;
	bool is_full = admission->waiting_count == ADMISSION_WAITING;
	if (is_full) {
		size_t victim = find_victim(admission);

		if (waiting_of(admission, admission->waiting[victim].uid) <= others + 1)
			return ADMISSION_NEVER;
		*turned_away = take_out(admission, victim);
	}
	admission->waiting[admission->waiting_count++] = *guest;
	return is_full ? ADMISSION_NEVER : ADMISSION_WAITS;
}

bool admission_take(struct admission *admission, struct admission_guest *guest)
{
	size_t best = admission->waiting_count;

	for (size_t i = 0; i < admission->waiting_count; i++) {
		const struct admission_guest *one = &admission->waiting[i];

		if (may_enter(admission, one) &&
		    (best == admission->waiting_count ||
			sessions_of(admission, one->uid) <
			    sessions_of(admission, admission->waiting[best].uid)))
			best = i;
	}
	if (best == admission->waiting_count)
		return false;
	*guest = take_out(admission, best);
	return true;
}

bool admission_take_late(struct admission *admission, int64_t now, struct admission_guest *guest)
{
	if (admission->waiting_count == 0 ||
	    now < admission->waiting[0].came_at + ADMISSION_PATIENCE)
		return false;
	*guest = take_out(admission, 0);
	return true;
}

bool admission_take_any(struct admission *admission, struct admission_guest *guest)
{
	if (admission->waiting_count == 0)
		return false;
	*guest = take_out(admission, admission->waiting_count - 1);
	return true;
}

/* Its end alone shows: what it has sent ahead of the greeting waits with it. */
void admission_forget_gone(struct admission *admission)
{
	struct pollfd polls[ADMISSION_WAITING];
	size_t count = admission_poll(admission, polls);

	if (count == 0 || poll(polls, count, 0) <= 0)
		return;
	for (size_t i = count; i > 0; i--) {
		if (polls[i - 1].revents == 0)
			continue;
		struct admission_guest guest = take_out(admission, i - 1);
		file_close(&guest.connection);
	}
}

bool admission_wants(const struct admission *admission, int64_t uid)
{
	for (size_t i = 0; i < admission->waiting_count; i++) {
		const struct admission_guest *guest = &admission->waiting[i];

		/* Only with a place of its own uid would it be helped. */
		if (guest->uid == uid || !has_too_many(admission, guest))
			return true;
	}
	return false;
}

void admission_explain(const struct admission *admission, int64_t uid, char *text, size_t size)
{
	unsigned mine = sessions_of(admission, uid);

	if (mine < admission->sessions_per_uid)
		snprintf(text, size,
		    "%u of %u places for clients are taken%s (limits { sessions } in "
		    "mailchute.conf)",
		    admission->total, admission->sessions,
		    admission->total < admission->sessions ? ", and the rest is for others" : "");
	else if (uid < 0)
		snprintf(text, size,
		    "%u of %u places for clients of unknown uid are taken (limits { "
		    "sessions_per_uid } in mailchute.conf)",
		    mine, admission->sessions_per_uid);
	else
		snprintf(text, size,
		    "%u of %u places for clients of uid %lld are taken (limits { "
		    "sessions_per_uid } in mailchute.conf)",
		    mine, admission->sessions_per_uid, (long long)uid);
}

size_t admission_poll(const struct admission *admission, struct pollfd *polls)
{
	for (size_t i = 0; i < admission->waiting_count; i++)
		polls[i] = (struct pollfd){ .fd = admission->waiting[i].connection };
	return admission->waiting_count;
}

int64_t admission_deadline(const struct admission *admission)
{
	return admission->waiting_count != 0 ? admission->waiting[0].came_at + ADMISSION_PATIENCE
					     : CLOCK_NEVER;
}
