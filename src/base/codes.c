/* SPDX-License-Identifier: MIT */

#include "base/codes.h"

#include <stdbool.h>
#include <string.h>

const struct code codes_list[] = {
	{ "MC-AUTH-01", "login refused",
	    "The smarthost does not accept user and password, or the token. Mail is kept and the "
	    "smarthost left alone for a while, since one refusal after the other locks accounts. "
	    "Most big providers do not take the account's own password from a program, but one "
	    "made for it.",
	    "Make an app password, an SMTP key or a token at the provider (the message names the "
	    "page), then: mailchute secret set NAME. Secrets are read anew at each login, so "
	    "nothing needs a restart; mailchute queue retry --all sends at once what has waited." },
	{ "MC-TLS-02", "certificate not accepted",
	    "The server showed a certificate that does not prove that it is the smarthost: it is "
	    "for another name, has expired, is signed by nobody who is trusted here, or lacks its "
	    "intermediate. Nothing was sent, no password either.",
	    "Another name: write the server's own into url, or tls_name = \"that.name\". Expired: "
	    "look at this machine's clock, then ask the operator. Self-signed: ca_file = "
	    "\"/path\", "
	    "or pin it with the tls_fingerprint = \"sha256:...\" that the message shows, after a "
	    "look at the server itself. Intermediate missing: the operator must send the whole "
	    "chain." },
	{ "MC-TLS-03", "no CA bundle",
	    "There is no file of CA certificates on this machine or in this image, so no server "
	    "can be checked, and nothing is sent unchecked.",
	    "Debian: apt-get install ca-certificates. Alpine: apk add ca-certificates. From "
	    "scratch: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/. Or "
	    "ca_file in the smarthost, or SSL_CERT_FILE." },
	{ "MC-NET-04", "no connection",
	    "No address of the smarthost could be connected to: nobody listens there, or something "
	    "on the way drops it. DigitalOcean, AWS, GCP, Azure, Hetzner and home lines block some "
	    "mail ports, most of all 25.",
	    "mailchute doctor --online tries the other ports. If 465 answers: url = "
	    "\"smtps://HOST\"; if 587 does: url = \"smtp+tls://HOST\"." },
	{ "MC-FROM-05", "sender refused",
	    "The smarthost does not let this login send with this sender address. Only mail with "
	    "that sender waits for it; other mail goes on.",
	    "In the smarthost write from = \"the address that the login owns\" and from_policy = "
	    "\"rewrite\", or have the sender allowed or verified at the provider. mailchute "
	    "explain "
	    "shows which sender leaves, and why; mailchute queue retry ID sends what has waited." },
	{ "MC-RELAY-06", "relay denied",
	    "The server takes mail for its own mailboxes only. Either no login was made there, or "
	    "the url names the port for incoming mail (25) instead of that for submission.",
	    "Write user and password of the smarthost into secrets.ini, and url = "
	    "\"smtp+tls://HOST:587\" or \"smtps://HOST:465\"." },
	{ "MC-GREY-07", "greylisted",
	    "The server puts off mail of senders that it does not know yet, and takes it when it "
	    "comes again some minutes later.",
	    "Nothing: it is tried again. Where there is no spool to wait in (submit { mode = "
	    "\"direct\" }) the mail is not sent: give it one, queue { dir = \"/path\" }." },
	{ "MC-RATE-08", "too fast, or limit used up",
	    "The account sends faster than the provider allows, on too many connections, or has "
	    "used up its messages of the day.",
	    "Write its limit into the smarthost: rate = \"14/s\" (or \"30/min\", \"100/h\"), "
	    "connections = 1. For a daily limit wait, have it raised, or add a second smarthost: "
	    "route \"all\" { via = { \"first\", \"second\" } }." },
	{ "MC-DNS-09", "name not found",
	    "The name of the smarthost could not be looked up: there is no such name, or the "
	    "resolver does not answer, as in a container without a network or at boot.",
	    "No such name: correct it in url. No answer: look at /etc/resolv.conf; docker run "
	    "--dns "
	    "1.1.1.1, or the network's \"internal: true\"; in Kubernetes the egress policy for "
	    "port "
	    "53." },
	{ "MC-TLS-10", "wrong kind of TLS for this port",
	    "Some ports speak TLS from the first byte (465), others greet in clear and change to "
	    "TLS by STARTTLS (587, 25). The url says the one, the server does the other.",
	    "smtps://HOST:465 for the first, smtp+tls://HOST:587 for the second." },
	{ "MC-EHLO-11", "our name refused",
	    "The server does not like the name that we give ourselves in EHLO: it wants one with a "
	    "domain. A container's id and localhost are none.",
	    "identity { ehlo = \"web.example.com\" }, a name that is known in the DNS, or "
	    "MAILCHUTE_EHLO." },
	{ "MC-SIZE-12", "message too big",
	    "The message is larger than the smarthost, or submit { max_size }, allows. In mail "
	    "attachments are a third larger than their files. It was not sent.",
	    "Send a link, or a part of it; or raise max_size where the limit is ours." },
	{ "MC-SPOOL-13", "spool not writable",
	    "Mail cannot be kept on disk: the directory is missing, belongs to another, is "
	    "read-only, or the disk is full.",
	    "Make room, or mend owner and mode as the message says. In a container mount a volume "
	    "there (an emptyDir will do), or say that none is meant: MAILCHUTE_MODE=direct." },
	{ "MC-CONF-14", "settings not usable",
	    "A file of settings or secrets cannot be read, or holds something that means nothing. "
	    "Nothing is sent by half of the settings.",
	    "The message names file, line and what to write; mailchute doctor shows every fault of "
	    "every file. Callers need not be able to read secrets.ini: the service does, chgrp "
	    "mailchute /etc/mailchute/secrets.ini && chmod 640 /etc/mailchute/secrets.ini." },
	{ "MC-CONF-15", "no smarthost configured",
	    "Nothing says where mail is to go. If MAILCHUTE_URL is set in the container but not "
	    "here, PHP-FPM (clear_env) or cron took it out of the environment.",
	    "On a host: mailchute setup. In a container: mount the URL as a secret at "
	    "/run/secrets/mailchute_url, or set clear_env = no. From an older program: mailchute "
	    "import." },
	{ "MC-CAPTURE-16", "mail cannot be captured",
	    "capture (or MAILCHUTE_CAPTURE) says that all mail is kept in a directory and none "
	    "sent, and that directory cannot be written to, or the variable is set for root, of "
	    "whom it does not count where a mailchute.conf is installed. Nothing was sent.",
	    "Make the directory writable for the user that the message names, or name another; for "
	    "root, write capture into mailchute.conf." },
	{ "MC-AUTH-17", "login wanted",
	    "The smarthost takes mail only after a login, and none was made.",
	    "Write user and password into the smarthost's section of secrets.ini: mailchute secret "
	    "set NAME." },
	{ "MC-AUTH-18", "no way to log in",
	    "A login is configured and cannot be made: the server offers none, or none that fits "
	    "the secret, or it would travel in the clear.",
	    "auth = \"auto\", and a url with TLS: smtp+tls://HOST:587 or smtps://HOST:465. The "
	    "message shows what the server offers and what we can do." },
	{ "MC-RCPT-19", "recipient refused",
	    "The server does not take mail for this recipient: there is no such mailbox, it is "
	    "full, or the provider has put it on a list of those who bounced.",
	    "Check the address, and what aliases make of it: mailchute explain ADDRESS." },
	{ "MC-SPAM-20", "taken for spam",
	    "The server refuses the message, or all that comes from our address: it is on a list, "
	    "the sender's domain does not vouch for it (SPF, DKIM, DMARC), or its content looks "
	    "like spam.",
	    "Send with an address of the smarthost's own domain (from, from_policy = \"rewrite\"), "
	    "publish SPF and DKIM for it as the provider says, and send by a smarthost with a "
	    "login instead of from home." },
	{ "MC-ACCT-21", "account stopped",
	    "The provider has locked or suspended the account, or not yet activated it.",
	    "Look into the account at the provider. If it was locked for spam, change its "
	    "password, and find out who sent it: the log names the user of every message." },
	{ "MC-TLS-22", "no TLS",
	    "The smarthost offers no TLS where it is required, or wants it where the url has none, "
	    "or TLS could not be agreed on. Nothing was sent in the clear.",
	    "url = \"smtps://HOST\" or \"smtp+tls://HOST\"; smtp+notls:// only where nobody can "
	    "listen." },
	{ "MC-NET-23", "connection lost",
	    "The connection ended, or nothing came for too long, or what came made no sense; or "
	    "the server is busy and says so. Mail is kept and tried again.",
	    "Nothing, if it passes. mailchute doctor --online shows how far it comes; firewalls "
	    "that look into mail and servers that are overloaded do this." },
	{ "MC-SERV-24", "no service",
	    "The service that keeps and sends mail does not answer, and this caller may not, or "
	    "cannot, do its work.",
	    "systemctl enable --now mailchute.socket, or run mailchute serve; mailchute doctor "
	    "looks at both." },
	{ "MC-ADDR-25", "address not usable",
	    "An address of the message or the command line is none, or there is no recipient at "
	    "all.",
	    "Correct it; mailchute explain ADDRESS shows what becomes of it." },
	{ "MC-USER-26", "this user may not",
	    "The settings do not let this user do that: submit { users } names who may send, and "
	    "only the service's own user and root manage the mail of others.",
	    "submit { users = { \"*\" } }, or run it as root." },
};

const size_t codes_count = sizeof codes_list / sizeof codes_list[0];

/* "auth-1" is "AUTH-01". */
static bool is_short_for(const char *given, const char *name)
{
	size_t letters = (size_t)(strrchr(name, '-') - name) + 1;
	const char *number = name + letters;

	return number[0] == '0' && strncasecmp(given, name, letters) == 0 &&
	       strcmp(given + letters, number + 1) == 0;
}

const struct code *codes_find(const char *name)
{
	for (size_t i = 0; i < codes_count; i++) {
		const char *whole = codes_list[i].name;
		const char *bare = whole + strlen("MC-");

		if (strcasecmp(name, whole) == 0 || strcasecmp(name, bare) == 0 ||
		    is_short_for(name, whole) || is_short_for(name, bare))
			return &codes_list[i];
	}
	return NULL;
}
