/* SPDX-License-Identifier: MIT */

#include "service/tickets.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { OCTETS_LIMIT = 65536 };

struct ticket {
	char *smarthost; /* owned */
	char *octets;	 /* owned; NULL: handed out */
	size_t length;
};

static struct ticket *find(const struct tickets *tickets, const char *smarthost)
{
	for (size_t i = 0; i < tickets->count; i++)
		if (strcmp(tickets->list[i].smarthost, smarthost) == 0)
			return &tickets->list[i];
	return NULL;
}

static void drop_octets(struct ticket *ticket)
{
	if (ticket->octets != NULL)
		explicit_bzero(ticket->octets, ticket->length);
	free(ticket->octets);
	ticket->octets = NULL;
}

void tickets_keep(struct tickets *tickets, const char *smarthost, struct span octets)
{
	struct ticket *ticket = find(tickets, smarthost);

	if (octets.length == 0 || octets.length > OCTETS_LIMIT)
		return;
	if (ticket == NULL) {
		tickets->list = memory_resize_array(
		    tickets->list, tickets->count + 1, sizeof *tickets->list);
		ticket = &tickets->list[tickets->count++];
		*ticket = (struct ticket){ .smarthost = memory_copy_string(smarthost) };
	}
	drop_octets(ticket);
	ticket->octets = memory_copy(octets.start, octets.length);
	ticket->length = octets.length;
}

char *tickets_take(struct tickets *tickets, const char *smarthost, size_t *length)
{
	struct ticket *ticket = find(tickets, smarthost);

	*length = 0;
	if (ticket == NULL || ticket->octets == NULL)
		return NULL;
	char *octets = ticket->octets;
	*length = ticket->length;
	ticket->octets = NULL;
	return octets;
}

void tickets_finish(struct tickets *tickets)
{
	for (size_t i = 0; i < tickets->count; i++) {
		drop_octets(&tickets->list[i]);
		free(tickets->list[i].smarthost);
	}
	free(tickets->list);
	*tickets = (struct tickets){ 0 };
}
