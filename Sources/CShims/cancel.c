#include <time.h>

#include "cshims.h"

static _Thread_local cshims_cancel *watched;

void cshims_cancel_watch(cshims_cancel *cancel) { watched = cancel; }

cshims_cancel *cshims_cancel_watched(void) { return watched; }

// Exact to a few milliseconds, and read in a few nanoseconds.
static uint64_t now_ns(void) {
#if defined(__linux__)
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0)
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
  return cshims_nanoseconds();
}

static const uint64_t first_poll_ns = 250000000, poll_ns = 50000000;

void cshims_cancel_begin(void) {
  cshims_cancel *cancel = watched;
  if (!cancel || !cancel->poll) return;
  __atomic_store_n(&cancel->next_ns, now_ns() + first_poll_ns, __ATOMIC_RELAXED);
}

bool cshims_cancel_poll(cshims_cancel *cancel) {
  if (cshims_cancel_is_requested(cancel)) return true;
  if (!cancel->poll) return false;
  uint64_t now = now_ns();
  if (now < __atomic_load_n(&cancel->next_ns, __ATOMIC_RELAXED)) return false;
  bool ends = cancel->poll(cancel->context) != 0;
  // Counted from the end: a slow function must not take all of the time.
  __atomic_store_n(&cancel->next_ns, now_ns() + poll_ns, __ATOMIC_RELAXED);
  if (ends) cshims_cancel_request(cancel, true);
  return ends;
}
