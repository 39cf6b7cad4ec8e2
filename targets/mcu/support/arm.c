/* Starts a Cortex-M and reports its faults. */

#include "monitor.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CCR REGISTER(0xE000ED14u)
#define SHCSR REGISTER(0xE000ED24u)
#define CFSR REGISTER(0xE000ED28u)
#define HFSR REGISTER(0xE000ED2Cu)
#define MMFAR REGISTER(0xE000ED34u)
#define BFAR REGISTER(0xE000ED38u)
#define CPACR REGISTER(0xE000ED88u)

enum {
  CCR_UNALIGN_TRP = 1 << 3,
  CCR_DIV_0_TRP = 1 << 4,
  SHCSR_MEMORY_BUS_USAGE = 7 << 16,
  CPACR_CP10_CP11 = 0xF << 20,
  CFSR_STACKING_FAILED = 0x3030, /* STKERR and LSPERR of BFSR, MSTKERR and MLSPERR of MMFSR */
};

void reset(void) __attribute__((noreturn));
void reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  CPACR |= CPACR_CP10_CP11;
  __asm volatile("dsb\nisb");
#endif
#if !defined(__ARM_FEATURE_UNALIGNED)
  CCR |= CCR_UNALIGN_TRP; /* the emulated core may allow what the real one does not */
#endif
  CCR |= CCR_DIV_0_TRP;
  SHCSR |= SHCSR_MEMORY_BUS_USAGE;
  monitor();
}

void arm_fault(uint32_t exc_return, const uint32_t *frame) __attribute__((noreturn));
void arm_fault(uint32_t exc_return, const uint32_t *frame) {
  uint32_t exception;
  __asm volatile("mrs %0, ipsr" : "=r"(exception));
  const uint32_t cfsr = CFSR;
  /* A frame that could not be written holds nothing. */
  const int framed = (cfsr & CFSR_STACKING_FAILED) == 0;
  const uint32_t registers[] = {
      exception,
      cfsr,
      HFSR,
      MMFAR,
      BFAR,
      framed ? frame[6] : 0,
      framed ? frame[5] : 0,
      (uint32_t)frame,
      exc_return,
  };
  report_fault(registers, sizeof registers / sizeof *registers);
}
