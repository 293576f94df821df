/* Memory allocator and log of the process. */
#ifndef ARCUATE_HOOKS_H
#define ARCUATE_HOOKS_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Source of large blocks, of 64 KiB and more: packed weights, memory of sessions, recordings, files
 * that are read into memory and the weights in them. Any thread that uses the library may call both
 * functions; where one of these blocks is refused, the status is OUT_OF_MEMORY.
 *
 * Other memory comes from the system, and the process ends if there is none: small objects; while a
 * compressed dataset of a .nir file is read, one of its chunks, twice; while a Kaldi network is
 * read, its numbers; while a model or a checkpoint is saved, the bytes of the file, at most twice,
 * and the parameters that training, quantization or conversion change. Each is bounded by the size
 * of the file or of the model. */
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
