# SPDX-License-Identifier: BSD-2-Clause
# Arm machines: an SMMUv3 with tables of either stage, nested, and the controls. QEMU 7.2 has the first stage alone, 10
# and 11 have both, and 11 also units of one stage.
find_qemus(qemu-system-aarch64 "${newer_qemus}")

# arm_test(NAME [KERNEL image] [FAILS expression] OPTIONS option…) - for the version at hand. A control must fail, and
# not anyhow: the expression has steps that need what is left out, and others that do not.
function(arm_test name)
  cmake_parse_arguments(arg "" "KERNEL;FAILS" "OPTIONS" ${ARGN})
  set(kernel kernel)
  if(arg_KERNEL)
    set(kernel ${arg_KERNEL})
  endif()
  set(expected "verdict: PASSED")
  if(arg_FAILS)
    set(expected "${arg_FAILS}.*verdict: FAILED")
  endif()
  add_test(NAME system/qemu-${version}/${name}
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-arm $<TARGET_FILE_DIR:${kernel}>/${kernel}.img
                   --qemu ${QEMU_${version}} ${arg_OPTIONS})
  set_tests_properties(system/qemu-${version}/${name} PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION "${expected}")
endfunction()

set(unmapped
    "ok      each half arrived in its page.*Unmapping: the very next access is blocked[^=]*ok      it is unmapped[^=]*FAILED  the write did not arrive")
set(moved "ok      it is unmapped.*ok      device A moves to domain 2[^=]*FAILED  it writes to domain 2's page")

# What every version has: tables of the first stage, and the caches of tables and of configurations.
function(first_stage_tests)
  arm_test(first OPTIONS --first)
  arm_test(one-level OPTIONS --one-level)
  arm_test(iort OPTIONS --iort)
  arm_test(take-over OPTIONS --take-over)
  arm_test(take-over-of-a-stopped-queue KERNEL kernel-with-stopped-queues OPTIONS --take-over)
  arm_test(refused-commands KERNEL kernel-with-refused-commands)
  arm_test(refused-commands-negative-control KERNEL kernel-without-recovery FAILS "FAILED  translation is on")
  arm_test(negative-control-first KERNEL kernel-without-invalidation FAILS "${unmapped}" OPTIONS --first)
  arm_test(without-nh-va KERNEL kernel-without-nh-va FAILS "${unmapped}" OPTIONS --first)
  arm_test(without-cfgi-ste KERNEL kernel-without-cfgi-ste FAILS "${moved}" OPTIONS --first)
  # An ASID that is used again: what was mapped under it before.
  arm_test(without-nh-asid KERNEL kernel-without-nh-asid FAILS
           "ok      they are freed[^=]*FAILED  device A copied from their lower end to the upper" OPTIONS --first)
endfunction()

function(second_stage_tests)
  arm_test(second OPTIONS --second)
  arm_test(take-over-second OPTIONS --take-over --second)
  arm_test(negative-control-second KERNEL kernel-without-invalidation FAILS "${unmapped}" OPTIONS --second)
  arm_test(without-s2-ipa KERNEL kernel-without-s2-ipa FAILS "${unmapped}" OPTIONS --second)
  arm_test(without-s12-vmall KERNEL kernel-without-s12-vmall FAILS
           "ok      device A writes to the new page.*and gives it another one[^=]*FAILED  device A writes to that"
           OPTIONS --second)
  # A guest's own command.
  arm_test(without-nh-all KERNEL kernel-without-nh-all FAILS
           "ok      the guest changes an entry, and invalidates[^=]*FAILED  device A writes to the new page"
           OPTIONS --first)
endfunction()

# Two models of the hardware, one scenario: see the script.
function(comparison name words)
  if(IOMMU_BUILD_HOSTED)
    add_test(NAME system/qemu-${version}/equals-model-${name}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/compare-arm-with-model $<TARGET_FILE_DIR:kernel>/kernel.img
                     ${QEMU_${version}} "${words}" ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:test_scenario_smmu>)
    set_tests_properties(system/qemu-${version}/equals-model-${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()

# The same kernel as clang compiles it.
function(clang_test)
  find_program(clang clang NO_CACHE)
  if(NOT clang)
    return()
  endif()
  set(build ${CMAKE_BINARY_DIR}/clang-kernel)
  add_test(
    NAME system/clang-kernel
    COMMAND
      ${CMAKE_CTEST_COMMAND} --build-and-test ${PROJECT_SOURCE_DIR} ${build} --build-generator Ninja
      --build-target kernel --build-options -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
      -DCMAKE_C_COMPILER=${clang} -DCMAKE_C_COMPILER_TARGET=aarch64-linux-gnu -DCMAKE_ASM_COMPILER=${clang}
      -DCMAKE_ASM_COMPILER_TARGET=aarch64-linux-gnu -DCMAKE_EXE_LINKER_FLAGS=-static -DIOMMU_BUILD_EXAMPLES=ON
      -DIOMMU_BUILD_TESTS=OFF -DIOMMU_BUILD_HOSTED=OFF -DIOMMU_BUILD_SHARED=OFF
      -DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER})
  set_tests_properties(system/clang-kernel PROPERTIES FIXTURES_SETUP clang_kernel TIMEOUT 600)
  add_test(NAME system/qemu-${version}/clang
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-arm ${build}/examples/kernel-aarch64/kernel.img --qemu
                   ${QEMU_${version}})
  set_tests_properties(system/qemu-${version}/clang PROPERTIES FIXTURES_REQUIRED clang_kernel TIMEOUT 120
                                                               PASS_REGULAR_EXPRESSION "verdict: PASSED")
endfunction()

foreach(version ${QEMU_VERSIONS})
  first_stage_tests()
  if(version VERSION_LESS 8)
    # Such a unit lets everything pass while it is off, and is refused unless the host has said so.
    arm_test(without-gbpa FAILS "FAILED  what the machine says of it[^=]*does not abort while it is off"
             OPTIONS --strict)
  else()
    second_stage_tests()
  endif()
  if(version VERSION_GREATER_EQUAL 11)
    foreach(stage 1 2 nested)
      arm_test(unit-of-stage-${stage} OPTIONS --unit ${stage})
    endforeach()
    arm_test(two-units-first OPTIONS --two-units --first)
    arm_test(two-units-second OPTIONS --two-units --second)
    arm_test(two-units-negative-control KERNEL kernel-without-second-unit FAILS
             "Two devices in one domain[^=]*ok      it is unmapped[^=]*ok      the write did not arrive[^=]*FAILED  the write"
             OPTIONS --two-units)
    comparison(first "")
    comparison(second second)
    comparison(take-over take-over)
    clang_test()
  endif()
endforeach()

list(GET QEMU_VERSIONS -1 version)
include(bare_metal_virt.cmake)
bare_metal_virt(aarch64 smmu ${version})
