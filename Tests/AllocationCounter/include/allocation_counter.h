/* Counts the allocations of the threads that asked to be counted, or of all. */
#ifndef ARCUATE_ALLOCATION_COUNTER_H
#define ARCUATE_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Whether this build can count: not beside a sanitizer, which has an allocator of its own. */
int allocation_counter_works(void);
/* From now on this thread is counted, or not. */
void allocation_counter_join(int counted);
/* From now on every thread is counted, or only those that joined. */
void allocation_counter_join_all(int counted);
/* malloc, calloc, realloc, memalign, posix_memalign and aligned_alloc so far, of all counted
 * threads. */
uint64_t allocation_counter_total(void);

#endif
