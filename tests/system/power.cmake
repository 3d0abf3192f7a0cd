# SPDX-License-Identifier: BSD-2-Clause
# POWER machines: both byte orders on each; on newer versions of QEMU a few, because each takes some seconds.
find_qemus(qemu-system-ppc64 "${newer_qemus}")

function(power_test machine name image)
  add_test(NAME system/qemu-${version}/${machine}-${name}
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-power $<TARGET_FILE:kernel-${image}> ${machine} ${QEMU_${version}})
  set_tests_properties(system/qemu-${version}/${machine}-${name} PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION
                                                             "verdict: PASSED\nkernel: PASSED")
endfunction()

# What is unmapped is still reached: the steps that prove the point must be among those that fail, and what
# needs no unmapping must still work.
function(power_control machine)
  power_test(${machine} negative-control powernv-without-unmapping)
  set_tests_properties(
    system/qemu-${version}/${machine}-negative-control
    PROPERTIES
      PASS_REGULAR_EXPRESSION
      "ok      a copy across two pages does.*two are unmapped[^=]*FAILED  the very next write does not arrive.*verdict: FAILED"
  )
endfunction()

# Two models of the hardware, one scenario: see the script.
function(power_comparison machine image scenario)
  if(IOMMU_BUILD_HOSTED)
    add_test(NAME system/qemu-${version}/equals-model-${machine}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/compare-power-with-model $<TARGET_FILE:kernel-${image}> ${machine}
                     ${QEMU_${version}} ${scenario} ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:test_scenario_power>)
    set_tests_properties(system/qemu-${version}/equals-model-${machine} PROPERTIES TIMEOUT 120)
  endif()
endfunction()

list(GET QEMU_VERSIONS 0 oldest)
foreach(version ${QEMU_VERSIONS})
  if(version STREQUAL oldest)
    foreach(order big little)
      foreach(machine powernv8 powernv9 powernv10)
        power_test(${machine} ${order} powernv-${order})
      endforeach()
      power_test(pseries ${order} pseries-${order})
    endforeach()
    power_control(powernv9)
    power_comparison(powernv9 powernv-big opal)
    power_comparison(powernv10 powernv-little opal)
    power_comparison(pseries pseries-little papr)
  else()
    power_test(powernv10 little powernv-little)
    power_test(pseries little pseries-little)
  endif()
  if(version VERSION_GREATER_EQUAL 11)
    foreach(order big little)
      power_test(powernv11 ${order} powernv-${order})
    endforeach()
    power_control(powernv11)
  endif()
endforeach()
