# SPDX-License-Identifier: BSD-2-Clause
# The program of docs/bare-metal.md for the machines "virt", by its Makefile, as a reader of the document builds it; and two
# that must fail, at the step that they are about: without invalidations, and on a machine without an IOMMU.

# bare_metal_virt(ARCHITECTURE FAMILY VERSION) - of QEMU.
function(bare_metal_virt architecture family version)
  set(source ${PROJECT_SOURCE_DIR}/examples/bare-metal-virt)
  set(built ${CMAKE_CURRENT_BINARY_DIR}/bare-metal-virt)
  set(make make -s -j2 -C ${source} ARCH=${architecture} "CC=${CMAKE_C_COMPILER_LAUNCHER} ${CMAKE_C_COMPILER}")
  add_test(NAME system/bare-metal-makefile COMMAND ${make} O=${built} run)
  set_tests_properties(system/bare-metal-makefile PROPERTIES FIXTURES_SETUP bare_metal_virt
                       PASS_REGULAR_EXPRESSION "blocked: device .*not mapped.*verdict: PASSED")
  add_test(NAME system/bare-metal-negative-control
           COMMAND ${make} O=${built}-control "CFLAGS=-O2 -DFAMILY=${family}"
                   "PROGRAM=examples/bare-metal-virt/virt.c examples/kernel-common/suppress_invalidation.c"
                   "LDFLAGS=-Wl,--wrap=iommu_${family}_invalidate,--wrap=iommu_${family}_tell_place,--wrap=iommu_${family}_tell_page"
                   run)
  set_tests_properties(system/bare-metal-negative-control PROPERTIES PASS_REGULAR_EXPRESSION
                       "ok      what was read.*FAILED  after the unmap, nothing arrives there.*verdict: FAILED")
  add_test(NAME system/bare-metal-without-unit COMMAND ${source}/run ${architecture} ${built})
  set_tests_properties(system/bare-metal-without-unit PROPERTIES FIXTURES_REQUIRED bare_metal_virt
                       PASS_REGULAR_EXPRESSION "the unit in the device tree: ENODEV[^=]*verdict: FAILED")
  foreach(test makefile negative-control without-unit)
    set_tests_properties(system/bare-metal-${test} PROPERTIES TIMEOUT 600 ENVIRONMENT "QEMU=${QEMU_${version}}")
  endforeach()
  set_tests_properties(system/bare-metal-without-unit PROPERTIES ENVIRONMENT "QEMU=${QEMU_${version}};MACHINE=virt")
endfunction()
