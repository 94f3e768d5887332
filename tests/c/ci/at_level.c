/* Linked into a program before a library that was built with --cfg segloss_test: SEGLOSS_LEVEL=1 | 2 | 3 says at which
 * CPU level it begins. A CPU that has less fails. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t segloss_force_cpu_level(uint32_t level);

/* Rust's core was compiled to unwind, and without link-time optimisation it still says by what. Nothing here does. */
void rust_eh_personality(void);
void rust_eh_personality(void) { abort(); }

__attribute__((constructor)) static void begin(void) {
  const char *word = getenv("SEGLOSS_LEVEL");
  const uint32_t wanted = word ? (uint32_t)atoi(word) : 0;
  if (wanted == 0 || segloss_force_cpu_level(wanted) != wanted) {
    fprintf(stderr, "SEGLOSS_LEVEL=%s: a CPU level that is here was wanted\n", word ? word : "");
    exit(1);
  }
}
