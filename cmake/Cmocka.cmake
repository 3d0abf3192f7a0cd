# SPDX-License-Identifier: BSD-2-Clause
# cmocka for the tests: the installed library on the build machine; for a cross target Debian's source
# package, compiled here and linked statically (the foreign-architecture packages do not run static).
add_library(cmocka_for_tests INTERFACE)
if(NOT CMAKE_CROSSCOMPILING)
  find_library(CMOCKA_LIBRARY cmocka)
  find_path(CMOCKA_INCLUDE cmocka.h)
  if(NOT CMOCKA_LIBRARY OR NOT CMOCKA_INCLUDE)
    message(FATAL_ERROR "The tests need cmocka (Debian: libcmocka-dev). Without tests: the preset library, or "
                        "-DIOMMU_BUILD_TESTS=OFF")
  endif()
  target_link_libraries(cmocka_for_tests INTERFACE ${CMOCKA_LIBRARY})
  return()
endif()

set(cmocka_source ${PROJECT_SOURCE_DIR}/build/cmocka-source)
if(NOT EXISTS ${cmocka_source}/src/cmocka.c)
  message(FATAL_ERROR "Cross targets need cmocka's source: run scripts/setup once")
endif()
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/cmocka/config.h [[
#define HAVE_CLOCK_GETTIME 1
#define HAVE_INTTYPES_H 1
#define HAVE_MALLOC_H 1
#define HAVE_SETJMP_H 1
#define HAVE_SIGNAL_H 1
#define HAVE_SNPRINTF 1
#define HAVE_STDINT_H 1
#define HAVE_STDIO_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRINGS_H 1
#define HAVE_STRING_H 1
#define HAVE_STRUCT_TIMESPEC 1
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_TIME_H 1
#define HAVE_UNISTD_H 1
#define HAVE_VSNPRINTF 1
]])
include(TestBigEndian)
test_big_endian(cmocka_big_endian)
if(cmocka_big_endian)
  file(APPEND ${CMAKE_CURRENT_BINARY_DIR}/cmocka/config.h "#define WORDS_BIGENDIAN 1\n")
endif()
add_library(cmocka_cross STATIC ${cmocka_source}/src/cmocka.c)
set_target_properties(cmocka_cross PROPERTIES C_EXTENSIONS ON)
target_compile_definitions(cmocka_cross PRIVATE HAVE_CONFIG_H _GNU_SOURCE)
target_include_directories(cmocka_cross PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/cmocka
                           PUBLIC ${cmocka_source}/include)
target_link_libraries(cmocka_for_tests INTERFACE cmocka_cross)
