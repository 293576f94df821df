/* Quantization: models with int8 or bfloat16 weights. */
#ifndef ARCUATE_QUANTIZATION_H
#define ARCUATE_QUANTIZATION_H

#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element type of weights. */
typedef int32_t arcuate_element;
#define ARCUATE_ELEMENT_FLOAT32 ((arcuate_element)0)
#define ARCUATE_ELEMENT_BFLOAT16 ((arcuate_element)1)
#define ARCUATE_ELEMENT_INT8 ((arcuate_element)2)

typedef struct arcuate_quantization_options {
  size_t struct_size;
  /* ARCUATE_ELEMENT_INT8: -127 ... 127 with one scale per output channel (the first axis).
   * ARCUATE_ELEMENT_BFLOAT16: rounded to nearest, ties to even. */
  arcuate_element element;
  /* 1: keep the weights of the first, or the last, node with weights in execution order. */
  int32_t keep_first;
  int32_t keep_last;
  /* 0: first fold batch normalization into the weights before it where that is exact; 1: do not. */
  int32_t keep_batch_norm;
  /* Names of keep_count nodes whose weights are kept: "graph/node" for a nested node, the name of a
   * graph for all its nodes. */
  const char *const *keep;
  size_t keep_count;
  /* Calibration frames, representative inputs in the layout of arcuate_session_run; inputs and
   * input_counts have one element per input port. Without frames the scale of a channel is its
   * largest weight / 127. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* How the calibration frames are run; NULL for the model's own options. */
  const arcuate_compile_options *compile;
} arcuate_quantization_options;

/* Sets the defaults: int8, all nodes, no calibration. NULL is ignored.
 * Since: 0.2 (0.1: arcuate_quantize_options_init). */
ARCUATE_API void arcuate_quantization_options_init(arcuate_quantization_options *options);

/* Creates a copy of a model whose linear and convolution weights are quantized. Biases, neurons,
 * lists of connections ("SparseLinear") and weights already of that type are unchanged.
 * options: NULL for the defaults. On success the caller owns *quantized.
 * Status: INVALID_MODEL naming the node, NOT_FOUND for a name in `keep` that has no weights,
 * BUFFER_SIZE for frames of the wrong size, INVALID_ARGUMENT for options out of range, NULL and
 * numbers that are not finite; for calibration also those of arcuate_plan_create. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_quantize(
    const arcuate_model *model, const arcuate_quantization_options *options,
    arcuate_model **quantized, arcuate_error **error) ARCUATE_NONNULL(1, 3);

/* Creates a copy of a model with float32 weights and biases of exactly the values that its
 * quantized ones represent. On success the caller owns *dequantized. Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_dequantize(
    const arcuate_model *model, arcuate_model **dequantized, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

/* Report of the call to arcuate_model_quantize that made a model, as a table; NULL for other
 * models. */
ARCUATE_API const char *arcuate_model_quantization(const arcuate_model *model);

/* One node of the report. */
typedef struct arcuate_quantized_node {
  size_t struct_size;
  const char *name; /* "graph/node" for a nested node */
  arcuate_element before;
  arcuate_element after;
  uint64_t weights;
  uint64_t bytes_before; /* with scales */
  uint64_t bytes_after;
  /* Root of the sum of squared changes of the weights, relative to that of the weights. */
  double weight_error;
  /* The same, with each weight multiplied by the root mean square of its input: an estimate of the
   * error of the node's output. NAN without calibration and for nodes that are kept. */
  double output_error;
  /* The output_error that scales chosen without calibration would have. */
  double uncalibrated_output_error;
} arcuate_quantized_node;

/* Number of nodes in the report; 0 for a model that was not quantized. */
ARCUATE_API size_t arcuate_model_quantized_count(const arcuate_model *model);
/* Gets one node of the report, in the order of the model. node->struct_size must be set; the name
 * is valid as long as the model. Status: INVALID_ARGUMENT; no message is stored. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_quantized_node(
    const arcuate_model *model, size_t index, arcuate_quantized_node *node) ARCUATE_NONNULL(1, 3);

#ifdef __cplusplus
}
#endif

#endif
