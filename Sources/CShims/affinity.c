#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <time.h>

#include "cshims.h"

uint64_t cshims_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t cshims_processors(void) {
#if defined(__linux__)
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) == 0) return (uint32_t)CPU_COUNT(&all);
#endif
  return UINT32_MAX;
}

uint32_t cshims_processor(void) {
#if defined(__linux__)
  int number = sched_getcpu();
  if (number >= 0) return (uint32_t)number;
#endif
  return UINT32_MAX;
}

void cshims_leave_processor(uint32_t taken) {
#if defined(__linux__)
  cpu_set_t all, others;
  if (taken >= CPU_SETSIZE || cshims_processor() != taken) return;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  others = all;
  CPU_CLR(taken, &others);
  if (CPU_COUNT(&others) == 0) return;
  if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof all, &all);
#else
  (void)taken;
#endif
}
