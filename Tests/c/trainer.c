/* Training from C: what is refused, that refusals change nothing, checkpoints, and that the loss
 * decreases. */
#include <math.h>

#include "refused.h"

enum { WIDTH = 6, CLASSES = 3, BATCH = 12, STEPS = 5 };

static const char layers[] =
    "{\"input\": [6], \"seed\": 3, \"layers\": [{\"kind\": \"linear\", \"name\": \"a\", \"size\": "
    "16},"
    "{\"kind\": \"lif\", \"name\": \"n\", \"beta\": 0.9}, {\"kind\": \"linear\", \"name\": \"b\", "
    "\"size\": 3},"
    "{\"kind\": \"li\", \"name\": \"o\", \"beta\": 0.9}]}";

static arcuate_model *network(void) {
  arcuate_model *model = NULL;
  CHECK(arcuate_model_from_memory(layers, sizeof layers - 1, NULL, &model, NULL) == 0);
  return model;
}

static arcuate_training_options usual(void) {
  arcuate_training_options options;
  arcuate_training_options_init(&options);
  CHECK(options.struct_size == sizeof options && options.batch == 1 && options.rate > 0);
  options.batch = BATCH;
  options.steps = STEPS;
  options.rate = 1e-2f;
  options.surrogate = ARCUATE_SURROGATE_FAST_SIGMOID;
  options.surrogate_a = 5;
  options.input_gradients = 1;
  return options;
}

static arcuate_status create(const arcuate_training_options *options, arcuate_trainer **trainer,
                             arcuate_error **error) {
  arcuate_model *model = network();
  arcuate_status status = arcuate_trainer_create(model, options, trainer, error);
  arcuate_model_free(model);
  return status;
}

static arcuate_trainer *trainer_of(const arcuate_training_options *options) {
  arcuate_trainer *trainer = NULL;
  CHECK(create(options, &trainer, NULL) == ARCUATE_SUCCESS);
  return trainer;
}

/* Options that are refused, with a message that contains `word`. */
static void refused(const arcuate_training_options *options, const char *word) {
  arcuate_trainer *trainer = NULL;
  arcuate_error *error = NULL;
  CHECK(create(options, &trainer, &error) == ARCUATE_ERROR_INVALID_ARGUMENT && trainer == NULL);
  CHECK(strstr(arcuate_error_message(error), word) != NULL);
  arcuate_error_free(error);
}

static float inputs[BATCH * WIDTH];
static int32_t labels[BATCH];

/* Three classes, each with two elements that are larger. */
static void fill(void) {
  for (int b = 0; b < BATCH; b++) {
    labels[b] = b % CLASSES;
    for (int i = 0; i < WIDTH; i++)
      inputs[b * WIDTH + i] =
          (float)((b * 7 + i * 5) % 11) / 22.0f + (i / 2 == labels[b] ? 0.6f : 0);
  }
}

static arcuate_samples given(const float **ports, size_t *counts) {
  ports[0] = inputs;
  counts[0] = BATCH * WIDTH;
  arcuate_samples samples = {sizeof samples, BATCH, ports, counts, labels, NULL, 0, NULL, 0};
  return samples;
}

static void weights(const arcuate_trainer *trainer, float *values) {
  int64_t index = arcuate_trainer_find_parameter(trainer, "a.weight");
  CHECK(index >= 0 && arcuate_trainer_parameter_size(trainer, (size_t)index) == 16 * WIDTH);
  CHECK(arcuate_trainer_read_parameter(trainer, (size_t)index, values, 16 * WIDTH, NULL) == 0);
}

static void scalars(void) {
  static const char *const fields[] = {"mode",         "batch",        "steps",     "input",
                                       "threads",      "surrogate",    "optimizer", "schedule",
                                       "weight_noise", "plastic_steps"};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    arcuate_training_options options = usual();
    int32_t *values[] = {&options.mode,         &options.batch,    &options.steps,
                         &options.input,        &options.threads,  &options.surrogate,
                         &options.optimizer,    &options.schedule, &options.weight_noise,
                         &options.plastic_steps};
    static const int32_t wrong[] = {-1, INT32_MIN, INT32_MAX};
    for (size_t k = 0; k < 3; k++) {
      *values[i] = wrong[k];
      refused(&options, fields[i]);
    }
  }
  static const float numbers[] = {NAN, INFINITY, -1, 1e38f};
  for (size_t k = 0; k < 4; k++) {
    for (int field = 0; field < 5; field++) {
      arcuate_training_options options = usual();
      float *values[] = {&options.rate, &options.beta1, &options.weight_decay, &options.clip_norm,
                         &options.surrogate_a};
      *values[field] = numbers[k];
      refused(&options, "");
    }
  }
  static const size_t sizes[] = {0, 1, sizeof(arcuate_training_options) - 1, 5000, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    arcuate_training_options options = usual();
    options.struct_size = sizes[i];
    refused(&options, "struct_size");
  }
}

/* Arrays of the options: what is refused names the array; what is right is applied. */
static void arrays(void) {
  arcuate_training_options options = usual();
  static const int64_t milestones[] = {2, 4};
  options.schedule = ARCUATE_SCHEDULE_MILESTONES;
  options.schedule_factor = 0.5f;
  options.milestone_count = 2;
  refused(&options, "milestones is NULL");
  options.milestone_count = SIZE_MAX;
  refused(&options, "milestones");
  options.milestones = milestones;
  options.milestone_count = 2;

#define ARRAY(array, count)             \
  options.count = 1;                    \
  refused(&options, #array " is NULL"); \
  options.count = SIZE_MAX;             \
  refused(&options, #array);            \
  options.count = 0
  ARRAY(losses, loss_count);
  ARRAY(node_surrogates, node_surrogate_count);
  ARRAY(dropouts, dropout_count);
  ARRAY(frozen_nodes, frozen_node_count);
  ARRAY(trained_parameters, trained_parameter_count);
  ARRAY(tied_nodes, tied_node_count);
  ARRAY(detached_edges, detached_edge_count);
#undef ARRAY

  arcuate_node_surrogate surrogate = {"n", 9, 1, 1};
  options.node_surrogates = &surrogate;
  options.node_surrogate_count = 1;
  refused(&options, "surrogate");
  surrogate.surrogate = ARCUATE_SURROGATE_BOX;
  surrogate.a = NAN;
  refused(&options, "surrogate");
  surrogate.surrogate = ARCUATE_SURROGATE_ARCTAN;
  surrogate.a = 2;
  surrogate.node = NULL;
  refused(&options, "node_surrogates[].node is NULL");
  surrogate.node = "\xff";
  refused(&options, "UTF-8");
  surrogate.node = "n";

  arcuate_node_dropout dropout = {"n", 2};
  options.dropouts = &dropout;
  options.dropout_count = 1;
  refused(&options, "dropout");
  dropout.fraction = 0.2f;

  const char *parameters[] = {NULL};
  options.trained_parameters = parameters;
  options.trained_parameter_count = 1;
  refused(&options, "trained_parameters[] is NULL");
  parameters[0] = "n.tau";

  static const char *const nodes[] = {"a", "a"};
  arcuate_node_group group = {NULL, 2};
  options.tied_nodes = &group;
  options.tied_node_count = 1;
  refused(&options, "tied_nodes[].nodes is NULL");
  group.nodes = nodes;
  group.count = 1;
  refused(&options, "at least 2");
  group.count = SIZE_MAX;
  refused(&options, "tied_nodes[].nodes");
  options.tied_node_count = 0;

  arcuate_edge edge = {"a", NULL};
  options.detached_edges = &edge;
  options.detached_edge_count = 1;
  refused(&options, "detached_edges[].target is NULL");
  options.detached_edge_count = 0;

  arcuate_training_loss losses[] = {
      {sizeof *losses, 0, ARCUATE_LOSS_CROSS_ENTROPY, ARCUATE_READOUT_LAST, 1, 0, 0},
      {sizeof *losses, 0, ARCUATE_LOSS_CROSS_ENTROPY, ARCUATE_READOUT_LAST, 1, 5, 0}};
  options.losses = losses;
  options.loss_count = 2; /* the second begins after the last of five steps */
  refused(&options, "window");
  losses[1].first = -1;
  refused(&options, "losses[].first");
  losses[1].first = 3;
  losses[1].step_end = 3;
  refused(&options, "losses[].step_end");
  losses[1].step_end = 0;
  losses[1].kind = 99;
  refused(&options, "losses[].kind");
  losses[1].kind = ARCUATE_LOSS_CROSS_ENTROPY;
  losses[1].struct_size = 0;
  refused(&options, "struct_size");
  losses[0].struct_size = losses[1].struct_size = SIZE_MAX;
  refused(&options, "struct_size");
  losses[0].struct_size = losses[1].struct_size = sizeof *losses;

  arcuate_trainer *trainer = trainer_of(&options);
  CHECK(arcuate_trainer_parameter_is_trained(
            trainer, (size_t)arcuate_trainer_find_parameter(trainer, "n.tau")) == 1);
  arcuate_trainer_free(trainer);
  losses[1].kind = ARCUATE_LOSS_STOCHMAX;
  refused(&options, "");

  options = usual();
  static const char *const frozen[] = {"nobody"};
  options.frozen_nodes = frozen;
  options.frozen_node_count = 1;
  trainer = NULL;
  CHECK(create(&options, &trainer, NULL) == ARCUATE_ERROR_NOT_FOUND && trainer == NULL);
}

static void refusals(void) {
  arcuate_training_options options = usual();
  arcuate_trainer *trainer = trainer_of(&options);
  float before[16 * WIDTH], after[16 * WIDTH];
  weights(trainer, before);
  const float *ports[1];
  size_t counts[1];
  arcuate_training_result result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  CHECK(arcuate_trainer_train_step(trainer, NULL, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  arcuate_samples samples = given(ports, counts);
  labels[4] = CLASSES;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(arcuate_trainer_last_error(trainer), "label 3 of sample 4") != NULL);
  labels[4] = -1;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  fill();
  inputs[WIDTH + 2] = NAN;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(arcuate_trainer_last_error(trainer), "sample 1, element 2") != NULL);
  fill();
  counts[0]--;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_SHAPE_MISMATCH);
  counts[0] = SIZE_MAX;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  counts[0] = BATCH * WIDTH;
  static const size_t sizes[] = {0, 1, BATCH - 1, BATCH + 1, SIZE_MAX, SIZE_MAX / 2};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    samples = given(ports, counts);
    samples.count = sizes[i];
    CHECK(arcuate_trainer_train_step(trainer, &samples, &result) < 0);
  }
  samples = given(ports, counts);
  ports[0] = NULL;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  samples = given(ports, counts);
  samples.labels = NULL;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  samples.targets = inputs;
  samples.target_count = 5;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_SHAPE_MISMATCH);
  samples = given(ports, counts);
  result.struct_size = 3;
  CHECK(arcuate_trainer_train_step(trainer, &samples, &result) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(arcuate_trainer_set_rate_factor(trainer, NAN) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(arcuate_trainer_set_rate_factor(trainer, -1) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(arcuate_trainer_write_parameter(trainer, 0, inputs, 3, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_trainer_write_parameter(trainer, SIZE_MAX, inputs, 3, NULL) < 0);
  CHECK(arcuate_trainer_restore(trainer, "/", NULL) == ARCUATE_ERROR_CANNOT_OPEN);
  CHECK(arcuate_trainer_step(trainer) == 0 && result.samples == 0);
  weights(trainer, after);
  CHECK(memcmp(before, after, sizeof before) == 0);
  arcuate_trainer_free(trainer);
}

static void training(const char *folder) {
  arcuate_training_options options = usual();
  arcuate_trainer *trainer = trainer_of(&options), *other = trainer_of(&options);
  const float *ports[1];
  size_t counts[1];
  arcuate_samples samples = given(ports, counts);
  arcuate_training_result first, last;
  first.struct_size = last.struct_size = sizeof first;
  CHECK(arcuate_trainer_input_count(trainer) == 1 && arcuate_trainer_output_count(trainer) == 1);
  CHECK(arcuate_trainer_input_size(trainer, 0) == WIDTH &&
        arcuate_trainer_input_size(trainer, 1) == 0);
  CHECK(arcuate_trainer_output_size(trainer, 0) == CLASSES);
  CHECK(arcuate_trainer_output_steps(trainer) == STEPS && arcuate_trainer_batch(trainer) == BATCH);
  CHECK(arcuate_trainer_train_step(trainer, &samples, &first) == ARCUATE_SUCCESS);
  CHECK(first.samples == BATCH && first.gradient_norm > 0 && first.loss > 0);
  for (int i = 0; i < 80; i++) CHECK(arcuate_trainer_train_step(trainer, &samples, &last) == 0);
  CHECK(last.loss < first.loss / 4 && last.correct == BATCH);
  CHECK(arcuate_trainer_step(trainer) == 81 && arcuate_trainer_rate(trainer) > 0);
  samples.count = 5;
  counts[0] = 5 * WIDTH;
  CHECK(arcuate_trainer_evaluate(trainer, &samples, &last) == 0 && last.samples == 5);
  double losses[5], sum = 0;
  float answers[5 * STEPS * CLASSES];
  CHECK(arcuate_trainer_sample_count(trainer) == 5);
  CHECK(arcuate_trainer_read_sample_losses(trainer, losses, 5, NULL) == ARCUATE_SUCCESS);
  for (int i = 0; i < 5; i++) sum += losses[i] / 5;
  CHECK(fabs(sum - last.loss) < 1e-6);
  CHECK(arcuate_trainer_read_sample_losses(trainer, losses, 4, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_trainer_read_output(trainer, 0, answers, 5 * STEPS * CLASSES, NULL) == 0);
  CHECK(arcuate_trainer_read_output(trainer, 0, answers, 1, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_trainer_read_output(trainer, 1, answers, 1, NULL) < 0);
  float outputs[5 * STEPS * CLASSES], *buffers[] = {outputs};
  size_t sizes[] = {5 * STEPS * CLASSES};
  CHECK(arcuate_trainer_predict(trainer, &samples, buffers, sizes) == ARCUATE_SUCCESS);
  CHECK(memcmp(outputs, answers, sizeof outputs) == 0);
  sizes[0]--;
  CHECK(arcuate_trainer_predict(trainer, &samples, buffers, sizes) == ARCUATE_ERROR_BUFFER_SIZE);
  samples = given(ports, counts);
  CHECK(arcuate_trainer_gradients(trainer, &samples, &last) == ARCUATE_SUCCESS);
  float gradient[BATCH * WIDTH];
  CHECK(arcuate_trainer_read_input_gradient(trainer, 0, gradient, BATCH * WIDTH, NULL) == 0);
  CHECK(arcuate_trainer_read_input_gradient(trainer, 1, gradient, BATCH * WIDTH, NULL) < 0);
  CHECK(arcuate_trainer_read_gradient(trainer, 0, gradient, 1, NULL) == ARCUATE_ERROR_BUFFER_SIZE);

  char path[4096];
  snprintf(path, sizeof path, "%s/trainer.checkpoint", folder);
  CHECK(arcuate_trainer_set_rate_factor(trainer, 0.5) == ARCUATE_SUCCESS);
  CHECK(arcuate_trainer_save(trainer, path, "{\"epoch\": 3}", NULL) == ARCUATE_SUCCESS);
  CHECK(strcmp(arcuate_trainer_note(other), "") == 0);
  CHECK(arcuate_trainer_restore(other, path, NULL) == ARCUATE_SUCCESS);
  CHECK(strcmp(arcuate_trainer_note(other), "{\"epoch\": 3}") == 0);
  CHECK(arcuate_trainer_rate_factor(other) == 0.5 && arcuate_trainer_step(other) == 81);
  float one[16 * WIDTH], two[16 * WIDTH];
  for (int i = 0; i < 5; i++) {
    CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == 0);
    CHECK(arcuate_trainer_train_step(other, &samples, NULL) == 0);
  }
  weights(trainer, one);
  weights(other, two);
  CHECK(memcmp(one, two, sizeof one) == 0);
  options.beta1 = 0.8f;
  arcuate_trainer *stranger = trainer_of(&options);
  arcuate_error *error = NULL;
  CHECK(arcuate_trainer_restore(stranger, path, &error) == ARCUATE_ERROR_INVALID_STATE);
  CHECK(strstr(arcuate_error_message(error), "betas") != NULL);
  CHECK(arcuate_trainer_step(stranger) == 0);
  arcuate_error_free(error);

  arcuate_model *trained = NULL, *spiking = NULL;
  CHECK(arcuate_trainer_model(trainer, &trained, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_trainer_spiking_model(trainer, &spiking, NULL) == ARCUATE_SUCCESS);
  arcuate_trainer_free(stranger);
  arcuate_trainer_free(other);
  arcuate_trainer_free(trainer);
  CHECK(arcuate_model_node_count(trained) == 6);
  arcuate_model_free(trained);
  arcuate_model_free(spiking);
}

/* A target for each of two losses. */
static void targets(void) {
  arcuate_training_options options = usual();
  arcuate_training_loss both[2] = {
      {sizeof *both, 0, ARCUATE_LOSS_CROSS_ENTROPY, ARCUATE_READOUT_SUM, 1, 0, 0},
      {sizeof *both, 0, ARCUATE_LOSS_MEAN_SQUARE, ARCUATE_READOUT_MEAN, 1, 0, 0}};
  options.losses = both;
  options.loss_count = 2;
  arcuate_trainer *trainer = trainer_of(&options);
  const float *ports[1];
  size_t counts[1];
  float wanted[BATCH * CLASSES] = {0};
  arcuate_samples samples = given(ports, counts);
  arcuate_target own[2] = {{labels, NULL, 0}, {NULL, wanted, BATCH * CLASSES}};
  samples.loss_targets = own;
  samples.loss_target_count = 2;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
  samples.labels = NULL;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_SUCCESS);
  samples.loss_target_count = 3;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
  samples.loss_target_count = SIZE_MAX;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
  samples.loss_target_count = 2;
  own[1].target_count = 7;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_SHAPE_MISMATCH);
  CHECK(strstr(arcuate_trainer_last_error(trainer), "loss 1") != NULL);
  samples.loss_targets = NULL;
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
  arcuate_trainer_free(trainer);
}

static void order(void) {
  uint64_t one[50], two[50], seen[50] = {0};
  CHECK(arcuate_sample_order(50, 3, 7, one) == 0 && arcuate_sample_order(50, 3, 7, two) == 0);
  CHECK(memcmp(one, two, sizeof one) == 0);
  CHECK(arcuate_sample_order(50, 4, 7, two) == 0 && memcmp(one, two, sizeof one) != 0);
  for (int i = 0; i < 50; i++) seen[one[i] % 50]++;
  for (int i = 0; i < 50; i++) CHECK(seen[i] == 1);
  CHECK(arcuate_sample_order(SIZE_MAX, 0, 0, one) < 0 && arcuate_sample_order(3, 0, 0, NULL) < 0);
  CHECK(arcuate_sample_order(3, UINT64_MAX, 0, one) < 0);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  fill();
  scalars();
  arrays();
  refusals();
  training(arguments[2]);
  targets();
  order();
  puts("trainers train");
  return 0;
}
