# SPDX-License-Identifier: BSD-2-Clause
# The reference, from the comments of the public headers: manual pages of section 3, and pages for a browser.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(IOMMU_DOXYGEN doxygen REQUIRED)
set(reference ${PROJECT_BINARY_DIR}/reference)
file(GLOB_RECURSE public_headers CONFIGURE_DEPENDS include/libiommu/*.h)
add_custom_command(
  OUTPUT ${reference}/stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${reference}
  COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/reference man ${reference}
  COMMAND ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/scripts/reference html ${reference}/html
  COMMAND ${CMAKE_COMMAND} -E touch ${reference}/stamp
  DEPENDS ${public_headers} ${PROJECT_SOURCE_DIR}/scripts/reference ${PROJECT_SOURCE_DIR}/docs/Doxyfile
          ${PROJECT_SOURCE_DIR}/docs/functions.md
  COMMENT "The reference, from the headers"
  VERBATIM)
add_custom_target(reference ALL DEPENDS ${reference}/stamp)
install(DIRECTORY ${reference}/man3 ${reference}/man7 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT reference)
install(DIRECTORY ${reference}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT reference)
