# Everything comes from Debian 12; tools/install-packages names the packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(LUA    REQUIRED IMPORTED_TARGET lua5.4)
pkg_check_modules(CURL   REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EVENT  REQUIRED IMPORTED_TARGET libevent_core)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(ZSTD   REQUIRED IMPORTED_TARGET libzstd)
# Linked in whole: Debian's shared library opens a piece of shared memory as it is loaded, before any line of ours, for
# every command, and a killed process leaves it behind (engine/store/mongo_options.c turns that off in the linked one).
# Not under TSan, which tells the driver's own atomics from ours by the library they are in (tests/tsan.supp).
find_package(mongoc-1.0 REQUIRED CONFIG)
set(AZD_MONGOC mongo::mongoc_static)
if(AZD_SANITIZE_THREAD)
  set(AZD_MONGOC mongo::mongoc_shared)
endif()

# What every object of ours is compiled with.
add_library(azd_options INTERFACE)
target_compile_definitions(azd_options INTERFACE _GNU_SOURCE)
target_compile_options(azd_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
  -fno-omit-frame-pointer -fno-strict-aliasing -fstack-protector-strong)
target_include_directories(azd_options INTERFACE ${CMAKE_SOURCE_DIR}/engine)
# The tests are some sixty programs, each linked with the whole engine: this linker needs a third of the usual one's time.
find_program(AZD_GOLD ld.gold)
if(AZD_GOLD)
  target_link_options(azd_options INTERFACE -fuse-ld=gold)
endif()
if(AZD_SANITIZE_ADDRESS)
  target_compile_options(azd_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(azd_options INTERFACE -fsanitize=address,undefined)
endif()
if(AZD_SANITIZE_THREAD)
  target_compile_options(azd_options INTERFACE -fsanitize=thread)
  target_link_options(azd_options INTERFACE -fsanitize=thread)
endif()
if(AZD_FUZZ)
  target_compile_options(azd_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  target_link_options(azd_options INTERFACE -fsanitize=address,undefined)
endif()
