/* Invalid options of quantization, conversion and plasticity: a status, never a crash. */
#include <math.h>

#include "refused.h"

/* 2 inputs -> ReLU -> 1 output, all weights 0.5: a safetensors file. */
static arcuate_model *open_rectifier(void) {
  static const char graph[] =
      "{\"__metadata__\":{\"arcuate.format\":\"1\",\"arcuate.model\":\"{\\\"nodes\\\":["
      "{\\\"name\\\":\\\"in\\\",\\\"kind\\\":\\\"Input\\\",\\\"shape\\\":[2]},"
      "{\\\"name\\\":\\\"w\\\",\\\"kind\\\":\\\"Linear\\\",\\\"weight\\\":\\\"a\\\"},"
      "{\\\"name\\\":\\\"relu\\\",\\\"kind\\\":\\\"ReLU\\\"},"
      "{\\\"name\\\":\\\"v\\\",\\\"kind\\\":\\\"Linear\\\",\\\"weight\\\":\\\"b\\\"},"
      "{\\\"name\\\":\\\"out\\\",\\\"kind\\\":\\\"Output\\\",\\\"shape\\\":[1]}],"
      "\\\"edges\\\":[[\\\"in\\\",\\\"w\\\"],[\\\"w\\\",\\\"relu\\\"],"
      "[\\\"relu\\\",\\\"v\\\"],[\\\"v\\\",\\\"out\\\"]]}\"},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}}";
  static const float weights[] = {0.5f, 0.5f, 0.5f};
  unsigned char file[8 + sizeof graph + sizeof weights];
  const uint64_t length = sizeof graph - 1;
  for (int i = 0; i < 8; i++) file[i] = (unsigned char)(length >> 8 * i);
  memcpy(file + 8, graph, length);
  memcpy(file + 8 + length, weights, sizeof weights);
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_from_memory(file, 8 + length + sizeof weights, NULL, &model, &error))
    fprintf(stderr, "%s\n", arcuate_error_message(error));
  CHECK(model != NULL);
  return model;
}

/* Invalid options of a conversion, and the report of a valid one. */
static void conversion(const char *path) {
  arcuate_model *model = open_rectifier(), *spiking = open_digits(path), *made = NULL;
  arcuate_conversion_options options;
  arcuate_compile_options compiling;
  arcuate_error *error = NULL;
  float x[] = {1, 1, 0.5f, 0};
  const float *inputs[] = {x}, *none[] = {NULL};
  size_t counts[] = {4}, odd[] = {3}, huge[] = {SIZE_MAX};
  arcuate_compile_options_init(&compiling);
  REFUSED(arcuate_model_convert(model, NULL, NULL, NULL));
  REFUSED(arcuate_model_convert(model, NULL, &made, NULL)); /* no frames */
  CHECK(arcuate_model_conversion(model) == NULL);
  CHECK(arcuate_model_converted_count(model) == 0);

#define WITH_FIELD(field, value)             \
  arcuate_conversion_options_init(&options); \
  options.frames = 2;                        \
  options.inputs = inputs;                   \
  options.input_counts = counts;             \
  options.compile = &compiling;              \
  options.field = (value)
#define REFUSED_WITH(field, value) \
  WITH_FIELD(field, value);        \
  REFUSED(arcuate_model_convert(model, &options, &made, NULL))
  static const size_t sizes[] = {0, 1, sizeof options - 1, 5000, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    REFUSED_WITH(struct_size, sizes[i]);
  }
  static const int32_t wrong[] = {-1, 3, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED_WITH(balancing, wrong[i]);
    REFUSED_WITH(input, wrong[i]);
    REFUSED_WITH(bias, wrong[i]);
    REFUSED_WITH(max_pooling, wrong[i]);
    REFUSED_WITH(readout, wrong[i]);
    REFUSED_WITH(strict, wrong[i]);
    REFUSED_WITH(separate_scales, wrong[i]);
  }
  REFUSED_WITH(steps, -1);
  REFUSED_WITH(steps, 1000001);
  REFUSED_WITH(input, ARCUATE_CONVERSION_INPUT_SINGLE_SHOT); /* without steps */
  REFUSED_WITH(bias, ARCUATE_CONVERSION_BIAS_ONCE);
  static const double nonsense[] = {-1, NAN, INFINITY, 1e30};
  for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
    REFUSED_WITH(percentile, nonsense[i]);
    WITH_FIELD(balancing, ARCUATE_BALANCING_SPIKE_NORM);
    options.factor = nonsense[i];
    REFUSED(arcuate_model_convert(model, &options, &made, NULL));
    if (i > 0) {
      REFUSED_WITH(initial_potential, nonsense[i]);
    }
  }
  REFUSED_WITH(frames, SIZE_MAX);
  WITH_FIELD(frames, (size_t)1 << 32);
  CHECK(arcuate_model_convert(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  REFUSED_WITH(inputs, NULL);
  REFUSED_WITH(inputs, none);
  REFUSED_WITH(input_counts, NULL);
  WITH_FIELD(input_counts, odd);
  CHECK(arcuate_model_convert(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  WITH_FIELD(input_counts, huge);
  CHECK(arcuate_model_convert(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  x[3] = NAN;
  REFUSED_WITH(frames, 2);
  x[3] = 0;
  WITH_FIELD(frames, 0);
  options.balancing = ARCUATE_BALANCING_MODEL;
  CHECK(arcuate_model_convert(spiking, &options, &made, &error) == ARCUATE_ERROR_INVALID_MODEL);
  CHECK(strstr(arcuate_error_message(error), "IF") != NULL);
  arcuate_error_free(error);
  CHECK(made == NULL);
  arcuate_model_free(spiking);

  WITH_FIELD(percentile, 100);
  CHECK(arcuate_model_convert(model, &options, &made, NULL) == ARCUATE_SUCCESS);
  const char *table = arcuate_model_conversion(made);
  CHECK(table != NULL && strstr(table, "on 2 frames") != NULL);
  CHECK(arcuate_model_converted_count(made) == 1);
  arcuate_converted_layer layer;
  memset(&layer, 0, sizeof layer);
  REFUSED(arcuate_model_converted_layer(made, 0, &layer));
  layer.struct_size = sizeof layer;
  REFUSED(arcuate_model_converted_layer(made, 1, &layer));
  REFUSED(arcuate_model_converted_layer(made, SIZE_MAX, &layer));
  REFUSED(arcuate_model_converted_layer(made, 0, NULL));
  CHECK(arcuate_model_converted_layer(made, 0, &layer) == ARCUATE_SUCCESS);
  CHECK(strcmp(layer.name, "relu") == 0 && layer.neurons == 1);
  CHECK(layer.scale == 1 && layer.largest == 1);
  arcuate_model *copy = arcuate_model_copy(made);
  arcuate_model_free(made);
  CHECK(arcuate_model_converted_count(copy) == 1);

  arcuate_conversion_loss_options losing;
  arcuate_conversion_loss loss;
  memset(&loss, 0, sizeof loss);
  loss.struct_size = sizeof loss;
  double rates[2] = {-1, -1};
  static const int32_t labels[] = {0, 0}, beyond[] = {0, 1}, below[] = {0, -1};
#define LOSS(field, value)                                                                         \
  (arcuate_conversion_loss_options_init(&losing), losing.frames = 2, losing.inputs = inputs,       \
   losing.input_counts = counts, losing.steps = 4, losing.labels = labels, losing.field = (value), \
   arcuate_model_conversion_loss(model, copy, &losing, &loss, rates, 2, NULL))
  REFUSED(LOSS(steps, 0));
  REFUSED(LOSS(steps, 1000001));
  REFUSED(LOSS(labels, beyond));
  REFUSED(LOSS(labels, below));
  CHECK(LOSS(frames, 0) == ARCUATE_ERROR_BUFFER_SIZE); /* for numbers of two */
  REFUSED(LOSS(frames, SIZE_MAX));
  REFUSED(LOSS(inputs, NULL));
  REFUSED(LOSS(struct_size, 3));
  CHECK(LOSS(input_counts, odd) == ARCUATE_ERROR_BUFFER_SIZE);
  REFUSED(arcuate_model_conversion_loss(model, NULL, &losing, &loss, rates, 2, NULL));
  REFUSED(arcuate_model_conversion_loss(model, copy, NULL, &loss, rates, 2, NULL));
  CHECK(rates[0] == -1 && loss.frames == 0);
  CHECK(LOSS(steps, 4) == ARCUATE_SUCCESS);
  CHECK(loss.frames == 2 && loss.layers == 1 && loss.accuracy == 1 && loss.agreement == 1);
  CHECK(loss.output_error == 0 && loss.artificial_macs == 3);
  /* A current of 1 and one of a quarter: 4 and 1 spikes. */
  CHECK(loss.spikes == 2.5 && rates[0] == 0.625 && rates[1] == -1);
  REFUSED(arcuate_model_conversion_loss(model, copy, &losing, NULL, rates, 2, NULL));
  REFUSED(arcuate_model_conversion_loss(model, copy, &losing, &loss, NULL, 2, NULL));
  REFUSED(arcuate_model_conversion_loss(model, copy, &losing, &loss, rates, SIZE_MAX, NULL));
  CHECK(arcuate_model_conversion_loss(model, copy, &losing, &loss, NULL, 0, NULL) ==
        ARCUATE_SUCCESS);
  loss.struct_size = 3;
  REFUSED(arcuate_model_conversion_loss(model, copy, &losing, &loss, rates, 2, NULL));
  arcuate_model_free(copy);
  arcuate_model_free(model);
}

/* Rules that do not fit a node, and signals that do not fit a rule: the state is unchanged.
 */
static void plasticity(const char *path) {
  static float x[INPUTS], y[OUTPUTS], weights[1 << 16];
  static char before[1 << 20], after[1 << 20];
  draw(x, INPUTS, 9);
  arcuate_model *model = open_digits(path), *made = NULL;
  arcuate_error *error = NULL;
  const char *last = NULL, *post = NULL;
  for (size_t i = 0; i < arcuate_model_node_count(model); i++) {
    const char *kind = arcuate_model_node_kind(model, i);
    const char *name = arcuate_model_node_name(model, i);
    if (strcmp(name, "output_weights") == 0) last = name;
    if (strcmp(kind, "I") == 0) post = name;
  }
  CHECK(last != NULL && post != NULL);
  char rule[512], node[64], other[64];
  snprintf(node, sizeof node, "%s", last);
  snprintf(other, sizeof other, "%s", post);
  snprintf(rule, sizeof rule,
           "{\"post\": \"%s\", \"terms\": [{\"event\": \"step\", \"pre\": \"value\", \"post\": "
           "\"one\", \"rate\": 0.01}], \"modulator\": {\"error\": \"%s\", \"teacher\": \"label\"}, "
           "\"map\": \"each\"}",
           other, other);
  REFUSED(arcuate_model_set_rule(model, NULL, rule, NULL));
  REFUSED(arcuate_model_set_rule(model, node, NULL, NULL));
  CHECK(arcuate_model_set_rule(model, "nobody", rule, NULL) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_model_set_rule(model, other, rule, &error) == ARCUATE_ERROR_INVALID_MODEL);
  CHECK(strstr(arcuate_error_message(error), "is frozen") != NULL);
  arcuate_error_free(error);
  static const char *const broken[] = {"",
                                       "{",
                                       "[]",
                                       "{\"post\": 3}",
                                       "{\"post\": \"x\"}",
                                       "{\"post\": \"x\", \"terms\": [1]}",
                                       "{\"post\": \"x\", \"terms\": [], \"colour\": 1}"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    CHECK(arcuate_model_set_rule(model, node, broken[i], NULL) == ARCUATE_ERROR_MALFORMED);
  }
  CHECK(arcuate_model_set_rule(model, node, rule, NULL) == ARCUATE_SUCCESS);
  REFUSED(arcuate_model_freeze(model, NULL, NULL));
  CHECK(arcuate_model_freeze(model, &made, NULL) == ARCUATE_SUCCESS);
  arcuate_model_free(made);

  arcuate_compile_options options;
  arcuate_compile_options_init(&options);
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  CHECK(arcuate_plan_create(model, &options, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_plan_signal_count(plan) == 1 && arcuate_plan_signal_size(plan, 0) == OUTPUTS);
  CHECK(strcmp(arcuate_plan_signal_name(plan, 0), "label") == 0);
  CHECK(arcuate_plan_signal_name(plan, SIZE_MAX) == NULL && arcuate_plan_signal_size(plan, 1) == 0);
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  size_t size = arcuate_session_snapshot_size(session);
  CHECK(size <= sizeof before);
  CHECK(arcuate_session_save(session, before, size, NULL) == ARCUATE_SUCCESS);

  float values[OUTPUTS] = {0};
  REFUSED(arcuate_session_set_adapting(session, 2));
  REFUSED(arcuate_session_set_rate_factor(session, NAN));
  REFUSED(arcuate_session_set_signal(session, NULL, values, OUTPUTS));
  REFUSED(arcuate_session_set_signal(session, "label", NULL, OUTPUTS));
  REFUSED(arcuate_session_set_signal(session, "label", values, SIZE_MAX));
  CHECK(arcuate_session_set_signal(session, "label", values, OUTPUTS - 1) ==
        ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_session_set_signal(session, "reward", values, 1) == ARCUATE_ERROR_NOT_FOUND);
  values[3] = NAN;
  REFUSED(arcuate_session_set_signal(session, "label", values, OUTPUTS));
  CHECK(strstr(arcuate_session_last_error(session), "number 3 is not finite") != NULL);
  static const int64_t wrong[] = {-1, OUTPUTS, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED(arcuate_session_set_label(session, "label", 0, wrong[i], 1, 0));
    CHECK(strstr(arcuate_session_last_error(session), "is not within 0 ..< 10") != NULL);
  }
  REFUSED(arcuate_session_set_label(session, "label", 1, 0, 1, 0));
  REFUSED(arcuate_session_set_label(session, "label", SIZE_MAX, 0, 1, 0));
  REFUSED(arcuate_session_set_label(session, "label", 0, 0, NAN, 0));
  CHECK(arcuate_session_clear_signal(session, "x") == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_session_adapted_size(session, other, ARCUATE_ADAPTED_SLOW) == 0);
  CHECK(arcuate_session_adapted_size(session, node, ARCUATE_ADAPTED_FAST) == 0);
  size_t count = arcuate_session_adapted_size(session, node, ARCUATE_ADAPTED_SLOW);
  CHECK(count > 0 && count <= sizeof weights / sizeof *weights);
  REFUSED(arcuate_session_read_adapted(session, node, 7, weights, count, NULL));
  REFUSED(arcuate_session_read_adapted(session, node, 0, NULL, count, NULL));
  CHECK(arcuate_session_read_adapted(session, node, 0, weights, count - 1, NULL) ==
        ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_session_read_adapted(session, other, 0, weights, count, NULL) ==
        ARCUATE_ERROR_NOT_FOUND);
  REFUSED(arcuate_session_adapted_model(session, NULL, NULL));
  CHECK(arcuate_session_save(session, after, size, NULL) == ARCUATE_SUCCESS);
  CHECK(memcmp(before, after, size) == 0);

  /* And what is right: it learns, keeps it over a reset, and forgets. */
  CHECK(arcuate_session_set_adapting(session, 1) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_adapting(session) == 1);
  CHECK(arcuate_session_set_label(session, "label", 0, 3, 1, 0) == ARCUATE_SUCCESS);
  const float *inputs[] = {x};
  float *outputs[] = {y}, first = 0;
  size_t in[] = {INPUTS}, out[] = {OUTPUTS};
  for (int s = 0; s < 60; s++) {
    CHECK(arcuate_session_step(session, inputs, in, outputs, out) == ARCUATE_SUCCESS);
    if (s == 20) first = y[3];
  }
  CHECK(y[3] != first);
  CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_adapted_model(session, &made, NULL) == ARCUATE_SUCCESS);
  arcuate_model_free(made);
  CHECK(arcuate_session_forget(session) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_normalize(session) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_consolidate(session) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_clear_signal(session, "label") == ARCUATE_SUCCESS);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_model_free(model);
}

/* Invalid options of a quantization, and the report of a valid one. */
static void quantization(const char *path) {
  arcuate_model *model = open_digits(path), *made = NULL;
  arcuate_error *error = NULL;
  arcuate_quantization_options options;
  arcuate_compile_options compiling;
  static float x[2 * INPUTS];
  draw(x, 2 * INPUTS, 5);
  const float *inputs[] = {x}, *none[] = {NULL};
  size_t counts[] = {2 * INPUTS}, odd[] = {INPUTS}, huge[] = {SIZE_MAX};
  REFUSED(arcuate_model_quantize(model, NULL, NULL, NULL));
  REFUSED(arcuate_model_dequantize(model, NULL, NULL));
  CHECK(arcuate_model_quantization(model) == NULL);
  CHECK(arcuate_model_quantized_count(model) == 0);

#define WITH(field, value)                     \
  arcuate_quantization_options_init(&options); \
  options.frames = 2;                          \
  options.inputs = inputs;                     \
  options.input_counts = counts;               \
  options.compile = &compiling;                \
  options.field = (value)
  arcuate_compile_options_init(&compiling);
  static const size_t sizes[] = {0, 1, sizeof options - 1, 5000, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    WITH(struct_size, sizes[i]);
    REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  }
  static const int32_t wrong[] = {-1, 3, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    WITH(element, wrong[i]);
    REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
    WITH(keep_first, wrong[i]);
    REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
    WITH(keep_last, wrong[i]);
    REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
    WITH(keep_batch_norm, wrong[i]);
    REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  }
  WITH(element, ARCUATE_ELEMENT_FLOAT32);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  static const char *const nothing[] = {NULL}, *const odd_name[] = {"\xff"},
                           *const unknown[] = {"hidden1", "hidden9"};
  WITH(keep_count, 1);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(keep_count, SIZE_MAX);
  options.keep = unknown;
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(keep_count, 1);
  options.keep = nothing;
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  options.keep = odd_name;
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(keep_count, 2);
  options.keep = unknown;
  CHECK(arcuate_model_quantize(model, &options, &made, &error) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(strstr(arcuate_error_message(error), "hidden9") != NULL);
  arcuate_error_free(error);

  WITH(frames, SIZE_MAX);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(frames, SIZE_MAX / 2);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(frames, (size_t)1 << 32);
  CHECK(arcuate_model_quantize(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  WITH(inputs, NULL);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(inputs, none);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(input_counts, NULL);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  WITH(input_counts, odd);
  CHECK(arcuate_model_quantize(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  WITH(input_counts, huge);
  CHECK(arcuate_model_quantize(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  x[INPUTS + 3] = NAN;
  WITH(frames, 2);
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  x[INPUTS + 3] = 0;
  compiling.batch = -1;
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  compiling.batch = 2;
  CHECK(arcuate_model_quantize(model, &options, &made, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  compiling.struct_size = 3;
  REFUSED(arcuate_model_quantize(model, &options, &made, NULL));
  CHECK(made == NULL);

  arcuate_compile_options_init(&compiling);
  compiling.steps_per_frame = 10;
  compiling.frame_state = ARCUATE_FRAME_STATE_RESET;
  WITH(keep_count, 1);
  options.keep = unknown;
  CHECK(arcuate_model_quantize(model, &options, &made, NULL) == ARCUATE_SUCCESS);
  const char *table = arcuate_model_quantization(made);
  CHECK(table != NULL && strstr(table, "2 frames, 20 steps") != NULL);
  CHECK(arcuate_model_quantized_count(made) == 3);
  arcuate_quantized_node node;
  memset(&node, 0, sizeof node);
  REFUSED(arcuate_model_quantized_node(made, 0, &node));
  node.struct_size = sizeof node;
  REFUSED(arcuate_model_quantized_node(made, 3, &node));
  REFUSED(arcuate_model_quantized_node(made, SIZE_MAX, &node));
  REFUSED(arcuate_model_quantized_node(made, 0, NULL));
  for (size_t i = 0; i < 3; i++) {
    CHECK(arcuate_model_quantized_node(made, i, &node) == ARCUATE_SUCCESS);
    int kept = strcmp(node.name, "hidden1") == 0;
    CHECK(node.before == ARCUATE_ELEMENT_FLOAT32 && node.struct_size == sizeof node);
    CHECK(node.after == (kept ? ARCUATE_ELEMENT_FLOAT32 : ARCUATE_ELEMENT_INT8));
    CHECK(node.bytes_before == 4 * node.weights);
    CHECK(kept ? isnan(node.output_error) && node.weight_error == 0
               : node.output_error <= node.uncalibrated_output_error && node.weight_error > 0 &&
                     node.bytes_after < node.bytes_before / 3);
  }
  arcuate_model *copy = arcuate_model_copy(made), *wide = NULL;
  arcuate_model_free(made);
  CHECK(arcuate_model_quantized_count(copy) == 3);
  CHECK(arcuate_model_dequantize(copy, &wide, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_quantization(wide) == NULL && arcuate_model_node_count(wide) == 8);
  arcuate_model_free(wide);
  arcuate_model_free(copy);
  made = NULL;
  CHECK(arcuate_model_quantize(model, NULL, &made, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_quantized_node(made, 0, &node) == ARCUATE_SUCCESS);
  CHECK(node.after == ARCUATE_ELEMENT_INT8 && isnan(node.output_error));
  arcuate_model_free(made);
  arcuate_model_free(model);
#undef WITH
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  quantization(arguments[1]);
  conversion(arguments[1]);
  plasticity(arguments[1]);
  puts("invalid options are refused");
  return 0;
}
