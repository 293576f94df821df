/* Probes: recordings of nodes. */
#ifndef ARCUATE_PROBE_H
#define ARCUATE_PROBE_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arcuate_probe arcuate_probe;

/* Quantity that a probe records. */
typedef int32_t arcuate_probe_quantity;
/* The node's output. */
#define ARCUATE_PROBE_OUTPUT ((arcuate_probe_quantity)0)
/* The membrane potential, after the reset. */
#define ARCUATE_PROBE_MEMBRANE ((arcuate_probe_quantity)1)
/* The synaptic current. */
#define ARCUATE_PROBE_CURRENT ((arcuate_probe_quantity)2)

/* Records a node from the next step on, for at most `capacity` steps. Creating a probe allocates;
 * recording does not. On success the caller owns *probe.
 * Status: NOT_FOUND, LIMIT_EXCEEDED, OUT_OF_MEMORY, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_probe_create(
    arcuate_session *session, const char *node, arcuate_probe_quantity quantity, size_t capacity,
    arcuate_probe **probe, arcuate_error **error) ARCUATE_NONNULL(1, 2, 5);
/* Ends the recording and frees the probe, before or after its session. NULL is ignored. */
ARCUATE_API void arcuate_probe_free(arcuate_probe *probe);
/* Steps recorded; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_steps(const arcuate_probe *probe);
/* Steps not recorded because the recording was full; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_missed(const arcuate_probe *probe);
/* Numbers recorded: steps * batch * size; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_count(const arcuate_probe *probe);
/* Numbers per step and stream; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_size(const arcuate_probe *probe);
/* Copies the recording, [steps][batch][shape]. count: at least arcuate_probe_count.
 * Status: BUFFER_SIZE, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_probe_read(const arcuate_probe *probe, float *values, size_t count, arcuate_error **error)
    ARCUATE_NONNULL(1);
/* Discards what was recorded and continues recording. Status: INVALID_ARGUMENT; no message is
 * stored. */
ARCUATE_API arcuate_status arcuate_probe_clear(arcuate_probe *probe) ARCUATE_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
