# SPDX-License-Identifier: BSD-2-Clause
# The warnings of every target; errors with IOMMU_WERROR, as in the presets for work on the library: a newer
# compiler may have more of them, which must not make a user's build fail.
set(IOMMU_WARNINGS
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Wstrict-prototypes
    -Wmissing-prototypes -Wmissing-declarations -Wcast-align -Wcast-qual -Wwrite-strings -Wundef
    -Wvla -Wformat=2 -Wswitch-enum -Wdouble-promotion -Wnull-dereference)
if(IOMMU_WERROR)
  list(APPEND IOMMU_WARNINGS -Werror)
endif()

function(iommu_target_defaults target)
  target_compile_options(${target} PRIVATE ${IOMMU_WARNINGS})
  # The objects do not depend on where the tree is.
  target_compile_options(${target} PRIVATE -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
  if(IOMMU_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${IOMMU_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${IOMMU_SANITIZE})
  endif()
  if(IOMMU_FUZZ)
    # Comparisons are not traced: inputs are decisions, with few numbers to guess, and half as fast.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp)
  endif()
  if(IOMMU_FUZZ_COVERAGE)
    target_compile_options(${target} PRIVATE -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(${target} PUBLIC -fprofile-instr-generate)
  endif()
endfunction()
