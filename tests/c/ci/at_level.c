/* Linked into a program before a library that was built with --cfg segloss_test. SEGLOSS_LEVEL=1 | 2 | 3 sets the CPU
 * level. A CPU without it fails. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t segloss_force_cpu_level(uint32_t level);

/* Rust's core is compiled for unwinding and refers to this symbol without link-time optimisation. It is never called. */
void rust_eh_personality(void);
void rust_eh_personality(void) { abort(); }

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("SEGLOSS_LEVEL");
  const uint32_t level = text ? (uint32_t)atoi(text) : 0;
  if (level == 0 || segloss_force_cpu_level(level) != level) {
    fprintf(stderr, "SEGLOSS_LEVEL=%s: not a CPU level of this machine\n", text ? text : "");
    exit(1);
  }
}
