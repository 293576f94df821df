/* Sessions: the state of one or more streams. */
#ifndef ARCUATE_SESSION_H
#define ARCUATE_SESSION_H

#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arcuate_session arcuate_session;

/* Creates a session at rest. On success the caller owns *session.
 * Status: OUT_OF_MEMORY, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_create(const arcuate_plan *plan, arcuate_session **session, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Frees a session and ends its threads; its probes remain readable. NULL is ignored. */
ARCUATE_API void arcuate_session_free(arcuate_session *session);

/* Runs frames.
 *
 * inputs[p] holds input_counts[p] numbers, [frames][batch][shape]. outputs[p] receives
 * output_counts[p] numbers, [frames][batch][shape], or with ARCUATE_FRAME_OUTPUT_EVERY
 * [frames][steps][batch][shape]. The counts must match exactly. outputs[p] is NULL to skip a port,
 * outputs is NULL to skip all.
 *
 * Status: BUFFER_SIZE; INVALID_ARGUMENT for NULL and for numbers that are not finite. On failure
 * the state is unchanged. The session stores the message. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_run(
    arcuate_session *session, size_t frames, const float *const *inputs, const size_t *input_counts,
    float *const *outputs, const size_t *output_counts) ARCUATE_NONNULL(1, 3, 4);

/* Runs one step, outside any frame: inputs and outputs are [batch][shape]. Otherwise like
 * arcuate_session_run. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_step(
    arcuate_session *session, const float *const *inputs, const size_t *input_counts,
    float *const *outputs, const size_t *output_counts) ARCUATE_NONNULL(1, 2, 3);

/* A nonzero value at one step. */
typedef struct arcuate_event {
  uint32_t step;   /* counted from the first step of the call */
  uint16_t stream; /* 0 ... batch - 1 */
  uint16_t port;
  uint32_t index; /* element of the port's shape, row-major, channel-first */
  float value;
} arcuate_event;

/* Runs steps whose inputs are zero except for the events, which are ordered by step; events at the
 * same element add up. Writes the nonzero outputs, ordered by step, port, stream and index.
 *
 * If the output buffer might not hold the next step, the call returns early: call again with the
 * events from *consumed on, their steps reduced by *steps_done, and the remaining number of steps.
 *
 * capacity: at least the outputs of one step, batch * the sum of the output sizes. steps_done,
 * consumed and written may be NULL.
 * Status: BUFFER_SIZE; INVALID_ARGUMENT for NULL and for an event that is out of order, outside the
 * network or not finite. On failure the state is unchanged. The session stores the message. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_run_events(
    arcuate_session *session, const arcuate_event *events, size_t count, size_t steps,
    arcuate_event *output, size_t capacity, size_t *steps_done, size_t *consumed, size_t *written)
    ARCUATE_NONNULL(1);

/* Message of the last failed call among those without an `error` parameter; "" if none failed. The
 * next failure replaces it. */
ARCUATE_API const char *arcuate_session_last_error(const arcuate_session *session);

/* Resets all streams to rest. Counters, probes and adapted weights are unchanged.
 * Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_reset(arcuate_session *session) ARCUATE_NONNULL(1);
/* Resets one stream, 0 ... batch - 1, to rest. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_reset_stream(arcuate_session *session, size_t stream) ARCUATE_NONNULL(1);

/* Size in bytes of a snapshot: the state of all streams, without counters and probes. 0 for
 * NULL. */
ARCUATE_API size_t arcuate_session_snapshot_size(const arcuate_session *session);
/* Writes a snapshot. size: at least arcuate_session_snapshot_size. Status: BUFFER_SIZE,
 * INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_save(const arcuate_session *session, void *data, size_t size, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Restores a snapshot of a session of the same plan, or of an equal one. Status: INVALID_STATE if
 * the snapshot is damaged or of another plan; the state is then unchanged. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_restore(
    arcuate_session *session, const void *data, size_t size, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Creates a session in the same state, without counters and probes. On success the caller owns
 * *clone. Status: OUT_OF_MEMORY, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_clone(
    const arcuate_session *session, arcuate_session **clone, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

/* Operation counts since the counters were cleared. As in NeuroBench, a synaptic operation is a
 * product of a nonzero input and a nonzero weight. A row is one step of one stream of a node. */
typedef struct arcuate_counters {
  size_t struct_size;
  uint64_t spikes;           /* nonzero outputs of spiking nodes */
  uint64_t macs;             /* synaptic operations of rows with inputs other than -1, 0 and 1 */
  uint64_t acs;              /* synaptic operations of rows with inputs -1, 0 and 1 only */
  uint64_t dense_operations; /* operations if every input and weight were nonzero */
  /* Membranes that changed; with fast numerics, all membranes of a node whose inputs are added in
   * place. */
  uint64_t neuron_updates;
  uint64_t rows;
  uint64_t dense_rows;   /* rows computed by a dense kernel */
  uint64_t weight_bytes; /* bytes of the weights of all synaptic operations, without reuse */
} arcuate_counters;

/* Gets the counters of a node, an index below arcuate_plan_node_count, or with -1 their sum over
 * all nodes; and of a stream, or with -1 their sum over all streams. counters->struct_size must be
 * set. Status: INVALID_ARGUMENT; no message is stored. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_counters(
    const arcuate_session *session, int64_t node, int64_t stream, arcuate_counters *counters)
    ARCUATE_NONNULL(1, 4);
/* Sets all counters to 0 and clears the list of kernels. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_clear_counters(arcuate_session *session)
    ARCUATE_NONNULL(1);

/* Writes the names of the kernels that have run, separated by spaces: at most `size` bytes
 * including the terminating zero, as snprintf does. Returns the length without it. A name states
 * data type, operation and instruction set. */
ARCUATE_API size_t arcuate_session_kernels(const arcuate_session *session, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
