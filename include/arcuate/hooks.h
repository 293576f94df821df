/* Memory allocator and log of the process. */
#ifndef ARCUATE_HOOKS_H
#define ARCUATE_HOOKS_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Source of large blocks: packed weights, memory of sessions, recordings. Any thread that uses the
 * library may call both functions. */
typedef struct arcuate_allocator {
  size_t struct_size;
  /* First argument of both functions. */
  void *context;
  /* Returns at least `size` bytes aligned to `alignment`, a power of two, or NULL on failure. */
  void *(*allocate)(void *context, size_t size, size_t alignment);
  /* Frees a block that `allocate` returned for `size` bytes. */
  void (*release)(void *context, void *block, size_t size);
} arcuate_allocator;

/* Sets the allocator of later blocks; NULL restores the system's. A block is released by the
 * allocator it came from. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_set_allocator(const arcuate_allocator *allocator, arcuate_error **error);

/* Receives a message that is not a failure, such as a repair made while reading a model. The
 * message is valid during the call. */
typedef void (*arcuate_log)(void *context, arcuate_severity severity, const char *message);

/* Sets the receiver of messages; NULL, the initial value, discards them. Any thread that uses the
 * library may call it, but never while a session runs. */
ARCUATE_API void arcuate_set_log(arcuate_log log, void *context);

#ifdef __cplusplus
}
#endif

#endif
