#include <pthread.h>

#include "cshims.h"

static uint32_t forks;

static void count(void) { __atomic_fetch_add(&forks, 1, __ATOMIC_RELAXED); }

static void start(void) { pthread_atfork(NULL, NULL, count); }

uint32_t cshims_forks(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  return __atomic_load_n(&forks, __ATOMIC_RELAXED);
}
