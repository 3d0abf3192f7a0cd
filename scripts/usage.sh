# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Of the other scripts, which source it before they do anything: --help prints the comment at their head, and what a
# script does not know ends it before it installs, builds, removes or starts something.
#
# usage "WHAT IS KNOWN" "$@" - refuse all that is not known. Known are, in any order among themselves:
#
#	--option         which may be repeated
#	--option=        with a value behind it, as a word of its own; --option=on|off: one of these
#	WORD, NUMBER     one word, one number; WORD...: any number of them
#	one|two          one of these words; one|two...: any number of them
#
# Options that stand before all words here do so on the command line, too.
usage() {
	local known kind item
	read -ra known <<<"$1"
	shift
	while [ $# -gt 0 ]; do
		if [ "$1" = --help ] || [ "$1" = -h ]; then
			sed -nE '4,/^[^#]/s/^# ?//p' "$0"
			exit 0
		fi
		for item in "${!known[@]}"; do
			kind=${known[$item]}
			! usage_fits "$kind" "$@" || break
			kind=
		done
		case ${kind:-} in
		'') usage_refuse "$1" "${known[@]}" ;;
		--*=*) shift ;;
		--* | *...) ;;
		*) known[item]=none ;;
		esac
		# The first word: options that stand before all words are over.
		if [[ $kind != --* ]]; then
			for item in "${!known[@]}"; do
				[[ ${known[$item]} == --* ]] || break
				unset "known[$item]"
			done
		fi
		shift
	done
}

# usage_refuse WORD KIND… - end the script, which does not take the word, or not with the value behind it.
usage_refuse() {
	local word=$1 kind
	shift
	for kind in "$@"; do
		case $kind in
		"$word=") word+=" without a value" ;;
		"$word="*) word+=" without ${kind#*=}" ;;
		esac
	done
	echo "$(basename "$0"): what is $word? ($0 --help)" >&2
	exit 2
}

# usage_fits KIND WORD… - is the first word, with the one behind it if it takes a value, of this kind?
usage_fits() {
	local kind=${1%...} value
	case $kind in
	none) return 1 ;;
	WORD) [[ -n $2 && $2 != -* ]] ;;
	NUMBER) [[ $2 =~ ^[0-9]+$ ]] ;;
	--*=)
		value=${3:-}
		[[ $2 == "${kind%=}" && -n $value && $value != --* ]] ;;
	--*=*) [[ $2 == "${kind%%=*}" && -n ${3:-} && "|${kind#*=}|" == *"|$3|"* ]] ;;
	*) [[ -n $2 && "|$kind|" == *"|$2|"* ]] ;;
	esac
}
