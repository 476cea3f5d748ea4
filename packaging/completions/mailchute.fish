# SPDX-License-Identifier: MIT
# fish completion for mailchute
#
# What only the programs know (smarthosts, queue IDs, codes, providers) they are asked for:
# quietly, and never for longer than two seconds.

function __mailchute_ask
    timeout 2 mailchute $argv </dev/null 2>/dev/null
end

function __mailchute_titles
    __mailchute_ask config --changed | string replace -rf "^$argv \"([^\"*]*)\" \\{\$" '$1'
end

# All of them for root, his own for another.  The first hundreds: nobody chooses among more.
function __mailchute_queue_ids
    begin
        __mailchute_ask queue --json; or timeout 2 mailq --json </dev/null 2>/dev/null
    end | head -n 500 | string replace -rf '.*"queue_id": "([^"]*)".*' '$1'
end

function __mailchute_providers
    __mailchute_ask setup --list | string replace -rf '^([^ :]+): ' '$1\t'
end

function __mailchute_codes
    __mailchute_ask help codes | string replace -rf '^(MC-\S+) +' '$1\t'
end

# Is this the command, and one of these its verb?  "-": it has none.
function __mailchute_at -a command
    set -l words (commandline -opc) -
    test "$words[2]" = "$command"; or return
    set -q argv[2]; or return 0
    contains -- (string replace -r '^-.*' - -- $words[3]) $argv[2..]
end

# As many words stand behind mailchute, options counted.
function __mailchute_count
    test (count (commandline -opc)) -eq (math $argv + 1)
end

complete -c mailchute -f

complete -c mailchute -n '__mailchute_count 0' -l help -d 'the commands'
complete -c mailchute -n '__mailchute_count 0' -l version -d 'which one this is'
complete -c mailchute -n '__mailchute_count 0' -a setup -d 'ask four questions, and mail works'
complete -c mailchute -n '__mailchute_count 0' -a doctor -d 'say whether this is set up right'
complete -c mailchute -n '__mailchute_count 0' -a test -d 'send one mail and show all that is said'
complete -c mailchute -n '__mailchute_count 0' -a explain -d 'say what would become of a message'
complete -c mailchute -n '__mailchute_count 0' -a queue -d 'list what waits, and change it'
complete -c mailchute -n '__mailchute_count 0' -a config -d 'print the settings in force'
complete -c mailchute -n '__mailchute_count 0' -a secret -d 'set a login or password, or list them'
complete -c mailchute -n '__mailchute_count 0' -a import -d 'take over what others were told'
complete -c mailchute -n '__mailchute_count 0' -a sink -d 'catch mail in a Maildir'
complete -c mailchute -n '__mailchute_count 0' -a newaliases -d 'check the aliases file'
complete -c mailchute -n '__mailchute_count 0' -a serve -d 'take mail and have it delivered'
complete -c mailchute -n '__mailchute_count 0' -a help -d 'explain a command, or a code'
for command in setup doctor test explain queue config secret import sink newaliases serve
    complete -c mailchute -n "__mailchute_at $command; and __mailchute_count 1" -l help -d 'what there is'
end

complete -c mailchute -n '__mailchute_at setup' -l provider -xa '(__mailchute_providers)'
complete -c mailchute -n '__mailchute_at setup' -l url -d 'any smarthost' \
    -xa 'smtp+tls:// smtps:// smtp:// smtp+notls:// lmtp:// smtp+unix:/// lmtp+unix:///'
complete -c mailchute -n '__mailchute_at setup' -l region -x -d 'of a provider whose host has one'
complete -c mailchute -n '__mailchute_at setup' -l user -x -d 'the login'
complete -c mailchute -n '__mailchute_at setup' -l password-file -rF -d 'its first line is the password'
complete -c mailchute -n '__mailchute_at setup' -l from -x -d 'as which the login may send'
complete -c mailchute -n '__mailchute_at setup' -l root -x -d 'where mail for root goes'
complete -c mailchute -n '__mailchute_at setup' -l ca-file -rF -d 'a CA of your own, PEM'
complete -c mailchute -n '__mailchute_at setup' -l force -d 'also where there are settings already'
complete -c mailchute -n '__mailchute_at setup' -l into -xa '(__fish_complete_directories)'
complete -c mailchute -n '__mailchute_at setup' -l no-check -d 'does not speak to the smarthost'
complete -c mailchute -n '__mailchute_at setup' -l list -d 'the providers'

complete -c mailchute -n '__mailchute_at doctor' -l online -d 'speaks to the smarthosts, too'
complete -c mailchute -n '__mailchute_at doctor' -l as -xa '(__fish_complete_users)'
complete -c mailchute -n '__mailchute_at doctor' -l quick -d 'not PHP and other programs'
complete -c mailchute -n '__mailchute_at doctor' -l json -d 'for programs'
complete -c mailchute -n '__mailchute_at doctor -' -a '(__mailchute_titles smarthost)' -d smarthost

complete -c mailchute -n '__mailchute_at test' -l from -x -d 'the envelope sender'
complete -c mailchute -n '__mailchute_at test' -l subject -x -d 'of the mail'
complete -c mailchute -n '__mailchute_at test' -l wait -x -d 'how long it is followed'
complete -c mailchute -n '__mailchute_at test' -l quiet -d 'without the conversation'
complete -c mailchute -n '__mailchute_at test' -l share -d 'names are replaced'
complete -c mailchute -n '__mailchute_at test -' -a 'root (__mailchute_titles alias)' -d alias

complete -c mailchute -n '__mailchute_at explain' -s t -d 'the recipients stand in the message'
complete -c mailchute -n '__mailchute_at explain' -s f -x -d 'the envelope sender'
complete -c mailchute -n '__mailchute_at explain' -s F -x -d 'the full name'
complete -c mailchute -n '__mailchute_at explain' -l message -rF -d 'a message, or -'
complete -c mailchute -n '__mailchute_at explain' -l as -xa '(__fish_complete_users)'
complete -c mailchute -n '__mailchute_at explain' -l online -d 'asks the smarthost, too'
complete -c mailchute -n '__mailchute_at explain' -l json -d 'for programs'
complete -c mailchute -n '__mailchute_at explain' -a 'root (__mailchute_titles alias)' -d alias

set -l queue_verbs show retry hold release remove flush
complete -c mailchute -n '__mailchute_at queue; and __mailchute_count 1' -l count -d 'how many wait'
complete -c mailchute -n '__mailchute_at queue; and __mailchute_count 1' -l json -d 'for programs'
complete -c mailchute -n '__mailchute_at queue -' -a show -d 'envelope, replies and header'
complete -c mailchute -n '__mailchute_at queue -' -a retry -d 'they are due now'
complete -c mailchute -n '__mailchute_at queue -' -a hold -d 'not tried nor given up until released'
complete -c mailchute -n '__mailchute_at queue -' -a release -d 'no longer held, and due now'
complete -c mailchute -n '__mailchute_at queue -' -a remove -d 'gone for good; nobody is told'
complete -c mailchute -n '__mailchute_at queue -' -a flush -d 'all that waits is tried now, or these'
complete -c mailchute -n '__mailchute_at queue show' -l body -d 'the body, too'
complete -c mailchute -n '__mailchute_at queue show' -l raw -d 'the message as it stands'
complete -c mailchute -n '__mailchute_at queue flush' -l wait -x -d 'until they are gone'
complete -c mailchute -n "__mailchute_at queue $queue_verbs" -l from -x -d 'the envelope sender'
complete -c mailchute -n "__mailchute_at queue $queue_verbs" -l to -x -d 'a recipient that still waits'
complete -c mailchute -n "__mailchute_at queue $queue_verbs" -l smarthost -xa '(__mailchute_titles smarthost)'
complete -c mailchute -n "__mailchute_at queue $queue_verbs" -l all -d 'each one'
complete -c mailchute -n "__mailchute_at queue $queue_verbs" -a '(__mailchute_queue_ids)' -d message

complete -c mailchute -n '__mailchute_at config' -l changed -d 'only what is not built-in'
complete -c mailchute -n '__mailchute_at config' -l defaults -d 'every option'
complete -c mailchute -n '__mailchute_at config' -l json -d 'for programs'
complete -c mailchute -n '__mailchute_at config' -l file -rF -d 'as if this were mailchute.conf'

complete -c mailchute -n '__mailchute_at secret -' -a set -d 'set a login or password'
complete -c mailchute -n '__mailchute_at secret -' -a list -d 'which smarthost has which login'
complete -c mailchute -n '__mailchute_at secret set list' -l file -rF -d 'another secrets.ini'
complete -c mailchute -n '__mailchute_at secret set' -l user -x -d 'the login'
complete -c mailchute -n '__mailchute_at secret set' -l no-restart -d 'the service goes on as it is'
complete -c mailchute -n '__mailchute_at secret set; and __mailchute_count 2' \
    -a '(__mailchute_titles smarthost)' -d smarthost
complete -c mailchute -n '__mailchute_at secret set; and __mailchute_count 3' \
    -a 'user password token password_file token_file token_command'
complete -c mailchute -n '__mailchute_at secret set; and __mailchute_count 4' -F

complete -c mailchute -n '__mailchute_at import' -l write -d 'writes it'
complete -c mailchute -n '__mailchute_at import' -l force -d 'also where there are settings already'
complete -c mailchute -n '__mailchute_at import' -l into -xa '(__fish_complete_directories)'
complete -c mailchute -n '__mailchute_at import' -l root -xa '(__fish_complete_directories)'
complete -c mailchute -n '__mailchute_at import -' -a 'ssmtp msmtp nullmailer dma postfix variables'
complete -c mailchute -n '__mailchute_at import' -F

complete -c mailchute -n '__mailchute_at sink -' -l listen -x -d 'where clients come in'
complete -c mailchute -n '__mailchute_at sink -' -l maildir -xa '(__fish_complete_directories)'
complete -c mailchute -n '__mailchute_at sink -' -l starttls -d 'TLS when asked for'
complete -c mailchute -n '__mailchute_at sink -' -l tls -d 'TLS from the first octet'
complete -c mailchute -n '__mailchute_at sink -' -l certificate -rF -d PEM
complete -c mailchute -n '__mailchute_at sink -' -l key -rF -d PEM
complete -c mailchute -n '__mailchute_at sink -' -l write-certificate -rF -d 'writes it there'
complete -c mailchute -n '__mailchute_at sink -' -l name -x -d 'our name'
complete -c mailchute -n '__mailchute_at sink -' -l user -x -d 'a login that clients must make'
complete -c mailchute -n '__mailchute_at sink -' -l password -x -d 'its password'
complete -c mailchute -n '__mailchute_at sink -' -l trace -d 'prints the conversation'
complete -c mailchute -n '__mailchute_at sink; and __mailchute_count 1' -a list -d 'what lies in a Maildir'
complete -c mailchute -n '__mailchute_at sink; and __mailchute_count 1' -a show -d 'one of them'
complete -c mailchute -n '__mailchute_at sink; and __mailchute_count 1' -a follow -d 'each that comes'
complete -c mailchute -n '__mailchute_at sink show' -l raw -d 'as it is'
complete -c mailchute -n '__mailchute_at sink follow' -l body -d 'with its text'
complete -c mailchute -n '__mailchute_at sink list show follow' -xa '(__fish_complete_directories)'

complete -c mailchute -n '__mailchute_at newaliases' -l verbose -d 'says more'

complete -c mailchute -n '__mailchute_at serve' -l listen -rF -d 'the socket'
complete -c mailchute -n '__mailchute_at serve' -l background -d 'goes there'
complete -c mailchute -n '__mailchute_at serve' -l verbose -d 'says more'

complete -c mailchute -n '__mailchute_at help' -a 'setup doctor test explain queue config secret' -d command
complete -c mailchute -n '__mailchute_at help' -a 'import sink newaliases serve' -d command
complete -c mailchute -n '__mailchute_at help' -a codes -d 'all of them'
complete -c mailchute -n '__mailchute_at help' -a '(__mailchute_codes)'
