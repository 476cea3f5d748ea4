/* SPDX-License-Identifier: MIT */

/*
 * host - what this machine is called
 *
 * Only host_fully_qualified may ask the network, and only when the host name
 * has no dot; so it is called only where no setting says the name.  It waits
 * two seconds for a name server, whatever resolv.conf says, and what came of it
 * holds for this process: a name for good, none for five minutes.
 */

#ifndef CONFIG_HOST_H
#define CONFIG_HOST_H

/* As the kernel has it, made fit for a domain; "localhost" without one.  The caller frees it. */
char *host_name(void);

/* The name with its domain, or NULL where there is none but "localhost"; the caller frees it. */
char *host_fully_qualified(void);

/* It is asked for anew, the next time. */
void host_forget(void);

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" of this machine, else "[127.0.0.1]"; the caller frees it.
 */
char *host_address_literal(void);

#endif
