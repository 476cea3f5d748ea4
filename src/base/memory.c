/* SPDX-License-Identifier: MIT */

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static _Noreturn void die_out_of_memory(void)
{
	static const char text[] = "mailchute: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(EX_OSERR);
}

void *memory_allocate(size_t size)
{
	void *block = calloc(1, size != 0 ? size : 1);

	if (block == NULL)
		die_out_of_memory();
	return block;
}

void *memory_resize_array(void *old, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		die_out_of_memory();
	void *block = realloc(old, total != 0 ? total : 1);
	if (block == NULL)
		die_out_of_memory();
	return block;
}

char *memory_copy(const char *bytes, size_t length)
{
	size_t total;

	if (__builtin_add_overflow(length, 1, &total))
		die_out_of_memory();
	char *copy = memory_allocate(total);
	if (length != 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *memory_copy_string(const char *string)
{
	return memory_copy(string, strlen(string));
}

char *memory_format(const char *format, ...)
{
	va_list arguments;
	char *string;

	va_start(arguments, format);
	if (vasprintf(&string, format, arguments) < 0)
		die_out_of_memory();
	va_end(arguments);
	return string;
}

void memory_free_string(char **string)
{
	free(*string);
	*string = NULL;
}

void memory_free_secret(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	memory_free_string(secret);
}
