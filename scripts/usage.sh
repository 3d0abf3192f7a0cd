# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Of the other scripts, which source it before they do anything: --help prints the comment at their head, and a word that
# a script does not know ends it before it installs, builds, removes or starts something.
#
# usage "OPTION… [WORD]" "$@" - the options that the script knows, and WORD if it takes words that are none
usage() {
	local known=" $1 " word
	shift
	for word in "$@"; do
		case $word in
		--help | -h)
			sed -nE '4,/^[^#]/s/^# ?//p' "$0"
			exit 0 ;;
		-*) [[ $known == *" $word "* ]] && continue ;;
		*) [[ $known == *" WORD "* ]] && continue ;;
		esac
		echo "$(basename "$0"): what is $word? ($0 --help)" >&2
		exit 2
	done
}
