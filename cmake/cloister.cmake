# What every target of this project shares: dialect, warnings, sanitizers, linker, precompiled header.

option(CLOISTER_TESTS "Build the tests" ON)
option(CLOISTER_BENCHES "Build what only the benchmarks run" OFF)
set(CLOISTER_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them (address,undefined or thread)")
option(CLOISTER_COVERAGE "Count which branches a program takes (tools/sim-coverage)" OFF)
set(CLOISTER_PROFILE "" CACHE STRING "A profile (tools/profile) to compile by; or `count`, for programs that make one")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# ccache, told what it needs to hit with a precompiled header and across checkouts in different places.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_PCH_EXTSUM=1 ${CCACHE})
endif()

find_package(Boost 1.81 EXACT REQUIRED COMPONENTS url)
find_package(OpenSSL 3 REQUIRED)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_path(PROMETHEUS_INCLUDE prometheus/registry.h REQUIRED)
find_library(PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
add_library(prometheus-core INTERFACE)
target_include_directories(prometheus-core SYSTEM INTERFACE ${PROMETHEUS_INCLUDE})
target_link_libraries(prometheus-core INTERFACE ${PROMETHEUS_CORE})

# Compile options of everything of ours.
add_library(cloister_options INTERFACE)
target_include_directories(cloister_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(cloister_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
  -fno-omit-frame-pointer
  # Neither a path of the build machine nor a time stamp gets into objects: reproducible, and ccache hits across checkouts.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= "SHELL:-Xclang -fno-pch-timestamp")
target_compile_definitions(cloister_options INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION SPDLOG_FMT_EXTERNAL)
target_link_options(cloister_options INTERFACE -fuse-ld=lld)
target_link_libraries(cloister_options INTERFACE Boost::url OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
if(CLOISTER_SANITIZE)
  target_compile_options(cloister_options INTERFACE -fsanitize=${CLOISTER_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cloister_options INTERFACE -fsanitize=${CLOISTER_SANITIZE})
endif()
if(CLOISTER_COVERAGE)
  target_compile_options(cloister_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(cloister_options INTERFACE -fprofile-instr-generate)
endif()

# What runs often is laid out and inlined for speed (docs/decisions/0013). A function that is not in the profile, or has
# changed since, is compiled as without one.
if(CLOISTER_PROFILE)
  # Functions of one file are named by the file's name alone in a profile, wherever the checkout is.
  target_compile_options(cloister_options INTERFACE "SHELL:-mllvm -static-func-full-module-prefix=false")
endif()
if(CLOISTER_PROFILE STREQUAL "count")
  target_compile_options(cloister_options INTERFACE -fprofile-generate)
  target_link_options(cloister_options INTERFACE -fprofile-generate)
elseif(CLOISTER_PROFILE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CLOISTER_PROFILE})
  # Named by its content, so that another profile is another command; and relative, so that ccache hits across checkouts.
  file(SHA256 ${CLOISTER_PROFILE} PROFILE_SUM)
  execute_process(COMMAND llvm-profdata-19 merge -o ${CMAKE_BINARY_DIR}/${PROFILE_SUM}.profdata ${CLOISTER_PROFILE}
    COMMAND_ERROR_IS_FATAL ANY)
  target_compile_options(cloister_options INTERFACE -fprofile-use=${PROFILE_SUM}.profdata -Wno-backend-plugin)
endif()

# Asio, Beast and JSON are compiled once here, and their headers parsed once, for all.
#
# CMake makes the precompiled header; it is put to use by hand, because CMake's own way of using it names the header in a form
# that ccache cannot make independent of the checkout's place. For the same reason ccache takes the sum beside the header for
# its content: the header itself holds absolute paths.
add_library(cloister_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/boost.cc)
target_link_libraries(cloister_pch PUBLIC cloister_options)
target_precompile_headers(cloister_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
set(PCH ${CMAKE_BINARY_DIR}/CMakeFiles/cloister_pch.dir/cmake_pch.hxx.pch)
file(READ ${CMAKE_SOURCE_DIR}/cmake/pch.h PCH_TEXT)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/pch.h)
string(SHA256 PCH_SUM "${PCH_TEXT} ${CMAKE_CXX_COMPILER_VERSION} ${Boost_VERSION} ${CMAKE_BUILD_TYPE}
  ${CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}} ${CLOISTER_SANITIZE} ${CLOISTER_COVERAGE}")
file(CONFIGURE OUTPUT ${PCH}.sum CONTENT "${PCH_SUM}\n")

function(cloister_use_pch target sources)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  target_compile_options(${target} PRIVATE "SHELL:-include-pch ${PCH}")
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${PCH})
endfunction()

# cloister_library(NAME SOURCES a.cc ... DEPS lib ...)
function(cloister_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC cloister_pch cloister_options ${ARG_DEPS})
  cloister_use_pch(${name} "${ARG_SOURCES}")
endfunction()

# cloister_program(NAME SOURCES main.cc ... DEPS lib ...)
function(cloister_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE cloister_pch cloister_options ${ARG_DEPS})
  cloister_use_pch(${name} "${ARG_SOURCES}")
endfunction()

# cloister_test(NAME SOURCES a_test.cc ... DEPS lib ...): one gtest program, run as one ctest.
function(cloister_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  cloister_program(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} gtest gmock gtest_main)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
