/* SPDX-License-Identifier: MIT */

/*
 * check - texts of settings to values, the same for every source
 *
 * where says where the text stands, for the error: "/etc/mailchute/mailchute.conf
 * line 12" or "MAILCHUTE_MODE"; name is the option.  Each returns 0 with the
 * value, or -1 with ERROR_CONFIG.
 */

#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

struct check_place {
	const char *where;
	const char *name;
};

int check_duration(
    const struct check_place *place, const char *text, int64_t *milliseconds, struct error *error);
int check_mode(
    const struct check_place *place, const char *text, enum config_mode *mode, struct error *error);
int check_wait(
    const struct check_place *place, const char *text, enum config_wait *wait, struct error *error);

/* "true" or "false". */
int check_switch(
    const struct check_place *place, const char *text, bool *is_on, struct error *error);

/* Which SASL mechanisms a login may use. */
int check_auth(const struct check_place *place, const char *text, enum smarthost_auth *auth,
    struct error *error);

int check_from_policy(const struct check_place *place, const char *text,
    enum smarthost_from_policy *policy, struct error *error);

/* "*@domain", an address, or a domain. */
int check_pattern(const struct check_place *place, const char *text, struct error *error);

/* A login name, a number, or "*". */
int check_user(const struct check_place *place, const char *text, struct error *error);

/* An absolute path. */
int check_path(const struct check_place *place, const char *text, struct error *error);

/* "sha256:..." (base/fingerprint.h). */
int check_fingerprint(const struct check_place *place, const char *text, struct error *error);

/* "1.2" or "1.3". */
int check_tls_min(
    const struct check_place *place, const char *text, bool *is_1_3, struct error *error);

/* "any", "4" or "6": 0, 4 or 6. */
int check_family(
    const struct check_place *place, const char *text, int *family, struct error *error);

/* An IPv4 or IPv6 address. */
int check_ip_address(const struct check_place *place, const char *text, struct error *error);

/* A number from 1 to limit. */
int check_count(const struct check_place *place, const char *text, unsigned limit, unsigned *count,
    struct error *error);

/* A number from 0 to limit. */
int check_number(const struct check_place *place, const char *text, uint64_t limit,
    uint64_t *number, struct error *error);

/* "100M", "64K", "2G", "1000": octets; K is 1,024. */
int check_size(
    const struct check_place *place, const char *text, uint64_t *octets, struct error *error);

/* "30/min", "14/s", "1000/h": so many messages in a period of milliseconds. */
int check_rate(const struct check_place *place, const char *text, unsigned *rate, int64_t *period,
    struct error *error);

/* What log_open takes. */
int check_log(const struct check_place *place, const char *text, struct error *error);

/* "text" or "json". */
int check_log_format(
    const struct check_place *place, const char *text, bool *is_json, struct error *error);

/* local@domain, by its outer form; may_be_bare allows a local part alone. */
int check_address(
    const struct check_place *place, const char *text, bool may_be_bare, struct error *error);

/* A domain; or, where may_be_literal, "[192.0.2.1]" too. */
int check_domain(
    const struct check_place *place, const char *text, bool may_be_literal, struct error *error);

/* What check_domain takes, literals too, or "auto". */
int check_ehlo(const struct check_place *place, const char *text, struct error *error);

/* Letters, digits, '-', '_', '.': what both parsers keep. */
int check_title(const struct check_place *place, const char *text, struct error *error);

#endif
