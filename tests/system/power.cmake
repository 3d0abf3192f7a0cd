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
