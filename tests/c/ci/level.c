/* Fails unless segloss_cpu_level is the level given as the argument: 1, 2 or 3. */
#include "../check.h"

int main(int count, char **words) {
  const uint32_t found = segloss_cpu_level();
  CHECK(count == 2);
  if (found != (uint32_t)atoi(words[1])) {
    fprintf(stderr, "CPU level %u, expected %s\n", (unsigned)found, words[1]);
    return 1;
  }
  printf("level %u, passed\n", (unsigned)found);
  return 0;
}
