/* What stands before main on a bare Cortex-M4F in QEMU, which has loaded the data and zeroed the rest. */
#include <stdint.h>
#include <stdlib.h>

extern unsigned char stack_top[];
extern void initialise_monitor_handles(void); /* newlib's printf by semihosting */
int main(void);
void reset(void);
void _init(void);
void _fini(void);

/* Of hosted programs; nothing is registered here. */
void _init(void) {}
void _fini(void) {}

static void fault(void) { abort(); }

/* Reset, NMI, hard fault: the other faults are not enabled and come as the last. */
__attribute__((section(".vectors"), used)) static const struct {
  unsigned char *stack;
  void (*handlers[3])(void);
} vectors = {stack_top, {reset, fault, fault}};

void reset(void) {
  /* CPACR: coprocessors 10 and 11, which are the floating-point unit. */
  *(volatile uint32_t *)0xE000ED88 |= 0xfu << 20;
  __asm__ volatile("dsb\n isb");
  initialise_monitor_handles();
  exit(main());
}
