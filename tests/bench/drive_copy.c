/* SPDX-License-Identifier: MIT */

#include "drive.h"

#include <openssl/ssl.h>

#include "base/file.h"

enum { BLOCK = 16384 }; /* what a record holds */

static int lost(struct error *error)
{
	return error_set(error, ERROR_UNAVAILABLE, "4.4.2", "the yardstick's TLS failed");
}

static int copy(struct board *board, SSL *tls, int message, struct error *error)
{
	struct board_figures *figures = &board->figures;
	char block[BLOCK];
	size_t count;

	if (SSL_connect(tls) != 1)
		return lost(error);
	figures->open = board_look(board);
	for (uint64_t done = 0; done < board->plan.size; done += count) {
		ssize_t read = file_read_full_at(message, block, sizeof block, (off_t)done);
		uint64_t left = board->plan.size - done;

		/* The message is shorter by its header, which is as good as any octets. */
		count = read > 0 ? (size_t)read : sizeof block;
		if (count > left)
			count = (size_t)left;
		if (SSL_write_ex(tls, block, count, &count) != 1)
			return lost(error);
	}
	if (SSL_read_ex(tls, block, 1, &count) != 1)
		return lost(error);
	figures->done = 1;
	figures->first = figures->end = board_look(board);
	return 0;
}

int drive_copy(struct board *board, int socket, int message, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = context != NULL ? SSL_new(context) : NULL;
	int outcome = -1;

	if (tls == NULL || file_set_nonblocking(socket, false) < 0 || SSL_set_fd(tls, socket) != 1)
		lost(error);
	else
		outcome = copy(board, tls, message, error);
	SSL_free(tls);
	SSL_CTX_free(context);
	return outcome;
}
