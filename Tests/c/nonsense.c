/* Every function with NULL, invalid sizes and numbers that are not finite: a status, never a crash,
 * and an unchanged state. symbols.sh checks that no function is missing. */
#include <math.h>

#include "refused.h"

static void nulls(void) {
  arcuate_model *model = NULL;
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  arcuate_probe *probe = NULL;
  arcuate_error *error = NULL;
  float number = 0;
  size_t size = 0;

  CHECK(arcuate_version() > 0);
  CHECK(strcmp(arcuate_status_name(ARCUATE_SUCCESS), "success") == 0);
  CHECK(strcmp(arcuate_status_name(ARCUATE_ERROR_NOT_FOUND), "not found") == 0);
  CHECK(strcmp(arcuate_status_name(ARCUATE_ERROR_BUFFER_SIZE), "buffer size") == 0);
  CHECK(strcmp(arcuate_status_name(12345), "unknown status") == 0);
  CHECK(arcuate_error_status(NULL) == ARCUATE_SUCCESS);
  CHECK(strcmp(arcuate_error_message(NULL), "") == 0);
  arcuate_error_free(NULL);

  CHECK(arcuate_set_allocator(NULL, NULL) == ARCUATE_SUCCESS);
  arcuate_allocator allocator;
  memset(&allocator, 0, sizeof allocator);
  REFUSED(arcuate_set_allocator(&allocator, NULL));
  allocator.struct_size = sizeof allocator;
  REFUSED(arcuate_set_allocator(&allocator, NULL));
  arcuate_set_log(NULL, NULL);

  arcuate_cancel *cancel = NULL;
  REFUSED(arcuate_cancel_create(NULL, NULL, NULL, NULL));
  CHECK(arcuate_cancel_create(NULL, NULL, &cancel, NULL) == ARCUATE_SUCCESS && cancel != NULL);
  arcuate_cancel_watch(NULL);
  arcuate_cancel_watch(cancel);
  arcuate_cancel_watch(cancel);
  arcuate_cancel_request(NULL);
  arcuate_cancel_clear(NULL);
  CHECK(arcuate_cancel_requested(NULL) == 0 && arcuate_cancel_requested(cancel) == 0);
  arcuate_cancel_free(NULL);
  arcuate_cancel_free(cancel);

  arcuate_read_options_init(NULL);
  REFUSED(arcuate_model_open(NULL, NULL, &model, &error));
  CHECK(strstr(arcuate_error_message(error), "path") != NULL && model == NULL);
  arcuate_error_free(error);
  CHECK(arcuate_model_open("x", NULL, NULL, NULL) < 0);
  CHECK(arcuate_model_open("\xff\xfe", NULL, &model, NULL) < 0);
  CHECK(arcuate_model_open("", NULL, &model, NULL) == ARCUATE_ERROR_CANNOT_OPEN);
  CHECK(arcuate_model_open("/", NULL, &model, NULL) == ARCUATE_ERROR_CANNOT_OPEN);
  REFUSED(arcuate_model_from_memory(NULL, 10, NULL, &model, NULL));
  REFUSED(arcuate_model_from_memory("x", SIZE_MAX, NULL, &model, NULL));
  CHECK(arcuate_model_from_memory("x", 0, NULL, &model, NULL) < 0);
  REFUSED(arcuate_model_save(NULL, "x.nir", NULL));
  CHECK(arcuate_model_copy(NULL) == NULL);
  arcuate_model_free(NULL);
  REFUSED(arcuate_model_set_semantics(NULL, "reset", "none", NULL));
  REFUSED(arcuate_model_fold_batch_norm(NULL, NULL));
  CHECK(arcuate_model_dt(NULL) == 0);
  CHECK(arcuate_model_metadata_number(NULL, "latency", 7) == 7);
  CHECK(arcuate_model_node_count(NULL) == 0);
  CHECK(arcuate_model_node_name(NULL, 0) == NULL);
  CHECK(arcuate_model_node_kind(NULL, 0) == NULL);
  CHECK(arcuate_model_finding_count(NULL) == 0);
  CHECK(arcuate_model_finding_severity(NULL, 0) == -1);
  CHECK(arcuate_model_finding_location(NULL, 0) == NULL);
  CHECK(arcuate_model_finding_message(NULL, 0) == NULL);

  REFUSED(arcuate_model_set_program(NULL, "x", "value = x", NULL));
  CHECK(arcuate_model_program(NULL, "x") == NULL);
  CHECK(arcuate_library_program(NULL) == NULL && arcuate_library_program("\xff") == NULL);
  CHECK(arcuate_library_program_name(SIZE_MAX) == NULL);
  REFUSED(arcuate_model_set_parameter(NULL, "x", "a", &number, 1, NULL));

  arcuate_compile_options_init(NULL);
  arcuate_compile_options options;
  REFUSED(arcuate_compile_options_from_model(NULL, &options, NULL));
  REFUSED(arcuate_plan_options(NULL, &options, NULL));
  REFUSED(arcuate_plan_create(NULL, NULL, &plan, NULL));
  arcuate_plan_free(NULL);
  CHECK(arcuate_plan_explain(NULL) == NULL);
  CHECK(arcuate_plan_finding_count(NULL) == 0 && arcuate_plan_finding_severity(NULL, 0) == -1);
  CHECK(arcuate_plan_finding_location(NULL, 0) == NULL);
  CHECK(arcuate_plan_finding_message(NULL, 0) == NULL);
  CHECK(arcuate_plan_dt(NULL) == 0);
  CHECK(arcuate_plan_steps_per_frame(NULL) == 0);
  CHECK(arcuate_plan_batch(NULL) == 0);
  CHECK(arcuate_plan_input_count(NULL) == 0);
  CHECK(arcuate_plan_output_count(NULL) == 0);
  CHECK(arcuate_plan_input_name(NULL, 0) == NULL);
  CHECK(arcuate_plan_output_name(NULL, 0) == NULL);
  CHECK(arcuate_plan_input_size(NULL, 0) == 0);
  CHECK(arcuate_plan_output_size(NULL, 0) == 0);
  CHECK(arcuate_plan_input_shape(NULL, 0, &size, 1) == 0);
  CHECK(arcuate_plan_output_shape(NULL, 0, &size, 1) == 0);
  CHECK(arcuate_plan_node_count(NULL) == 0);
  CHECK(arcuate_plan_node_name(NULL, 0) == NULL);
  CHECK(arcuate_plan_node_kind(NULL, 0) == NULL);
  CHECK(arcuate_plan_node_shape(NULL, 0, &size, 1) == 0);
  CHECK(arcuate_plan_find_node(NULL, "x") == -1);

  arcuate_quantization_options_init(NULL);
  REFUSED(arcuate_model_quantize(NULL, NULL, &model, NULL));
  REFUSED(arcuate_model_dequantize(NULL, &model, NULL));
  CHECK(arcuate_model_quantization(NULL) == NULL);
  CHECK(arcuate_model_quantized_count(NULL) == 0);
  arcuate_quantized_node node;
  node.struct_size = sizeof node;
  REFUSED(arcuate_model_quantized_node(NULL, 0, &node));

  arcuate_conversion_options_init(NULL);
  REFUSED(arcuate_model_convert(NULL, NULL, &model, NULL));
  CHECK(arcuate_model_conversion(NULL) == NULL);
  CHECK(arcuate_model_converted_count(NULL) == 0);
  arcuate_converted_layer layer;
  layer.struct_size = sizeof layer;
  REFUSED(arcuate_model_converted_layer(NULL, 0, &layer));
  arcuate_conversion_loss_options_init(NULL);
  arcuate_conversion_loss loss;
  loss.struct_size = sizeof loss;
  REFUSED(arcuate_model_conversion_loss(NULL, NULL, NULL, &loss, NULL, 0, NULL));

  REFUSED(arcuate_session_create(NULL, &session, NULL));
  arcuate_session_free(NULL);
  REFUSED(arcuate_session_run(NULL, 1, NULL, NULL, NULL, NULL));
  REFUSED(arcuate_session_step(NULL, NULL, NULL, NULL, NULL));
  REFUSED(arcuate_session_run_events(NULL, NULL, 0, 0, NULL, 0, NULL, NULL, NULL));
  CHECK(strcmp(arcuate_session_last_error(NULL), "") == 0);
  REFUSED(arcuate_session_reset(NULL));
  REFUSED(arcuate_session_reset_stream(NULL, 0));
  CHECK(arcuate_session_snapshot_size(NULL) == 0);
  REFUSED(arcuate_session_save(NULL, &number, 4, NULL));
  REFUSED(arcuate_session_restore(NULL, &number, 4, NULL));
  REFUSED(arcuate_session_clone(NULL, &session, NULL));
  arcuate_counters counters;
  counters.struct_size = sizeof counters;
  REFUSED(arcuate_session_counters(NULL, -1, -1, &counters));
  REFUSED(arcuate_session_clear_counters(NULL));
  CHECK(arcuate_session_kernels(NULL, NULL, 0) == 0);

  REFUSED(arcuate_model_set_rule(NULL, "x", "{}", NULL));
  REFUSED(arcuate_model_freeze(NULL, &model, NULL));
  CHECK(arcuate_plan_signal_count(NULL) == 0);
  CHECK(arcuate_plan_signal_name(NULL, 0) == NULL);
  CHECK(arcuate_plan_signal_size(NULL, 0) == 0);
  REFUSED(arcuate_session_set_adapting(NULL, 1));
  REFUSED(arcuate_session_set_rate_factor(NULL, 1));
  CHECK(arcuate_session_adapting(NULL) == 0);
  REFUSED(arcuate_session_set_signal(NULL, "x", &number, 1));
  REFUSED(arcuate_session_set_label(NULL, "x", 0, 0, 1, 0));
  REFUSED(arcuate_session_clear_signal(NULL, "x"));
  REFUSED(arcuate_session_normalize(NULL));
  REFUSED(arcuate_session_consolidate(NULL));
  REFUSED(arcuate_session_forget(NULL));
  CHECK(arcuate_session_adapted_size(NULL, "x", 0) == 0);
  REFUSED(arcuate_session_read_adapted(NULL, "x", 0, &number, 1, NULL));
  REFUSED(arcuate_session_adapted_model(NULL, &model, NULL));

  REFUSED(arcuate_probe_create(NULL, "x", 0, 1, &probe, NULL));
  arcuate_probe_free(NULL);
  CHECK(arcuate_probe_steps(NULL) == 0);
  CHECK(arcuate_probe_missed(NULL) == 0);
  CHECK(arcuate_probe_count(NULL) == 0);
  CHECK(arcuate_probe_size(NULL) == 0);
  REFUSED(arcuate_probe_read(NULL, &number, 1, NULL));
  REFUSED(arcuate_probe_clear(NULL));
  CHECK(model == NULL && plan == NULL && session == NULL && probe == NULL);
}

static void no_trainer(void) {
  arcuate_trainer *trainer = NULL;
  arcuate_model *model = NULL;
  float number = 0;
  double loss = 0;
  size_t extent = 0;
  uint64_t index = 0;
  arcuate_training_options_init(NULL);
  REFUSED(arcuate_trainer_create(NULL, NULL, &trainer, NULL));
  arcuate_trainer_free(NULL);
  CHECK(strcmp(arcuate_trainer_last_error(NULL), "") == 0);
  CHECK(arcuate_trainer_input_count(NULL) == 0 && arcuate_trainer_output_count(NULL) == 0);
  CHECK(arcuate_trainer_input_size(NULL, 0) == 0 && arcuate_trainer_output_size(NULL, 0) == 0);
  CHECK(arcuate_trainer_output_steps(NULL) == 0 && arcuate_trainer_batch(NULL) == 0);
  REFUSED(arcuate_trainer_train_step(NULL, NULL, NULL));
  REFUSED(arcuate_trainer_gradients(NULL, NULL, NULL));
  REFUSED(arcuate_trainer_evaluate(NULL, NULL, NULL));
  REFUSED(arcuate_trainer_predict(NULL, NULL, NULL, NULL));
  CHECK(arcuate_trainer_step(NULL) == 0 && arcuate_trainer_rate(NULL) == 0);
  CHECK(arcuate_trainer_rate_factor(NULL) == 0);
  REFUSED(arcuate_trainer_set_rate_factor(NULL, 1));
  CHECK(arcuate_trainer_parameter_count(NULL) == 0);
  CHECK(arcuate_trainer_parameter_name(NULL, 0) == NULL);
  CHECK(arcuate_trainer_parameter_size(NULL, 0) == 0);
  CHECK(arcuate_trainer_parameter_shape(NULL, 0, &extent, 1) == 0);
  CHECK(arcuate_trainer_parameter_is_trained(NULL, 0) == 0);
  CHECK(arcuate_trainer_find_parameter(NULL, "x") == -1);
  REFUSED(arcuate_trainer_read_parameter(NULL, 0, &number, 1, NULL));
  REFUSED(arcuate_trainer_read_gradient(NULL, 0, &number, 1, NULL));
  REFUSED(arcuate_trainer_write_parameter(NULL, 0, &number, 1, NULL));
  REFUSED(arcuate_trainer_read_input_gradient(NULL, 0, &number, 1, NULL));
  CHECK(arcuate_trainer_sample_count(NULL) == 0);
  REFUSED(arcuate_trainer_read_sample_losses(NULL, &loss, 1, NULL));
  REFUSED(arcuate_trainer_read_output(NULL, 0, &number, 1, NULL));
  REFUSED(arcuate_trainer_model(NULL, &model, NULL));
  REFUSED(arcuate_trainer_spiking_model(NULL, &model, NULL));
  REFUSED(arcuate_trainer_save(NULL, "x", NULL, NULL));
  REFUSED(arcuate_trainer_restore(NULL, "x", NULL));
  CHECK(strcmp(arcuate_trainer_note(NULL), "") == 0);
  REFUSED(arcuate_sample_order(1, 0, 0, NULL));
  CHECK(arcuate_sample_order(1, 0, 0, &index) == ARCUATE_SUCCESS && index == 0);
  CHECK(trainer == NULL && model == NULL);
}

static void wrong_numbers(const char *path) {
  arcuate_model *model = open_digits(path);
  REFUSED(arcuate_model_save(model, NULL, NULL));
  REFUSED(arcuate_model_set_semantics(model, NULL, "none", NULL));
  REFUSED(arcuate_model_set_semantics(model, "reset", NULL, NULL));
  REFUSED(arcuate_model_set_semantics(model, "colour", "blue", NULL));
  REFUSED(arcuate_plan_create(model, NULL, NULL, NULL));
  float number = 0;
  REFUSED(arcuate_model_set_program(model, NULL, "value = x", NULL));
  REFUSED(arcuate_model_set_program(model, "if1", NULL, NULL));
  REFUSED(arcuate_model_set_program(model, "if1", "value = \xff", NULL));
  CHECK(arcuate_model_program(model, NULL) == NULL && arcuate_model_program(model, "\xff") == NULL);
  REFUSED(arcuate_model_set_parameter(model, NULL, "a", &number, 1, NULL));
  REFUSED(arcuate_model_set_parameter(model, "if1", NULL, &number, 1, NULL));
  REFUSED(arcuate_model_set_parameter(model, "if1", "a", NULL, 1, NULL));
  REFUSED(arcuate_model_set_parameter(model, "if1", "a", &number, SIZE_MAX, NULL));
  CHECK(arcuate_model_node_name(model, SIZE_MAX) == NULL);
  CHECK(arcuate_model_finding_severity(model, SIZE_MAX) == -1);

  static const int32_t wrong[] = {-1, 0, INT32_MIN, INT32_MAX, 4};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    for (int field = 0; field < 7; field++) {
      arcuate_compile_options options;
      arcuate_compile_options_init(&options);
      int32_t *fields[] = {&options.steps_per_frame, &options.frame_state, &options.frame_input,
                           &options.frame_output,    &options.batch,       &options.threads,
                           &options.numerics};
      *fields[field] = wrong[i];
      arcuate_plan *plan = NULL;
      arcuate_error *error = NULL;
      arcuate_status status = arcuate_plan_create(model, &options, &plan, &error);
      CHECK((status == ARCUATE_SUCCESS) == (plan != NULL) && (status < 0) == (error != NULL));
      if (status < 0) {
        /* The sentence names the field, its value and its range. */
        static const char *const names[] = {"steps_per_frame", "frame_state", "frame_input",
                                            "frame_output",    "batch",       "threads",
                                            "numerics"};
        char value[16];
        snprintf(value, sizeof value, "got %d", (int)wrong[i]);
        CHECK(status == ARCUATE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(arcuate_error_message(error), names[field]) != NULL);
        CHECK(strstr(arcuate_error_message(error), value) != NULL);
        CHECK(strstr(arcuate_error_message(error), " ... ") != NULL);
      }
      arcuate_plan_free(plan);
      arcuate_error_free(error);
    }
  }
  static const uint64_t limits[] = {1, 4095, ((uint64_t)1 << 36) + 1, UINT64_MAX};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    arcuate_compile_options options;
    arcuate_compile_options_init(&options);
    options.max_session_bytes = limits[i];
    arcuate_plan *plan = NULL;
    arcuate_error *error = NULL;
    CHECK(arcuate_plan_create(model, &options, &plan, &error) == ARCUATE_ERROR_INVALID_ARGUMENT);
    CHECK(plan == NULL && strstr(arcuate_error_message(error), "max_session_bytes must be"));
    arcuate_error_free(error);
    options.max_session_bytes = 4096; /* what no session fits in */
    CHECK(arcuate_plan_create(model, &options, &plan, &error) == ARCUATE_ERROR_LIMIT_EXCEEDED);
    CHECK(plan == NULL && strstr(arcuate_error_message(error), "raise max_session_bytes"));
    arcuate_error_free(error);
  }
  static const double times[] = {-1, 1e300, 1e-300, INFINITY, NAN};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    arcuate_compile_options options;
    arcuate_compile_options_init(&options);
    options.dt_s = times[i];
    arcuate_plan *plan = NULL;
    arcuate_status status = arcuate_plan_create(model, &options, &plan, NULL);
    CHECK(status == ARCUATE_ERROR_INVALID_ARGUMENT && plan == NULL);
    arcuate_read_options reading;
    arcuate_read_options_init(&reading);
    reading.dt_s = times[i];
    arcuate_model *other = NULL;
    REFUSED(arcuate_model_open(path, &reading, &other, NULL));
    CHECK(other == NULL);
  }
  arcuate_compile_options compiling;
  REFUSED(arcuate_compile_options_from_model(model, NULL, NULL));
  arcuate_plan *none = NULL;
  CHECK(arcuate_plan_create(model, NULL, &none, NULL) == ARCUATE_SUCCESS);
  REFUSED(arcuate_plan_options(none, NULL, NULL));
  compiling.struct_size = 3;
  REFUSED(arcuate_plan_options(none, &compiling, NULL));
  arcuate_plan_free(none);
  arcuate_read_options reading;
  arcuate_model *nothing = NULL;
  arcuate_read_options_init(&reading);
  reading.strict = 2;
  REFUSED(arcuate_model_open(path, &reading, &nothing, NULL));
  arcuate_model_free(model);
}

/* A run that fails leaves the state unchanged: later outputs have the same bits. */
static void refused_runs(const char *path) {
  static float x[3 * INPUTS], bad[3 * INPUTS], y[3 * OUTPUTS], z[OUTPUTS];
  draw(x, 3 * INPUTS, 3);
  arcuate_plan *plan = compile_digits(path, 1, 1);
  arcuate_session *session = NULL, *undisturbed = NULL;
  REFUSED(arcuate_session_create(plan, NULL, NULL));
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &undisturbed, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_plan_input_name(plan, SIZE_MAX) == NULL);
  CHECK(arcuate_plan_output_size(plan, 1) == 0);
  CHECK(arcuate_plan_node_name(plan, SIZE_MAX) == NULL);
  CHECK(arcuate_plan_node_kind(plan, SIZE_MAX) == NULL);
  CHECK(arcuate_plan_find_node(plan, NULL) == -1);
  CHECK(arcuate_plan_find_node(plan, "\xff") == -1);
  size_t extent = 0;
  CHECK(arcuate_plan_input_shape(plan, 0, &extent, SIZE_MAX) == 1 && extent == INPUTS);
  CHECK(arcuate_plan_input_shape(plan, 0, NULL, 9) == 1);
  CHECK(arcuate_plan_input_shape(plan, 1, &extent, 1) == 0);

  const float *inputs[] = {x};
  const float *none[] = {NULL};
  float *outputs[] = {y};
  for (int s = 0; s < 3; s++) {
    size_t in[] = {INPUTS}, out[] = {OUTPUTS}, odd[] = {INPUTS - 1}, huge[] = {SIZE_MAX};
    REFUSED(arcuate_session_step(session, NULL, in, outputs, out));
    REFUSED(arcuate_session_step(session, inputs, NULL, outputs, out));
    REFUSED(arcuate_session_step(session, inputs, in, outputs, NULL));
    REFUSED(arcuate_session_step(session, none, in, outputs, out));
    CHECK(arcuate_session_step(session, inputs, odd, outputs, out) == ARCUATE_ERROR_BUFFER_SIZE);
    CHECK(strstr(arcuate_session_last_error(session), "142") != NULL);
    CHECK(arcuate_session_step(session, inputs, huge, outputs, out) == ARCUATE_ERROR_BUFFER_SIZE);
    CHECK(arcuate_session_step(session, inputs, in, outputs, odd) == ARCUATE_ERROR_BUFFER_SIZE);
    CHECK(arcuate_session_run(session, 2, inputs, in, outputs, out) == ARCUATE_ERROR_BUFFER_SIZE);
    REFUSED(arcuate_session_run(session, SIZE_MAX, inputs, in, outputs, out));
    CHECK(strstr(arcuate_session_last_error(session), "4294967296") != NULL);
    CHECK(strstr(arcuate_session_last_error(session), "-1") == NULL);
    CHECK(arcuate_session_run(session, (size_t)1 << 32, inputs, in, outputs, out) < 0);
    size_t zero[] = {0};
    CHECK(arcuate_session_run(session, 0, none, zero, NULL, NULL) == ARCUATE_SUCCESS);
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (int v = 0; v < 3; v++) {
      memcpy(bad, x, sizeof bad);
      bad[v * 71] = values[v];
      const float *poisoned[] = {bad};
      REFUSED(arcuate_session_step(session, poisoned, in, outputs, out));
      CHECK(strstr(arcuate_session_last_error(session), "finite") != NULL);
    }
    arcuate_event event = {5, 0, 0, 0, 1};
    arcuate_event room[OUTPUTS];
    size_t steps = 77, consumed = 77, written = 77;
    REFUSED(arcuate_session_run_events(session, &event, 1, 5, room, OUTPUTS, &steps, &consumed,
                                       &written));
    event.step = 0;
    event.port = 1;
    REFUSED(arcuate_session_run_events(session, &event, 1, 5, room, OUTPUTS, NULL, NULL, NULL));
    event.port = 0;
    event.stream = 1;
    REFUSED(arcuate_session_run_events(session, &event, 1, 5, room, OUTPUTS, NULL, NULL, NULL));
    event.stream = 0;
    event.value = NAN;
    REFUSED(arcuate_session_run_events(session, &event, 1, 5, room, OUTPUTS, NULL, NULL, NULL));
    REFUSED(arcuate_session_run_events(session, NULL, 1, 5, room, OUTPUTS, NULL, NULL, NULL));
    REFUSED(arcuate_session_run_events(session, &event, SIZE_MAX, 5, room, 1, NULL, NULL, NULL));
    REFUSED(
        arcuate_session_run_events(session, NULL, 0, SIZE_MAX, room, OUTPUTS, NULL, NULL, NULL));
    CHECK(steps == 77 && consumed == 77 && written == 77);

    inputs[0] = x + s * INPUTS;
    CHECK(arcuate_session_step(session, inputs, in, outputs, out) == ARCUATE_SUCCESS);
    outputs[0] = z;
    CHECK(arcuate_session_step(undisturbed, inputs, in, outputs, out) == ARCUATE_SUCCESS);
    CHECK(memcmp(y, z, sizeof z) == 0);
    outputs[0] = y;
  }

  REFUSED(arcuate_session_reset_stream(session, 1));
  CHECK(strstr(arcuate_session_last_error(session), "stream 1") != NULL);

  arcuate_counters counters;
  counters.struct_size = sizeof counters;
  REFUSED(arcuate_session_counters(session, -2, -1, &counters));
  REFUSED(arcuate_session_counters(session, 8, -1, &counters));
  REFUSED(arcuate_session_counters(session, 0, 1, &counters));
  REFUSED(arcuate_session_counters(session, INT64_MAX, INT64_MIN, &counters));
  REFUSED(arcuate_session_counters(session, 0, 0, NULL));
  counters.struct_size = 3;
  REFUSED(arcuate_session_counters(session, 0, 0, &counters));

  arcuate_probe *probe = NULL;
  REFUSED(arcuate_probe_create(session, NULL, 0, 1, &probe, NULL));
  REFUSED(arcuate_probe_create(session, "if1", 3, 1, &probe, NULL));
  REFUSED(arcuate_probe_create(session, "if1", 0, 1, NULL, NULL));
  CHECK(arcuate_probe_create(session, "if1", 2, 1, &probe, NULL) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_probe_create(session, "if1", 0, SIZE_MAX, &probe, NULL) ==
        ARCUATE_ERROR_LIMIT_EXCEEDED);
  CHECK(arcuate_probe_create(session, "if1", 0, SIZE_MAX / 4, &probe, NULL) ==
        ARCUATE_ERROR_LIMIT_EXCEEDED);
  CHECK(probe == NULL);
  CHECK(arcuate_probe_create(session, "if1", 0, 4, &probe, NULL) == ARCUATE_SUCCESS);
  size_t in[] = {INPUTS}, out[] = {OUTPUTS};
  CHECK(arcuate_session_step(session, inputs, in, outputs, out) == ARCUATE_SUCCESS);
  REFUSED(arcuate_probe_read(probe, NULL, 1000, NULL));
  CHECK(arcuate_probe_read(probe, y, 3, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  arcuate_session_free(session);
  arcuate_probe_free(probe); /* after its session */

  REFUSED(arcuate_session_save(undisturbed, NULL, 100, NULL));
  REFUSED(arcuate_session_restore(undisturbed, NULL, 100, NULL));
  REFUSED(arcuate_session_clone(undisturbed, NULL, NULL));
  arcuate_plan_free(plan);
  arcuate_session_free(undisturbed);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  nulls();
  no_trainer();
  wrong_numbers(arguments[1]);
  refused_runs(arguments[1]);
  puts("nonsense is refused");
  return 0;
}
