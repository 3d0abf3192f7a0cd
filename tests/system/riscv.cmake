# SPDX-License-Identifier: BSD-2-Clause
# RISC-V machines: the IOMMU as a PCI function and as a device of the platform, tables of either stage, and the
# controls. QEMU has one from its version 10 on.
find_qemus(qemu-system-riscv64 "${newer_qemus}")
list(FILTER QEMU_VERSIONS EXCLUDE REGEX "^[0-9]\\.")
if(NOT QEMU_VERSIONS)
  set(QEMU_VERSIONS none)
  set(QEMU_none qemu-system-riscv64)
endif()

# riscv_test(NAME UNIT [KERNEL image] [FAILS expression] OPTIONS option…) - for the version at hand. A control must fail,
# and not anyhow: the expression has steps that need what is left out, and others that do not.
function(riscv_test name unit)
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
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-riscv $<TARGET_FILE:${kernel}> ${unit} --qemu ${QEMU_${version}}
                   ${arg_OPTIONS})
  set_tests_properties(system/qemu-${version}/${name} PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION "${expected}")
endfunction()

# Every combination of unit and stage, and of ways that interrupts take.
function(scenario_tests)
  foreach(unit pci platform)
    foreach(stage first second)
      riscv_test(${unit}-${stage} ${unit} OPTIONS --${stage})
    endforeach()
    riscv_test(${unit}-interrupts ${unit} OPTIONS --imsic)
    riscv_test(${unit}-take-over ${unit} OPTIONS --take-over)
  endforeach()
  riscv_test(platform-wires platform OPTIONS --wires)
  foreach(stage first second)
    riscv_test(negative-control-${stage} pci KERNEL kernel-without-invalidation FAILS
               "ok      each half arrived in its page.*Unmapping: the very next access is blocked[^=]*ok      it is unmapped[^=]*FAILED  the write did not arrive"
               OPTIONS --${stage})
  endforeach()
endfunction()

# Units that have less than QEMU's can have, and one that lets everything pass before it is enabled.
function(unit_tests)
  riscv_test(without-first-stage pci OPTIONS --unit s-stage=off)
  riscv_test(without-second-stage pci OPTIONS --unit g-stage=off)
  riscv_test(small-contexts pci OPTIONS --unit intremap=off)
  riscv_test(small-contexts-second pci OPTIONS --unit intremap=off --second)
  riscv_test(one-level pci OPTIONS --one-level)
  riscv_test(one-level-small-contexts pci OPTIONS --one-level --unit intremap=off)
  riscv_test(without-ats pci OPTIONS --unit ats=off)
  riscv_test(resets-to-bare pci OPTIONS --unit off=off)
endfunction()

# One kind of command is left out, and what only that kind has the unit forget is noticed.
function(command_tests)
  set(unmapped "Unmapping: the very next access is blocked[^=]*ok      it is unmapped[^=]*FAILED  the write did not arrive")
  riscv_test(without-vma pci KERNEL kernel-without-vma FAILS "${unmapped}" OPTIONS --first)
  riscv_test(without-gvma pci KERNEL kernel-without-gvma FAILS "${unmapped}" OPTIONS --second)
  riscv_test(without-gvma-nested pci KERNEL kernel-without-gvma FAILS
             "ok      device A writes to the new page.*and gives it another one[^=]*FAILED  device A writes to that"
             OPTIONS --first)
  riscv_test(without-ddt pci KERNEL kernel-without-ddt FAILS
             "ok      it is unmapped.*ok      device A moves to domain 2[^=]*FAILED  it writes to domain 2's page")
  riscv_test(without-pdt pci KERNEL kernel-without-pdt FAILS
             "ok      the very next access is refused[^=]*FAILED  and writes to that one's page"
             OPTIONS --pasid-device ${pasid_device})
  riscv_test(refused-commands pci KERNEL kernel-with-refused-commands OPTIONS --pasid-device ${pasid_device})
  riscv_test(take-over-of-a-stopped-queue pci KERNEL kernel-with-stopped-queues OPTIONS --take-over)
  riscv_test(refused-commands-negative-control pci KERNEL kernel-without-recovery FAILS
             "FAILED  translation is on")
endfunction()

# A device with process ids, which no QEMU has by itself: a library for the machine that QEMU runs on.
function(process_tests)
  riscv_test(pci-processes pci OPTIONS --pasid-device ${pasid_device})
  riscv_test(platform-processes platform OPTIONS --pasid-device ${pasid_device} --imsic)
endfunction()

# Two models of the hardware, one scenario: see the script.
function(comparison name unit words)
  if(IOMMU_BUILD_HOSTED)
    add_test(NAME system/qemu-${version}/equals-model-${name}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/compare-riscv-with-model $<TARGET_FILE:kernel> ${unit}
                     ${QEMU_${version}} "${words}" ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:test_scenario_riscv>
                     ${ARGN})
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
      ${CMAKE_CTEST_COMMAND} --build-and-test ${PROJECT_SOURCE_DIR} ${build} --build-generator Ninja --build-target kernel
      --build-options -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=riscv64
      -DCMAKE_C_COMPILER=${clang} -DCMAKE_C_COMPILER_TARGET=riscv64-linux-gnu -DCMAKE_ASM_COMPILER=${clang}
      -DCMAKE_ASM_COMPILER_TARGET=riscv64-linux-gnu -DCMAKE_EXE_LINKER_FLAGS=-static -DIOMMU_BUILD_EXAMPLES=ON
      -DIOMMU_BUILD_TESTS=OFF -DIOMMU_BUILD_HOSTED=OFF -DIOMMU_BUILD_SHARED=OFF
      -DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER})
  set_tests_properties(system/clang-kernel PROPERTIES FIXTURES_SETUP clang_kernel TIMEOUT 600)
  add_test(NAME system/qemu-${version}/clang
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-riscv ${build}/examples/kernel-riscv64/kernel.elf pci --qemu
                   ${QEMU_${version}})
  set_tests_properties(system/qemu-${version}/clang PROPERTIES FIXTURES_REQUIRED clang_kernel TIMEOUT 120
                                                               PASS_REGULAR_EXPRESSION "verdict: PASSED")
endfunction()

foreach(version ${QEMU_VERSIONS})
  scenario_tests()
endforeach()
list(GET QEMU_VERSIONS -1 version)
if(version VERSION_GREATER_EQUAL 11)
  set(pasid_device ${CMAKE_CURRENT_BINARY_DIR}/pasiddev.so)
  find_program(native_compiler NAMES cc gcc clang NO_CACHE REQUIRED)
  add_custom_command(
    OUTPUT ${pasid_device}
    COMMAND ${native_compiler} -O2 -shared -fPIC -o ${pasid_device}
            ${CMAKE_CURRENT_SOURCE_DIR}/pasid-device/pasid_device.c
    DEPENDS pasid-device/pasid_device.c pasid-device/pasid_device.h pasid-device/qemu_interface.h
    VERBATIM)
  add_custom_target(pasiddev_native ALL DEPENDS ${pasid_device})
  unit_tests()
  command_tests()
  process_tests()
  comparison(first pci "")
  comparison(second platform second)
  comparison(wires platform wires)
  comparison(take-over pci take-over)
  comparison(processes pci processes -- --pasid-device ${pasid_device})
  clang_test()
endif()

include(bare_metal_virt.cmake)
bare_metal_virt(riscv64 riscv ${version})
