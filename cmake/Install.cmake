# SPDX-License-Identifier: BSD-2-Clause
# The installed files: headers, libraries, libiommu.pc, a CMake package, and iommu-inspect.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/libiommu)
set(targets iommu)
if(IOMMU_BUILD_SHARED)
  list(APPEND targets iommu_shared)
endif()
if(IOMMU_BUILD_HOSTED)
  list(APPEND targets iommu_hosted)
  install(FILES ports/hosted/iommu_hosted.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

install(DIRECTORY include/libiommu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
# Ports to bare machines are sources, which a kernel compiles with its own flags.
install(FILES ports/x86_64/iommu_x86_64.h ports/ppc64/iommu_ppc64.h
              ports/aarch64/iommu_aarch64.h ports/riscv64/iommu_riscv64.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ports/ DESTINATION ${CMAKE_INSTALL_DATADIR}/libiommu/ports
        FILES_MATCHING PATTERN *.c PATTERN *.h PATTERN *.S)
if(IOMMU_CONFIG_HEADER)
  install(FILES ${IOMMU_CONFIG_HEADER} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libiommu)
endif()
install(TARGETS ${targets} EXPORT libiommu-targets)
install(EXPORT libiommu-targets NAMESPACE iommu:: DESTINATION ${package_dir})
if(TARGET iommu-inspect)
  install(TARGETS iommu-inspect)
  install(FILES docs/man/iommu-inspect.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES tools/inspect/iommu-inspect.bash
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME iommu-inspect)
endif()

configure_package_config_file(cmake/libiommu-config.cmake.in libiommu-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(libiommu-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/libiommu-config.cmake
              ${PROJECT_BINARY_DIR}/libiommu-config-version.cmake DESTINATION ${package_dir})

# From the directory of a .pc file to the prefix.
file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" up "${up}")
set(packages libiommu)
if(IOMMU_BUILD_SHARED)
  list(APPEND packages libiommu-shared)
endif()
foreach(package IN LISTS packages)
  configure_file(pkgconfig/${package}.pc.in ${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
