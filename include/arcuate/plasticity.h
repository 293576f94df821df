/* Plasticity: rules that change weights and thresholds while a session runs.
 *
 * A rule is part of the model. While adaptation is on, nodes of the kinds "PlasticLinear",
 * "PlasticConv1d" and "PlasticConv2d" change their weights and neuron programs their adaptive
 * parameters.
 * Adapted values are part of the session's state: they are saved, restored and cloned, and
 * arcuate_session_reset keeps them.
 *
 * Functions without an `error` parameter store their message in the session. */
#ifndef ARCUATE_PLASTICITY_H
#define ARCUATE_PLASTICITY_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Attaches a rule to a node of kind "Affine", "Linear" or "PlasticLinear" with float32 weights. The
 * rule is JSON; plasticity-rules.md describes its fields, and plastic-nodes.md those of the nodes
 * "Cell", "Trace", "Projection" and "Winners", which rules work with.
 * Status: NOT_FOUND; INVALID_MODEL for a node without weights of its own, with a list of
 * connections or with quantized weights; MALFORMED, LIMIT_EXCEEDED or INVALID_ARGUMENT for an
 * invalid rule. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_set_rule(
    arcuate_model *model, const char *node, const char *rule, arcuate_error **error)
    ARCUATE_NONNULL(1, 2, 3);
/* Creates a copy of a model without rules: its weights and thresholds no longer change. On success
 * the caller owns *frozen. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_model_freeze(const arcuate_model *model, arcuate_model **frozen, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

/* Number of signals that the rules use, such as labels and rewards; 0 for NULL. */
ARCUATE_API size_t arcuate_plan_signal_count(const arcuate_plan *plan);
/* Name of a signal; NULL if the index is out of range. */
ARCUATE_API const char *arcuate_plan_signal_name(const arcuate_plan *plan, size_t signal);
/* Elements of a signal for one stream; 0 if the index is out of range. */
ARCUATE_API size_t arcuate_plan_signal_size(const arcuate_plan *plan, size_t signal);

/* Turns adaptation on (1) or off (0, the initial value) from the next step on.
 * Status: INVALID_ARGUMENT. Since: 0.2 (0.1: arcuate_session_set_learning). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_set_adapting(arcuate_session *session, int32_t adapting) ARCUATE_NONNULL(1);
/* 1 if adaptation is on, else 0. Since: 0.2 (0.1: arcuate_session_learning). */
ARCUATE_API int32_t arcuate_session_adapting(const arcuate_session *session);
/* Multiplies the rates of all rules, but not of decays, from the next step on; 1 initially.
 * Status: INVALID_ARGUMENT if it is not finite. Since: 0.2 (0.1: arcuate_session_set_rate). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_set_rate_factor(arcuate_session *session, float factor) ARCUATE_NONNULL(1);

/* Sets a signal of all streams, [batch][size]. It stays in effect until it is set again or cleared.
 * For a stream whose signal is not set, a rule that uses the signal changes nothing. Status:
 * NOT_FOUND, BUFFER_SIZE; INVALID_ARGUMENT for NULL and numbers that are not finite. On failure
 * nothing is changed. Since: 0.2 (0.1: arcuate_session_teach). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_set_signal(
    arcuate_session *session, const char *signal, const float *values, size_t count)
    ARCUATE_NONNULL(1, 2);
/* Sets a signal of one stream to a label: element `label` to `on`, the others to `off`.
 * Status: NOT_FOUND; INVALID_ARGUMENT for a stream or label out of range and numbers that are not
 * finite. On failure nothing is changed. Since: 0.2 (0.1: arcuate_session_teach_label). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_set_label(
    arcuate_session *session, const char *signal, size_t stream, int64_t label, float on, float off)
    ARCUATE_NONNULL(1, 2);
/* Clears a signal of all streams. Status: NOT_FOUND, INVALID_ARGUMENT.
 * Since: 0.2 (0.1: arcuate_session_withdraw). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_session_clear_signal(arcuate_session *session, const char *signal) ARCUATE_NONNULL(1, 2);

/* Scales the weights of rules with a "column_sum". While adaptation is on, arcuate_session_run does
 * this at the start of each frame; call it when running steps or events.
 * Status: INVALID_ARGUMENT. Since: 0.2 (0.1: arcuate_session_normalise). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_normalize(arcuate_session *session)
    ARCUATE_NONNULL(1);
/* Applies the accumulated changes of rules with "apply": "frame". While adaptation is on,
 * arcuate_session_run does this at the end of each frame; call it when running steps or events.
 * Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_consolidate(arcuate_session *session)
    ARCUATE_NONNULL(1);
/* Restores the weights and thresholds of the model. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_forget(arcuate_session *session)
    ARCUATE_NONNULL(1);

/* Kind of adapted values. Since: 0.2 (0.1: ARCUATE_LEARNED_*). */
typedef int32_t arcuate_adapted;
/* Weights of a "PlasticLinear", [post][pre]; kernels of a "PlasticConv2d",
 * [out][in][height][width]; the adaptive parameters of a neuron program, one after
 * another. */
#define ARCUATE_ADAPTED_SLOW ((arcuate_adapted)0)
/* Fast weights of a "PlasticLinear", [batch][post][pre]. */
#define ARCUATE_ADAPTED_FAST ((arcuate_adapted)1)
/* Number of adapted values of a node; 0 if it has none of that kind or does not exist.
 * Since: 0.2 (0.1: arcuate_session_learned_size). */
ARCUATE_API size_t arcuate_session_adapted_size(
    const arcuate_session *session, const char *node, arcuate_adapted kind);
/* Copies the adapted values of a node. count: at least arcuate_session_adapted_size.
 * Status: NOT_FOUND, BUFFER_SIZE, INVALID_ARGUMENT. Since: 0.2 (0.1: arcuate_session_learned). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_read_adapted(
    const arcuate_session *session, const char *node, arcuate_adapted kind, float *values,
    size_t count, arcuate_error **error) ARCUATE_NONNULL(1, 2);
/* Creates a model with the session's current weights, biases and thresholds; nested graphs are
 * flattened. Fast weights belong to a stream and are not included. On success the caller owns
 * *model. Status: INVALID_ARGUMENT, OUT_OF_MEMORY. Since: 0.2
 * (0.1: arcuate_session_learned_model). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_session_adapted_model(
    const arcuate_session *session, arcuate_model **model, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

#endif
