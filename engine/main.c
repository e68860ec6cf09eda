#include <stdio.h>

int main(void) {
  fprintf(stderr, "azdrift %s\n", AZD_VERSION);
  return 1;
}
