/* Conversion of artificial neural networks to spiking ones. */
#ifndef ARCUATE_CONVERSION_H
#define ARCUATE_CONVERSION_H

#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the scale of a layer, the activation that one spike represents, is chosen. Weights are
 * divided by it; thresholds are 1. */
typedef int32_t arcuate_balancing;
/* A percentile of the positive activations on the frames. */
#define ARCUATE_BALANCING_DATA ((arcuate_balancing)0)
/* The largest sum that inputs no larger than their scales can produce. */
#define ARCUATE_BALANCING_MODEL ((arcuate_balancing)1)
/* `factor` times the largest input of a step, measured while the layers before it spike. */
#define ARCUATE_BALANCING_SPIKE_NORM ((arcuate_balancing)2)

/* How the values of a frame enter the network. */
typedef int32_t arcuate_conversion_input;
/* As a constant current at every step. */
#define ARCUATE_CONVERSION_INPUT_CONSTANT ((arcuate_conversion_input)0)
/* Entirely at the first step. */
#define ARCUATE_CONVERSION_INPUT_SINGLE_SHOT ((arcuate_conversion_input)1)
/* As random signed spikes, with probabilities proportional to the values. */
#define ARCUATE_CONVERSION_INPUT_BERNOULLI ((arcuate_conversion_input)2)

/* When neurons receive their bias. */
typedef int32_t arcuate_conversion_bias;
/* A share at every step. */
#define ARCUATE_CONVERSION_BIAS_EVERY_STEP ((arcuate_conversion_bias)0)
/* All of it once, as the membrane potential at rest. */
#define ARCUATE_CONVERSION_BIAS_ONCE ((arcuate_conversion_bias)1)

/* What replaces max pooling after neurons. */
typedef int32_t arcuate_conversion_max_pooling;
/* A window emits as many spikes as its most active input ("SpikeMaxPool2d"). */
#define ARCUATE_CONVERSION_MAX_POOLING_SPIKES ((arcuate_conversion_max_pooling)0)
/* Nothing: the conversion fails. */
#define ARCUATE_CONVERSION_MAX_POOLING_REFUSE ((arcuate_conversion_max_pooling)1)

/* What the outputs are. */
typedef int32_t arcuate_conversion_readout;
/* The potential of neurons that do not spike: the output of the artificial network times the number
 * of steps, without functions such as softmax after the last weights. */
#define ARCUATE_CONVERSION_READOUT_POTENTIAL ((arcuate_conversion_readout)0)
/* The mean over the steps, with such functions. */
#define ARCUATE_CONVERSION_READOUT_MEAN ((arcuate_conversion_readout)1)

typedef struct arcuate_conversion_options {
  size_t struct_size;
  arcuate_balancing balancing;
  arcuate_conversion_input input;
  arcuate_conversion_bias bias;
  arcuate_conversion_max_pooling max_pooling;
  arcuate_conversion_readout readout;
  /* 0: a membrane at the threshold spikes; 1: it must exceed the threshold. */
  int32_t strict;
  /* 0: layers whose spikes are added, and the neurons that receive them, share the largest of their
   * scales; 1: a Scale node on each edge weights the spikes. */
  int32_t separate_scales;
  /* Steps per frame, required for single-shot input and for a bias given once. With
   * ARCUATE_BALANCING_SPIKE_NORM the number of steps to measure, 0 for 100. */
  int32_t steps;
  /* For ARCUATE_BALANCING_DATA: above 0, at most 100 (the largest activation). */
  double percentile;
  /* For ARCUATE_BALANCING_SPIKE_NORM: above 0, at most 1000. */
  double factor;
  /* Membrane potential at rest, as a fraction of the threshold. */
  double initial_potential;
  /* Seed of ARCUATE_CONVERSION_INPUT_BERNOULLI. */
  uint64_t seed;
  /* Representative frames in the layout of arcuate_session_run; inputs and input_counts have one
   * element per input port. Each frame of each stream is independent. Only ARCUATE_BALANCING_MODEL
   * without Bernoulli input works without frames; it then assumes inputs of 0 ... 1. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* Batch and threads for running the frames; NULL for the defaults. */
  const arcuate_compile_options *compile;
} arcuate_conversion_options;

/* Sets the defaults: balancing by data at percentile 99.9, constant input, bias at every step,
 * spiking max pooling, readout of potentials. NULL is ignored.
 * Since: 0.2 (0.1: arcuate_convert_options_init). */
ARCUATE_API void arcuate_conversion_options_init(arcuate_conversion_options *options);

/* Creates a copy of a model with integrate-and-fire neurons in place of its ReLUs. Batch
 * normalization is folded first. Run it with ARCUATE_FRAME_STATE_RESET, which its metadata states,
 * and any steps_per_frame. On success the caller owns *converted.
 * Status: INVALID_MODEL naming every node that cannot be converted; INVALID_ARGUMENT for options
 * out of range, missing frames and NULL; BUFFER_SIZE; those of arcuate_plan_create. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_convert(
    const arcuate_model *model, const arcuate_conversion_options *options,
    arcuate_model **converted, arcuate_error **error) ARCUATE_NONNULL(1, 3);

/* Report of the call to arcuate_model_convert that made a model, as a table; NULL for other
 * models. */
ARCUATE_API const char *arcuate_model_conversion(const arcuate_model *model);

/* One layer of neurons of the report. */
typedef struct arcuate_converted_layer {
  size_t struct_size;
  const char *name;
  uint64_t neurons;
  double scale;   /* activation that one spike per step represents */
  double largest; /* largest activation on the frames; NAN without frames */
} arcuate_converted_layer;

/* Number of layers in the report; 0 for a model that was not converted. */
ARCUATE_API size_t arcuate_model_converted_count(const arcuate_model *model);
/* Gets one layer of the report, in execution order. layer->struct_size must be set; the name is
 * valid as long as the model. Status: INVALID_ARGUMENT; no message is stored. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_converted_layer(
    const arcuate_model *model, size_t index, arcuate_converted_layer *layer) ARCUATE_NONNULL(1, 3);

/* How a spiking network is compared with the artificial one it was converted from. */
typedef struct arcuate_conversion_loss_options {
  size_t struct_size;
  /* Frames, at least one, as in arcuate_conversion_options. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* Index of the correct output for each frame of each stream; NULL if there are none. */
  const int32_t *labels;
  /* Batch and threads for running the frames; NULL for the defaults. */
  const arcuate_compile_options *compile;
  /* Steps per frame, 1 ... 1000000. */
  int32_t steps;
} arcuate_conversion_loss_options;

/* Sets the defaults: 20 steps. NULL is ignored. Since: 0.2 (0.1: arcuate_loss_options_init). */
ARCUATE_API void arcuate_conversion_loss_options_init(arcuate_conversion_loss_options *options);

/* Comparison of the first outputs of both networks. */
typedef struct arcuate_conversion_loss {
  size_t struct_size;
  uint64_t frames;
  /* Fraction of frames whose largest output is that of the label; NAN without labels. */
  double accuracy;
  double artificial_accuracy;
  /* Fraction of frames in which both networks have the same largest output. */
  double agreement;
  /* Root of the sum of squared differences, relative to that of the artificial outputs. */
  double output_error;
  double largest_error;
  /* Per frame: spikes; synaptic operations of unit spikes; other synaptic operations; operations of
   * the artificial network, for every input and weight. */
  double spikes;
  double acs;
  double macs;
  double artificial_macs;
  /* Number of nodes that spike. */
  size_t layers;
} arcuate_conversion_loss;

/* Runs both networks and compares them. loss->struct_size must be set. rates receives the mean
 * number of spikes per neuron and step of the first `capacity` nodes that spike, in execution
 * order; it may be NULL if capacity is 0.
 * Status: INVALID_ARGUMENT, BUFFER_SIZE, LIMIT_EXCEEDED above 2^26 frames, those of
 * arcuate_plan_create. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_conversion_loss(
    const arcuate_model *artificial, const arcuate_model *spiking,
    const arcuate_conversion_loss_options *options, arcuate_conversion_loss *loss, double *rates,
    size_t capacity, arcuate_error **error) ARCUATE_NONNULL(1, 2, 3, 4);

#ifdef __cplusplus
}
#endif

#endif
