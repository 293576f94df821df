/* Training by gradient, on batches of samples that are each run from rest for a number of steps.
 *
 * The same model, options and batches give the same bits in every language and for every number of
 * threads.
 *
 * Functions without an `error` parameter store their message in the trainer
 * (arcuate_trainer_last_error). A call that fails changes nothing. */
#ifndef ARCUATE_TRAINING_H
#define ARCUATE_TRAINING_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t arcuate_training_mode;
/* Backpropagation through all steps of the network. */
#define ARCUATE_TRAINING_DIRECT ((arcuate_training_mode)0)
/* Backpropagation through an artificial network whose layers take the spike counts of its spiking
 * counterpart, which has the same weights and runs for all steps. */
#define ARCUATE_TRAINING_TANDEM ((arcuate_training_mode)1)

/* Steps that receive the values of a sample. In tandem mode the first step of the spiking
 * counterpart receives them. */
typedef int32_t arcuate_sample_input;
/* Every step receives the same values. */
#define ARCUATE_SAMPLE_INPUT_HOLD ((arcuate_sample_input)0)
/* The first step receives the values, the others zeros. */
#define ARCUATE_SAMPLE_INPUT_FIRST ((arcuate_sample_input)1)
/* Every step has its own values. */
#define ARCUATE_SAMPLE_INPUT_EVERY ((arcuate_sample_input)2)

/* Surrogate for the derivative of a spike, where x is the membrane potential minus the
 * threshold. */
typedef int32_t arcuate_surrogate;
/* b where |x| < a, else 0 */
#define ARCUATE_SURROGATE_BOX ((arcuate_surrogate)0)
/* b max(0, 1 - |x| / a) */
#define ARCUATE_SURROGATE_TRIANGLE ((arcuate_surrogate)1)
/* 1 / (1 + a |x|)^2 */
#define ARCUATE_SURROGATE_FAST_SIGMOID ((arcuate_surrogate)2)
/* a / 2 / (1 + (pi / 2 a x)^2) */
#define ARCUATE_SURROGATE_ARCTAN ((arcuate_surrogate)3)
/* a exp(-b d), where d is the number of steps since the neuron's last spike */
#define ARCUATE_SURROGATE_SPIKE_TIME ((arcuate_surrogate)4)

typedef int32_t arcuate_optimizer;
#define ARCUATE_OPTIMIZER_SGD ((arcuate_optimizer)0)
#define ARCUATE_OPTIMIZER_ADAM ((arcuate_optimizer)1)
#define ARCUATE_OPTIMIZER_ADAMAX ((arcuate_optimizer)2)
#define ARCUATE_OPTIMIZER_ADAMW ((arcuate_optimizer)3)

/* Factor of the rate at a training step, counted from 0. */
typedef int32_t arcuate_schedule;
/* 1 */
#define ARCUATE_SCHEDULE_CONSTANT ((arcuate_schedule)0)
/* Multiplied by schedule_factor after every schedule_steps steps. */
#define ARCUATE_SCHEDULE_DECAY ((arcuate_schedule)1)
/* Multiplied by schedule_factor at every milestone. */
#define ARCUATE_SCHEDULE_MILESTONES ((arcuate_schedule)2)
/* Half a cosine from 1 to 0 over schedule_steps steps. */
#define ARCUATE_SCHEDULE_COSINE ((arcuate_schedule)3)
/* A line from 1 to 0 over schedule_steps steps. */
#define ARCUATE_SCHEDULE_LINEAR ((arcuate_schedule)4)

/* Noise added to trained parameters w after each optimizer step, with n normally distributed. */
typedef int32_t arcuate_weight_noise;
#define ARCUATE_WEIGHT_NOISE_NONE ((arcuate_weight_noise)0)
/* w + sigma n */
#define ARCUATE_WEIGHT_NOISE_ADDITIVE ((arcuate_weight_noise)1)
/* w exp(sigma n) */
#define ARCUATE_WEIGHT_NOISE_MULTIPLICATIVE ((arcuate_weight_noise)2)

/* Loss of a prediction y with the target t; the t of a label is 1 for its class, else 0. */
typedef int32_t arcuate_loss;
/* -log softmax(y)[label] */
#define ARCUATE_LOSS_CROSS_ENTROPY ((arcuate_loss)0)
/* mean of (y - t)^2 */
#define ARCUATE_LOSS_MEAN_SQUARE ((arcuate_loss)1)
/* mean of (y - t)^2 / 2 where |y - t| < 1, else of |y - t| - 1/2 */
#define ARCUATE_LOSS_SMOOTH_L1 ((arcuate_loss)2)
/* mean of -t log y - (1 - t) log(1 - y) */
#define ARCUATE_LOSS_BINARY_CROSS_ENTROPY ((arcuate_loss)3)
/* binary cross-entropy of the logistic function of y */
#define ARCUATE_LOSS_BINARY_CROSS_ENTROPY_LOGITS ((arcuate_loss)4)
/* mean square of spike counts */
#define ARCUATE_LOSS_COUNT ((arcuate_loss)5)
/* Softmax over the classes that a trained gate selects. Outputs 0, 1 and 2 are the logits and the
 * two heads of the gate. */
#define ARCUATE_LOSS_STOCHMAX ((arcuate_loss)6)
/* STOCHMAX with the gate sampled from head 1 alone, without the variational terms. */
#define ARCUATE_LOSS_STOCHMAX_NAIVE ((arcuate_loss)7)

/* How the steps of an output are combined into a prediction. */
typedef int32_t arcuate_readout;
#define ARCUATE_READOUT_LAST ((arcuate_readout)0)
#define ARCUATE_READOUT_SUM ((arcuate_readout)1)
#define ARCUATE_READOUT_MEAN ((arcuate_readout)2)
#define ARCUATE_READOUT_MAXIMUM ((arcuate_readout)3)
/* Each step is a prediction; the class predicted by most steps counts. */
#define ARCUATE_READOUT_EVERY ((arcuate_readout)4)

/* One loss. Since: 0.2 (0.1: arcuate_train_loss). */
typedef struct arcuate_training_loss {
  size_t struct_size;
  int32_t port; /* output port */
  arcuate_loss kind;
  arcuate_readout readout;
  float weight;     /* factor of the loss */
  int32_t first;    /* first step that counts */
  int32_t step_end; /* step after the last that counts; 0: all from `first` on */
} arcuate_training_loss;

/* Names a node and its surrogate. Since: 0.2. */
typedef struct arcuate_node_surrogate {
  const char *node;
  arcuate_surrogate surrogate;
  float a;
  float b;
} arcuate_node_surrogate;

/* Names a node and the fraction of its outputs that is dropped, 0 ... 0.99, the same outputs at
 * every step of a sample; the others are scaled up. Since: 0.2. */
typedef struct arcuate_node_dropout {
  const char *node;
  float fraction;
} arcuate_node_dropout;

/* Names `count` nodes, at least two, that share the parameters of the first. Since: 0.2. */
typedef struct arcuate_node_group {
  const char *const *nodes;
  size_t count;
} arcuate_node_group;

/* Names the edge between two nodes. Since: 0.2. */
typedef struct arcuate_edge {
  const char *source;
  const char *target;
} arcuate_edge;

/* How a model is trained. Arrays are read when the trainer is created; an array is NULL if its
 * count is 0. Since: 0.2 (0.1: arcuate_train_options and arcuate_recipe). */
typedef struct arcuate_training_options {
  size_t struct_size;
  arcuate_training_mode mode;
  int32_t batch; /* batch size, in samples, 1 ... 65535 */
  int32_t steps; /* steps of a sample, 1 ... 100000 */
  arcuate_sample_input input;
  int32_t threads; /* 1 ... 256 */
  /* 1: the gradient includes the dependence of a membrane's reset on its spike. */
  int32_t through_reset;
  /* 1: gradients stop at every step (truncated backpropagation). */
  int32_t detaches_time;
  /* 1: gradients of the inputs are computed. */
  int32_t input_gradients;
  /* Seconds per step, 1e-12 ... 1e6; 0: the model's. */
  double dt_s;
  /* Seed of all random numbers. */
  uint64_t seed;
  /* Surrogate of the nodes that node_surrogates does not name. */
  arcuate_surrogate surrogate;
  float surrogate_a;
  float surrogate_b;
  /* Weight of a batch in the running statistics of batch normalization, 0 ... 1. */
  float norm_momentum;
  arcuate_optimizer optimizer;
  int32_t nesterov;
  int32_t amsgrad;
  arcuate_schedule schedule;
  float rate;
  float momentum; /* for SGD */
  float beta1;
  float beta2;
  float epsilon;
  /* Weight decay: part of the gradient, or decoupled for ADAMW. */
  float weight_decay;
  /* Largest norm of all gradients together, and largest magnitude of an element; 0: no limit. */
  float clip_norm;
  float clip_value;
  float schedule_factor;
  arcuate_weight_noise weight_noise;
  float noise_sigma;
  /* Steps of a sample, from the first on, in which rules change the fast weights of "PlasticLinear"
   * nodes, at most `steps`; 0: all. It corresponds to a session whose adaptation is turned off
   * after these steps. */
  int32_t plastic_steps;
  int64_t schedule_steps;
  /* Ascending training steps. */
  const int64_t *milestones;
  size_t milestone_count;
  /* Training step at which the noise, decreasing linearly, reaches zero; 0: it does not
   * decrease. */
  int64_t noise_fades_at;
  /* Losses, which are added; the last determines which predictions are correct. With none: the
   * cross-entropy of the sum over the steps of output 0. */
  const arcuate_training_loss *losses;
  size_t loss_count;
  const arcuate_node_surrogate *node_surrogates;
  size_t node_surrogate_count;
  const arcuate_node_dropout *dropouts;
  size_t dropout_count;
  /* Nodes whose parameters are not trained. */
  const char *const *frozen_nodes;
  size_t frozen_node_count;
  /* Parameters of neurons to train: "node.field", or "field" for all nodes. Fields are named as in
   * NIR, such as "tau" and "v_threshold"; those of a neuron program have its names. */
  const char *const *trained_parameters;
  size_t trained_parameter_count;
  const arcuate_node_group *tied_nodes;
  size_t tied_node_count;
  /* Edges that stop gradients. */
  const arcuate_edge *detached_edges;
  size_t detached_edge_count;
} arcuate_training_options;

/* Sets the defaults: direct mode, one sample, one step, input held, one thread, gradient through
 * the reset, box surrogate with a = 0.5 and b = 1, Adam with a rate of 1e-3, betas of 0.9 and 0.999
 * and an epsilon of 1e-8. NULL is ignored. Since: 0.2 (0.1: arcuate_train_options_init). */
ARCUATE_API void arcuate_training_options_init(arcuate_training_options *options);

typedef struct arcuate_trainer arcuate_trainer;

/* Creates a trainer. options: NULL for the defaults. On success the caller owns *trainer; the model
 * may be freed.
 * Status: INVALID_MODEL; CANNOT_COMPILE naming a node that cannot be trained; NOT_FOUND for a name
 * in the options; INVALID_ARGUMENT naming the option; SHAPE_MISMATCH, OUT_OF_MEMORY. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_create(
    const arcuate_model *model, const arcuate_training_options *options, arcuate_trainer **trainer,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
/* Frees a trainer and ends its threads. NULL is ignored. */
ARCUATE_API void arcuate_trainer_free(arcuate_trainer *trainer);

/* Message of the last failed call among those without an `error` parameter; "" if none failed. */
ARCUATE_API const char *arcuate_trainer_last_error(const arcuate_trainer *trainer);

/* Number of input ports and of output ports, in the order of the model; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_input_count(const arcuate_trainer *trainer);
ARCUATE_API size_t arcuate_trainer_output_count(const arcuate_trainer *trainer);
/* Numbers per sample of an input, with ARCUATE_SAMPLE_INPUT_EVERY for all steps; 0 if `port` is out
 * of range. */
ARCUATE_API size_t arcuate_trainer_input_size(const arcuate_trainer *trainer, size_t port);
/* Numbers per sample and step of an output; 0 if `port` is out of range. */
ARCUATE_API size_t arcuate_trainer_output_size(const arcuate_trainer *trainer, size_t port);
/* Steps per sample of the outputs: those of the options, or 1 in tandem mode; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_output_steps(const arcuate_trainer *trainer);
/* Batch size, in samples; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_batch(const arcuate_trainer *trainer);

/* What a loss compares its output with: a class per sample; or, with labels NULL, targets of
 * [count][output size], or for ARCUATE_READOUT_EVERY also of [count][steps][output size].
 * Since: 0.2. */
typedef struct arcuate_target {
  const int32_t *labels;
  const float *targets;
  size_t target_count;
} arcuate_target;

/* Samples and their targets. */
typedef struct arcuate_samples {
  size_t struct_size;
  size_t count;
  /* inputs[p] holds input_counts[p] numbers, [count][input size]. */
  const float *const *inputs;
  const size_t *input_counts;
  /* A class per sample; or NULL, and targets of [count][output size], or for ARCUATE_READOUT_EVERY
   * also of [count][steps][output size]. */
  const int32_t *labels;
  const float *targets;
  size_t target_count;
  /* With several losses: a target for each, in their order, while labels and targets are NULL. If
   * loss_target_count is 0, all losses have the same. Since: 0.2. */
  const arcuate_target *loss_targets;
  size_t loss_target_count;
} arcuate_samples;

/* Since: 0.2 (0.1: arcuate_train_result). */
typedef struct arcuate_training_result {
  size_t struct_size;
  double loss;          /* mean over the samples */
  double gradient_norm; /* norm of all gradients together, before clipping; 0 if not computed */
  uint64_t correct;     /* samples whose largest prediction is that of their label */
  uint64_t samples;
  uint64_t spikes;    /* of all neurons */
  uint64_t additions; /* synaptic operations of spikes */
  uint64_t products;  /* synaptic operations of other values */
} arcuate_training_result;

/* Performs one training step on a full batch. result: NULL, or with struct_size set.
 * Status: INVALID_ARGUMENT for NULL, a label out of range and numbers that are not finite;
 * SHAPE_MISMATCH; INVALID_STATE naming the node and the step if the loss, a gradient or a number
 * that the step changes would not be finite. If it fails, parameters, running statistics and the
 * optimizer are those of before.
 * Since: 0.2 (0.1: arcuate_trainer_learn). */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_train_step(
    arcuate_trainer *trainer, const arcuate_samples *samples, arcuate_training_result *result)
    ARCUATE_NONNULL(1, 2);
/* Computes the gradients of a full batch without an optimizer step. Otherwise like
 * arcuate_trainer_train_step. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_gradients(
    arcuate_trainer *trainer, const arcuate_samples *samples, arcuate_training_result *result)
    ARCUATE_NONNULL(1, 2);
/* Computes the loss of at most one batch of samples. Otherwise like arcuate_trainer_train_step. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_evaluate(
    arcuate_trainer *trainer, const arcuate_samples *samples, arcuate_training_result *result)
    ARCUATE_NONNULL(1, 2);
/* Computes the outputs for at most one batch of samples, whose labels and targets are ignored.
 * outputs[p] receives output_counts[p] numbers, exactly [count][steps][size]; it is NULL to skip a
 * port. Status: those of arcuate_trainer_train_step, and BUFFER_SIZE. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_predict(
    arcuate_trainer *trainer, const arcuate_samples *samples, float *const *outputs,
    const size_t *output_counts) ARCUATE_NONNULL(1, 2, 3, 4);

/* Number of samples in the last batch of arcuate_trainer_train_step, _gradients or _evaluate; 0 if
 * there was none, or if it failed. Since: 0.2. */
ARCUATE_API size_t arcuate_trainer_sample_count(const arcuate_trainer *trainer);
/* Copies the loss of each sample of that batch, of which the result's loss is the mean. count:
 * exactly the number of samples. Status: BUFFER_SIZE, INVALID_STATE if there is no such batch.
 * Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_read_sample_losses(
    const arcuate_trainer *trainer, double *losses, size_t count, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Copies an output of that batch, [samples][steps][output size], as the losses saw it: before the
 * step, and with the dropout and statistics of training. count: exactly that many.
 * Status: BUFFER_SIZE, INVALID_ARGUMENT, INVALID_STATE if there is no such batch. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_read_output(
    const arcuate_trainer *trainer, size_t port, float *values, size_t count, arcuate_error **error)
    ARCUATE_NONNULL(1, 3);

/* Number of training steps performed. */
ARCUATE_API uint64_t arcuate_trainer_step(const arcuate_trainer *trainer);
/* Rate of the next step, including schedule and factor. */
ARCUATE_API double arcuate_trainer_rate(const arcuate_trainer *trainer);
/* Multiplier of the rate, 1 initially, for schedules such as reduce-on-plateau. */
ARCUATE_API double arcuate_trainer_rate_factor(const arcuate_trainer *trainer);
/* Sets the multiplier. Status: INVALID_ARGUMENT if it is negative or not finite. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_trainer_set_rate_factor(arcuate_trainer *trainer, double factor) ARCUATE_NONNULL(1);

/* Number of parameters, in the order of the model, including untrained ones; parameters that nodes
 * share count once. */
ARCUATE_API size_t arcuate_trainer_parameter_count(const arcuate_trainer *trainer);
/* Name of a parameter, "node.field", with the first node that shares it; NULL if the index is out
 * of range. */
ARCUATE_API const char *
arcuate_trainer_parameter_name(const arcuate_trainer *trainer, size_t index);
/* Number of values in a parameter; 0 if the index is out of range. */
ARCUATE_API size_t arcuate_trainer_parameter_size(const arcuate_trainer *trainer, size_t index);
/* Writes up to `capacity` extents of a parameter's shape and returns the rank; 0 if the index is
 * out of range. */
ARCUATE_API size_t arcuate_trainer_parameter_shape(
    const arcuate_trainer *trainer, size_t index, size_t *extents, size_t capacity);
/* 1 if the parameter is trained, else 0. Since: 0.2 (0.1: arcuate_trainer_parameter_learns). */
ARCUATE_API int32_t
arcuate_trainer_parameter_is_trained(const arcuate_trainer *trainer, size_t index);
/* Index of a parameter; -1 if there is none of that name. */
ARCUATE_API int64_t
arcuate_trainer_find_parameter(const arcuate_trainer *trainer, const char *name);
/* Copies a parameter, or its gradient of the last batch, in the order of the model. count: exactly
 * the parameter's size. Status: INVALID_ARGUMENT, BUFFER_SIZE. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_read_parameter(
    const arcuate_trainer *trainer, size_t index, float *values, size_t count,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_read_gradient(
    const arcuate_trainer *trainer, size_t index, float *values, size_t count,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
/* Replaces a parameter. count: exactly its size.
 * Status: BUFFER_SIZE; INVALID_ARGUMENT, also for numbers that are not finite. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_write_parameter(
    arcuate_trainer *trainer, size_t index, const float *values, size_t count,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
/* Copies the gradient of an input of the last batch, [batch][input size]. count: exactly that many.
 * Status: INVALID_STATE without the option input_gradients, INVALID_ARGUMENT, BUFFER_SIZE. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_read_input_gradient(
    const arcuate_trainer *trainer, size_t port, float *values, size_t count, arcuate_error **error)
    ARCUATE_NONNULL(1, 3);

/* Creates a model with the current parameters; in tandem mode the artificial one. On success the
 * caller owns *model. Status: INVALID_ARGUMENT, OUT_OF_MEMORY. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status
arcuate_trainer_model(const arcuate_trainer *trainer, arcuate_model **model, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Creates the spiking model with the current parameters, whose metadata states how it is run: the
 * last output of a frame is what arcuate_trainer_predict computes, up to rounding. In tandem mode
 * batch normalization is folded, ReLUs are integrate-and-fire neurons that start with their bias,
 * and the outputs are potentials; in direct mode it is the trained model. On success the caller
 * owns *model. Status: INVALID_ARGUMENT, INVALID_MODEL, OUT_OF_MEMORY. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_spiking_model(
    const arcuate_trainer *trainer, arcuate_model **model, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

/* Writes a checkpoint, everything that training has changed, with a note of the caller's, which may
 * be NULL. The file is replaced as a whole or left unchanged.
 * Status: CANNOT_WRITE, LIMIT_EXCEEDED, INVALID_ARGUMENT; INVALID_STATE for a number that is not
 * finite. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_save(
    const arcuate_trainer *trainer, const char *path, const char *note, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Restores a checkpoint of a trainer with the same model and options, except for the number of
 * threads: later steps give the bits they would have given.
 * Status: CANNOT_OPEN, TRUNCATED, MALFORMED, UNSUPPORTED_FORMAT, LIMIT_EXCEEDED; INVALID_STATE for
 * a checkpoint of another model or other options, naming the difference. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_trainer_restore(
    arcuate_trainer *trainer, const char *path, arcuate_error **error) ARCUATE_NONNULL(1, 2);
/* Note of the last checkpoint that was restored; "" if none was. */
ARCUATE_API const char *arcuate_trainer_note(const arcuate_trainer *trainer);

/* Writes the order in which `count` samples are used in an epoch: a permutation of 0 ... count - 1,
 * the same in every language for the same seed. count: at most 2^32 - 1; epoch: at most 2^63 - 1.
 * Status: INVALID_ARGUMENT. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_sample_order(
    size_t count, uint64_t epoch, uint64_t seed, uint64_t *order) ARCUATE_NONNULL(4);

#ifdef __cplusplus
}
#endif

#endif
