# SPDX-License-Identifier: MIT
# bash completion for mailchute; needs no bash-completion, and works with it
#
# What only the programs know (smarthosts, queue IDs, codes, providers) they are asked for:
# quietly, and never for longer than two seconds.

_mailchute_ask() {
	timeout 2 mailchute "$@" </dev/null 2>/dev/null
}

_mailchute_titles() {
	_mailchute_ask config --changed | sed -n "s/^$1 \"\\([^\"*]*\\)\" {\$/\\1/p"
}

# All of them for root, his own for another.  The first hundreds: nobody chooses among more.
_mailchute_queue_ids() {
	{ _mailchute_ask queue --json || timeout 2 mailq --json </dev/null 2>/dev/null; } | head -n 500 | sed -n 's/.*"queue_id": "\([^"]*\)".*/\1/p'
}

_mailchute_words() {
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_mailchute_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "${1:--f}" -- "$cur")
}

# What the value of an option is, in kind; false: the option has none.
_mailchute_kind() {
	case $1:$2 in
	setup:--provider) kind=provider ;;
	setup:--url) kind=url ;;
	setup:--into | import:--into | import:--root | sink:--maildir) kind=folder ;;
	setup:--password-file | setup:--ca-file | config:--file | secret:--file | explain:--message | \
		sink:--certificate | sink:--key | sink:--write-certificate | serve:--listen) kind='file' ;;
	doctor:--as | explain:--as) kind=user ;;
	queue:--smarthost) kind=smarthost ;;
	setup:--region | setup:--user | setup:--from | setup:--root | test:--from | test:--subject | \
		test:--wait | explain:-f | explain:-F | queue:--from | queue:--to | queue:--wait | \
		secret:--user | sink:--listen | sink:--name | sink:--user | sink:--password) kind=any ;;
	*) return 1 ;;
	esac
}

_mailchute_value() {
	case $1 in
	provider) _mailchute_words "$(_mailchute_ask setup --list | sed -n 's/^\([^ :]*\): .*/\1/p')" ;;
	url)
		compopt -o nospace 2>/dev/null
		_mailchute_words smtp+tls:// smtps:// smtp:// smtp+notls:// lmtp:// smtp+unix:/// lmtp+unix:///
		;;
	folder) _mailchute_files -d ;;
	file) _mailchute_files ;;
	user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	smarthost) _mailchute_words "$(_mailchute_titles smarthost)" ;;
	esac
}

# What may stand behind a command and the words given to it, which are no options.
_mailchute_arguments() {
	case $1 in
	setup) _mailchute_words --provider --url --region --user --password-file --from --root --ca-file \
		--force --into --no-check --list --help ;;
	doctor) _mailchute_words --help "$(_mailchute_titles smarthost)" ;;&
	doctor*) _mailchute_words --online --as --quick --json ;;
	test) _mailchute_words --help root "$(_mailchute_titles alias)" ;;&
	test*) _mailchute_words --from --subject --wait --quiet --share ;;
	explain) _mailchute_words --help ;;&
	explain*) _mailchute_words -t -f -F --message --as --online --json root "$(_mailchute_titles alias)" ;;
	queue) _mailchute_words --count --json --help show retry hold release remove flush ;;
	queue\ show*) _mailchute_words --body --raw ;;&
	queue\ flush*) _mailchute_words --wait ;;&
	queue\ *) _mailchute_words --from --to --smarthost --all "$(_mailchute_queue_ids)" ;;
	config) _mailchute_words --changed --defaults --json --file --help ;;
	secret) _mailchute_words set list --help ;;
	secret\ set*) _mailchute_words --user --file --no-restart ;;&
	secret\ set) _mailchute_words "$(_mailchute_titles smarthost)" ;;
	secret\ set\ *\ *_file) _mailchute_files ;;
	secret\ set\ *\ *) ;;
	secret\ set\ *) _mailchute_words user password token password_file token_file token_command ;;
	secret\ list) _mailchute_words --file ;;
	import) _mailchute_words --help ssmtp msmtp nullmailer dma postfix variables ;;&
	import*)
		_mailchute_words --write --force --into --root
		_mailchute_files
		;;
	sink) _mailchute_words --listen --maildir --starttls --tls --certificate --key --write-certificate \
		--name --user --password --trace --help list show follow ;;
	sink\ show) _mailchute_words --raw -1 ;;
	sink\ show*) _mailchute_words --raw ;;&
	sink\ follow*) _mailchute_words --body ;;&
	sink\ *) _mailchute_files -d ;;
	newaliases) _mailchute_words --verbose --help ;;
	serve) _mailchute_words --listen --background --verbose --help ;;
	help) _mailchute_words "$_mailchute_commands" codes \
		"$(_mailchute_ask help codes | sed -n 's/^\(MC-[^ ]*\) .*/\1/p')" ;;
	esac
}

# Options are shown where one is begun, or where there is nothing else.
_mailchute_drop_options() {
	local word others=()

	[[ $cur != -* ]] || return 0
	for word in "${COMPREPLY[@]}"; do
		[[ $word == -* ]] || others+=("$word")
	done
	[[ ${#others[@]} -eq 0 ]] || COMPREPLY=("${others[@]}")
}

_mailchute_commands='setup doctor test explain queue config secret import sink newaliases serve help'

_mailchute() {
	local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=${COMP_WORDS[1]} kind='' i

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_mailchute_words "$_mailchute_commands" --help --version
		_mailchute_drop_options
		return
	fi
	# A colon is a word of its own to bash; what stands behind one is not known.
	[[ $cur != : && ${COMP_WORDS[COMP_CWORD - 1]} != : ]] || return 0
	for ((i = 2; i < COMP_CWORD; i++)); do
		if _mailchute_kind "$command" "${COMP_WORDS[i]}"; then
			((i += 1))
			((i < COMP_CWORD)) || _mailchute_value "$kind"
			((i < COMP_CWORD)) || return 0
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			words+=" ${COMP_WORDS[i]}"
		fi
	done
	_mailchute_arguments "$words"
	_mailchute_drop_options
}

complete -F _mailchute mailchute
