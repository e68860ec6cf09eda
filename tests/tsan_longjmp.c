/* ThreadSanitizer builds only. Debian's liblua leaves its frames through __longjmp_chk, which libtsan does not know:
 * each raise and each yield leaks entries of its shadow stack, until it crashes after some 60,000 of them. This
 * definition stands before libc's and goes the way that libtsan follows. */
#include <setjmp.h>

void __longjmp_chk(jmp_buf env, int value) __attribute__((noreturn));
void __longjmp_chk(jmp_buf env, int value) {
  longjmp(env, value);
}
