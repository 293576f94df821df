/* Models: read, write, inspect and adjust networks. */
#ifndef ARCUATE_MODEL_H
#define ARCUATE_MODEL_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arcuate_model arcuate_model;

typedef struct arcuate_read_options {
  size_t struct_size;
  /* 0: repair what is missing or inconsistent and report it as findings; 1: fail instead. */
  int32_t strict;
  /* Library that wrote the file and whose neurons it means: "nir", "snntorch", "norse",
   * "spikingjelly", "sinabs", "rockpool", "spyx", "lava", "nengo" or "spinnaker2"; with options,
   * such as "snntorch:reset=subtract,delay=1" (semantics.md). NULL: as the file states, or "nir".
   */
  const char *preset;
  /* Seconds per step, 1e-12 ... 1e6; 0: as the file states. */
  double dt_s;
} arcuate_read_options;

/* Sets the defaults: repair, no preset, time step of the file. NULL is ignored. */
ARCUATE_API void arcuate_read_options_init(arcuate_read_options *options);

/* Reads a model from a file; the format is detected from the file's first bytes:
 *
 *   .nir            Neuromorphic Intermediate Representation, in HDF5
 *   .safetensors    the format that arcuate_model_save writes
 *   Kaldi nnet3     raw, or final.mdl with its transition model; text or binary. One step is one
 *                   frame of dt_s, 0.01 s by default. See arcuate_model_metadata_number for latency
 *   JSON            a list of layers with randomly initialized weights (layer-list.md)
 *
 * A .safetensors file stays memory-mapped as long as the model, or any plan or session created from
 * it, exists. Do not truncate the file or change it in place; replacing it, as arcuate_model_save
 * does, is safe.
 *
 * options: NULL for the defaults. On success the caller owns *model.
 * Status: CANNOT_OPEN, TRUNCATED, MALFORMED, UNSUPPORTED_FORMAT, LIMIT_EXCEEDED, INVALID_MODEL,
 * INVALID_ARGUMENT, OUT_OF_MEMORY. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_open(
    const char *path, const arcuate_read_options *options, arcuate_model **model,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);

/* Reads a model from `size` bytes, which are copied. Otherwise like arcuate_model_open. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_from_memory(
    const void *data, size_t size, const arcuate_read_options *options, arcuate_model **model,
    arcuate_error **error) ARCUATE_NONNULL(1, 4);

/* Writes a model to a .nir or .safetensors file, chosen by the extension of the path. The file is
 * replaced as a whole or left unchanged. NIR has no int8 or bfloat16 weights: a .nir file gets
 * float32 weights of the same values. A model with a finding of severity ARCUATE_SEVERITY_ERROR for
 * which the .nir file could not be opened is INVALID_MODEL; .safetensors holds every model.
 * Status: CANNOT_WRITE, NOT_REPRESENTABLE, INVALID_MODEL, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_save(
    const arcuate_model *model, const char *path, arcuate_error **error) ARCUATE_NONNULL(1, 2);

/* Copies a model; the caller owns the result. NULL for NULL. */
ARCUATE_NODISCARD ARCUATE_API arcuate_model *arcuate_model_copy(const arcuate_model *model);
/* Frees a model; plans made from it remain valid. NULL is ignored. */
ARCUATE_API void arcuate_model_free(arcuate_model *model);

/* Sets one field of the neuron semantics, or with "preset" all of them:
 *
 *   preset           a preset of arcuate_read_options
 *   integrator       euler, euler_old_current, exponential, exponential_unit, exponential_post
 *   reset            to_value, subtract, none
 *   reset_timing     same_step, next_step, same_step_residual
 *   comparison       >, >=
 *   spike_timing     same_step, next_step
 *   feedback_start   zero, response
 *   integrator_gain  dt_r, r
 *   multi_spike      0, 1
 *   clamps_below     0, 1
 *   rule             the rule of a preset, such as spyx; the fields stay
 *
 * The rule of a preset replaces the fields. Setting a field afterwards sets the option of that name
 * or, where there is none, replaces the rule by the fields. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_set_semantics(
    arcuate_model *model, const char *field, const char *value, arcuate_error **error)
    ARCUATE_NONNULL(1, 2, 3);

/* Folds each batch normalization that directly follows weights into those weights; leaves the
 * others unchanged. Status: INVALID_MODEL, INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_model_fold_batch_norm(arcuate_model *model, arcuate_error **error) ARCUATE_NONNULL(1);

/* Time step the model was made for, in seconds; 0 if it states none. */
ARCUATE_API double arcuate_model_dt(const arcuate_model *model);

/* A number in the model's metadata; `otherwise` if there is none of that name. Some names describe
 * how a network is fed, in frames:
 *
 *   left_context               repeat the first frame this many times before each utterance
 *   latency                    an output belongs to the input this many steps earlier: repeat the
 *                              last frame this many times, and drop the first
 *                              left_context + latency outputs
 *   subsampling                use every n-th output
 *   splice_left, splice_right  an input is a frame with this many frames before and after it
 *
 * If a name is missing, use 0, or 1 for subsampling. Since: 0.2 (0.1: arcuate_model_note). */
ARCUATE_API double
arcuate_model_metadata_number(const arcuate_model *model, const char *name, double otherwise);

/* Number of nodes in the outermost graph; 0 for NULL. */
ARCUATE_API size_t arcuate_model_node_count(const arcuate_model *model);
/* Name of a node; NULL if the index is out of range. */
ARCUATE_API const char *arcuate_model_node_name(const arcuate_model *model, size_t index);
/* Kind of a node; NULL if the index is out of range. Kinds are those of NIR, such as "Affine" and
 * "LIF", and others such as "BatchNorm", "SparseLinear" (a list of connections, each with a delay)
 * and "PlasticLinear" (weights that a rule changes). */
ARCUATE_API const char *arcuate_model_node_kind(const arcuate_model *model, size_t index);

/* Number of findings from reading and checking the model; 0 for NULL. Changing the model checks it
 * again. A model with a finding of severity ARCUATE_SEVERITY_ERROR cannot be compiled. */
ARCUATE_API size_t arcuate_model_finding_count(const arcuate_model *model);
/* Severity of a finding; -1 if the index is out of range. */
ARCUATE_API arcuate_severity
arcuate_model_finding_severity(const arcuate_model *model, size_t index);
/* Node, edge or file location a finding is about; NULL if the index is out of range.
 * Since: 0.2 (0.1: arcuate_model_finding_place). */
ARCUATE_API const char *arcuate_model_finding_location(const arcuate_model *model, size_t index);
/* Message of a finding, without a full stop; NULL if the index is out of range. */
ARCUATE_API const char *arcuate_model_finding_message(const arcuate_model *model, size_t index);

#ifdef __cplusplus
}
#endif

#endif
