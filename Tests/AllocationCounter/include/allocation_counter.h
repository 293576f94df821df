/* Counts the allocations of the threads that asked to be counted. */
#ifndef ARCUATE_ALLOCATION_COUNTER_H
#define ARCUATE_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Whether this build can count: not beside a sanitizer, which has an allocator of its own. */
int allocation_counter_works(void);
/* From now on this thread is counted, or not. */
void allocation_counter_join(int counted);
/* malloc, calloc, realloc, posix_memalign and aligned_alloc so far, of all counted threads. */
uint64_t allocation_counter_total(void);

#endif
