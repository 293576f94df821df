#include "allocation_counter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Atomic uint64_t total;
static _Thread_local int counted;
static _Atomic int all_counted;

void allocation_counter_join(int is_counted) { counted = is_counted; }
void allocation_counter_join_all(int are_counted) { atomic_store(&all_counted, are_counted); }
uint64_t allocation_counter_total(void) { return atomic_load(&total); }

#if defined(__GLIBC__) && !defined(SANITIZED)

int allocation_counter_works(void) { return 1; }

/* The program's definitions come before the C library's, which stays reachable by these names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void note(void) {
  if (counted || atomic_load(&all_counted)) atomic_fetch_add(&total, 1);
}

void *malloc(size_t size) {
  note();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  note();
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  note();
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  note();
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}

#else

int allocation_counter_works(void) { return 0; }

#endif
