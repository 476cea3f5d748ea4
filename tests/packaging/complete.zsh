# SPDX-License-Identifier: MIT
#
# complete.zsh FOLDER LINE - what zsh offers behind LINE: types it and a tabulator into a zsh
#
# FOLDER holds completion functions.  Writes what is offered, a line each.

zmodload zsh/zpty

zpty shell "PS1= TERM=dumb zsh -f -i"
zpty -w shell "
stty -echo
fpath=(${(q)1} \$fpath)
autoload -Uz compinit && compinit -u -D
bindkey '^I' complete-word
zstyle ':completion:*' list-grouped false
begin() { print -r -- '<offered>' }
finish() { print -r -- '</offered>'; exit }
compprefuncs=(begin) comppostfuncs=(finish)
# All that would be shown passes here.
compadd() {
	local -a found
	if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
		builtin compadd -A found \"\$@\"
		print -rl -- \$found
	fi
	builtin compadd \"\$@\"
}
print ready\\!
"
zpty -r shell line $'*ready!\r\n*'
zpty -w -n shell "$2"$'\t'
zpty -r shell line '*</offered>*'
print -r -- ${${line#*<offered>}%</offered>*}
zpty -d shell
