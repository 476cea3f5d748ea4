/* SPDX-License-Identifier: MIT */

#include "message/survey.h"

#include "message/quoted_printable.h"

static bool ends_line(struct span octets)
{
	return octets.length >= 2 && octets.start[octets.length - 2] == '\r' &&
	       octets.start[octets.length - 1] == '\n';
}

/* RFC 3629, section 4: the first octet tells how many follow and bounds the second. */
static void begin_character(struct survey *survey, unsigned char octet)
{
	survey->lowest = 0x80;
	survey->highest = 0xbf;
	survey->awaited = octet < 0x80 ? 0 : octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3;
	if ((octet >= 0x80 && octet < 0xc2) || octet > 0xf4)
		survey->is_not_utf8 = true;
	if (octet == 0xe0)
		survey->lowest = 0xa0;
	if (octet == 0xed)
		survey->highest = 0x9f;
	if (octet == 0xf0)
		survey->lowest = 0x90;
	if (octet == 0xf4)
		survey->highest = 0x8f;
}

static void go_on_with_character(struct survey *survey, unsigned char octet)
{
	if (octet < survey->lowest || octet > survey->highest)
		survey->is_not_utf8 = true;
	survey->lowest = 0x80;
	survey->highest = 0xbf;
	survey->awaited--;
}

static void look_at_octet(struct survey *survey, char octet)
{
	unsigned char value = (unsigned char)octet;

	if (quoted_printable_must_encode(octet))
		survey->encoded++;
	if (value >= 0x80)
		survey->has_8bit = true;
	if (survey->awaited != 0)
		go_on_with_character(survey, value);
	else
		begin_character(survey, value);
}

void survey_look(struct survey *survey, struct span octets)
{
	size_t end = ends_line(octets) ? 2 : 0;
	size_t text = octets.length - end;

	for (size_t i = 0; i < text; i++)
		look_at_octet(survey, octets.start[i]);
	survey->length += octets.length;
	survey->line_length += text;
	if (survey->line_length > survey->longest_line)
		survey->longest_line = survey->line_length;
	if (end == 0)
		return;
	survey->line_length = 0;
	/* A character that a line end cuts. */
	if (survey->awaited != 0)
		survey->is_not_utf8 = true;
	survey->awaited = 0;
}

bool survey_is_utf8(const struct survey *survey)
{
	return !survey->is_not_utf8 && survey->awaited == 0;
}

uint64_t survey_quoted_printable_size(const struct survey *survey)
{
	return survey->length + 2 * survey->encoded;
}

uint64_t survey_base64_size(const struct survey *survey)
{
	/* 57 octets make a line of 76 and its end. */
	return survey->length / 57 * 78 + survey->length % 57 * 78 / 57;
}
