# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Completion of iommu-inspect for bash.

_iommu_inspect_options() {
	local addressing='--memory --base --rtaddr --root --scalable --source --pasid --cap --ecap --width --format --levels
		--page-shift --table-shift --tve --bits --granule --lpa2'
	case $1 in
	dmar | iort | ivrs | rimt) echo '--memory --base --rsdp' ;;
	fault) echo '--page-request --reason --unit' ;;
	groups) echo '--dot --svg' ;;
	power) echo '--address-cells --size-cells' ;;
	trace) echo '--events --svg' ;;
	tables) echo "--dot --limit $addressing" ;;
	walk) echo "--write --execute --privileged $addressing" ;;
	esac
}

_iommu_inspect() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local choices=

	if [ "$COMP_CWORD" -eq 1 ]; then
		choices='cap dmar dtb fault groups iort ivrs power rimt tables trace walk --help --version'
	elif [ "$before" = --format ]; then
		choices='vtd second-stage x86_64 tce riscvfs riscvss vmsas1 vmsas2'
	elif [ "$before" = --unit ]; then
		choices='vtd smmu riscv'
	elif [[ $word == -* ]]; then
		choices="--json --no-colours $(_iommu_inspect_options "$command")"
	elif [ "$command" = cap ]; then
		choices='cap= ecap= ver= gcmd= gsts= rtaddr= ccmd= fsts= fectl= pmen= iqh= iqt= iqa= ics= iectl= iqercd= irta= pqh=
			pqt= pqa= prs= pectl= tve= idr0= idr1= idr3= idr5= capabilities= fctl= ddtp='
		compopt -o nospace 2>/dev/null
	elif [ "$command" = power ] && [ "$COMP_CWORD" -eq 2 ]; then
		choices='dma-window ddw left-window diagnostics'
	fi
	COMPREPLY=()
	[ -z "$choices" ] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

# Where nothing else fits there are files.
complete -o default -F _iommu_inspect iommu-inspect
