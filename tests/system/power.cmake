# SPDX-License-Identifier: BSD-2-Clause
# POWER machines: both byte orders on each.
function(power_test machine name image)
  add_test(NAME system/${machine}-${name}
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run-power $<TARGET_FILE:kernel-${image}> ${machine})
  set_tests_properties(system/${machine}-${name} PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION
                                                             "verdict: PASSED\nkernel: PASSED")
endfunction()

foreach(order big little)
  foreach(machine powernv8 powernv9 powernv10)
    power_test(${machine} ${order} powernv-${order})
  endforeach()
  power_test(pseries ${order} pseries-${order})
endforeach()

# What is unmapped is still reached: the steps that prove the point must be among those that fail, and what
# needs no unmapping must still work.
power_test(powernv9 negative-control powernv-without-unmapping)
set_tests_properties(
  system/powernv9-negative-control
  PROPERTIES
    PASS_REGULAR_EXPRESSION
    "ok      a copy across two pages does.*two are unmapped[^=]*FAILED  the very next write does not arrive.*verdict: FAILED"
)

# Two models of the hardware, one scenario: see the script.
if(IOMMU_BUILD_HOSTED)
  foreach(pair powernv9:powernv-big:opal powernv10:powernv-little:opal pseries:pseries-little:papr)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 machine)
    list(GET pair 1 image)
    list(GET pair 2 scenario)
    add_test(NAME system/model-equals-${machine}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/compare-power-with-model $<TARGET_FILE:kernel-${image}> ${machine}
                     ${scenario} ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:test_scenario_power>)
    set_tests_properties(system/model-equals-${machine} PROPERTIES TIMEOUT 120)
  endforeach()
endif()
