/* What the header promises of an ordinary life: open, compile, run, save, restore, probe, free. */
#include "check.h"

static const char *path, *folder;

static void models(void) {
  arcuate_model *model = open_digits(path);
  CHECK(arcuate_model_node_count(model) == 8);
  int found = 0; /* a .nir file keeps its nodes in the order of their names */
  for (size_t i = 0; i < 8; i++) {
    if (strcmp(arcuate_model_node_name(model, i), "hidden1") != 0) continue;
    CHECK(strcmp(arcuate_model_node_kind(model, i), "Affine") == 0);
    found++;
  }
  CHECK(found == 1);
  CHECK(arcuate_model_node_name(model, 8) == NULL && arcuate_model_node_kind(model, 8) == NULL);
  CHECK(arcuate_model_dt(model) == 1e-3);
  size_t findings = arcuate_model_finding_count(model);
  for (size_t i = 0; i < findings; i++) {
    CHECK(arcuate_model_finding_severity(model, i) == ARCUATE_SEVERITY_NOTE);
    CHECK(arcuate_model_finding_location(model, i)[0] != 0);
    CHECK(arcuate_model_finding_message(model, i)[0] != 0);
  }
  CHECK(arcuate_model_finding_severity(model, findings) == -1);
  CHECK(arcuate_model_finding_location(model, findings) == NULL);

  arcuate_model *copy = arcuate_model_copy(model);
  CHECK(arcuate_model_set_semantics(copy, "reset", "to_value", NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_set_semantics(copy, "preset", "norse", NULL) == ARCUATE_SUCCESS);
  arcuate_error *error = NULL;
  CHECK(arcuate_model_set_semantics(copy, "reset", "sideways", &error) ==
        ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(arcuate_error_status(error) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(arcuate_error_message(error), "subtract") != NULL);
  arcuate_error_free(error);
  CHECK(arcuate_model_fold_batch_norm(copy, NULL) == ARCUATE_SUCCESS);
  arcuate_model_free(copy);

  /* Written in both formats and read again, from the file and from memory. */
  const char *endings[] = {"nir", "safetensors"};
  for (int i = 0; i < 2; i++) {
    char name[4096];
    snprintf(name, sizeof name, "%s/copy.%s", folder, endings[i]);
    CHECK(arcuate_model_save(model, name, NULL) == ARCUATE_SUCCESS);
    arcuate_model *again = open_digits(name);
    CHECK(arcuate_model_node_count(again) == 8 && arcuate_model_dt(again) == 1e-3);
    arcuate_model_free(again);
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(size);
    CHECK(bytes != NULL && fread(bytes, 1, size, file) == size);
    fclose(file);
    again = NULL;
    CHECK(arcuate_model_from_memory(bytes, size, NULL, &again, NULL) == ARCUATE_SUCCESS);
    arcuate_model_free(again);
    error = NULL;
    again = (arcuate_model *)&size;
    CHECK(arcuate_model_from_memory(bytes, size / 2, NULL, &again, &error) < 0);
    CHECK(again == (arcuate_model *)&size); /* on failure nothing but the error is written */
    CHECK(arcuate_error_message(error)[0] != 0);
    arcuate_error_free(error);
    free(bytes);
    remove(name);
  }
  CHECK(arcuate_model_save(model, "model.txt", NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(arcuate_model_save(model, "/nowhere/model.nir", NULL) == ARCUATE_ERROR_CANNOT_WRITE);
  arcuate_model_free(model);

  arcuate_read_options options;
  arcuate_read_options_init(&options);
  options.preset = "snntorch";
  options.dt_s = 2e-3;
  model = NULL;
  CHECK(arcuate_model_open(path, &options, &model, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_dt(model) == 2e-3);
  arcuate_model_free(model);
  error = NULL;
  CHECK(arcuate_model_open("missing.nir", NULL, &model, &error) == ARCUATE_ERROR_CANNOT_OPEN);
  CHECK(strstr(arcuate_error_message(error), "missing.nir") != NULL);
  arcuate_error_free(error);
}

static void plans(void) {
  arcuate_plan *plan = compile_digits(path, 2, 1);
  CHECK(strstr(arcuate_plan_explain(plan), "hidden1") != NULL);
  CHECK(arcuate_plan_dt(plan) == 1e-3);
  CHECK(arcuate_plan_steps_per_frame(plan) == 10 && arcuate_plan_batch(plan) == 2);
  CHECK(arcuate_plan_input_count(plan) == 1 && arcuate_plan_output_count(plan) == 1);
  CHECK(strcmp(arcuate_plan_input_name(plan, 0), "input") == 0);
  CHECK(strcmp(arcuate_plan_output_name(plan, 0), "output") == 0);
  CHECK(arcuate_plan_input_size(plan, 0) == INPUTS && arcuate_plan_output_size(plan, 0) == OUTPUTS);
  size_t extents[2] = {7, 7};
  CHECK(arcuate_plan_input_shape(plan, 0, extents, 2) == 1 && extents[0] == INPUTS);
  CHECK(extents[1] == 7);
  CHECK(arcuate_plan_output_shape(plan, 0, extents, 1) == 1 && extents[0] == OUTPUTS);
  CHECK(arcuate_plan_output_shape(plan, 0, NULL, 0) == 1);
  CHECK(arcuate_plan_node_count(plan) == 8);
  CHECK(arcuate_plan_find_node(plan, "if2") == 4);
  CHECK(strcmp(arcuate_plan_node_name(plan, 4), "if2") == 0);
  CHECK(arcuate_plan_find_node(plan, "if3") == -1);
  CHECK(strcmp(arcuate_plan_node_kind(plan, 4), "IF") == 0);
  CHECK(arcuate_plan_node_shape(plan, 4, extents, 2) == 1 && extents[0] == 128);
  arcuate_plan_free(plan);
}

static void run(arcuate_session *session, size_t frames, size_t batch, const float *x, float *y) {
  const float *inputs[] = {x};
  float *outputs[] = {y};
  size_t input_counts[] = {frames * batch * INPUTS}, output_counts[] = {frames * batch * OUTPUTS};
  CHECK(arcuate_session_run(session, frames, inputs, input_counts, outputs, output_counts) ==
        ARCUATE_SUCCESS);
}

static void sessions(void) {
  enum { FRAMES = 12 };
  static float x[FRAMES * INPUTS], y[FRAMES * OUTPUTS], z[FRAMES * OUTPUTS];
  draw(x, FRAMES * INPUTS, 1);
  arcuate_plan *plan = compile_digits(path, 1, 1);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);

  arcuate_probe *spikes = NULL, *membranes = NULL;
  CHECK(arcuate_probe_create(session, "if1", ARCUATE_PROBE_OUTPUT, 1000, &spikes, NULL) ==
        ARCUATE_SUCCESS);
  CHECK(arcuate_probe_create(session, "integrator", ARCUATE_PROBE_MEMBRANE, 10, &membranes, NULL) ==
        ARCUATE_SUCCESS);
  CHECK(arcuate_probe_create(session, "nobody", ARCUATE_PROBE_OUTPUT, 1, &membranes, NULL) ==
        ARCUATE_ERROR_NOT_FOUND);

  run(session, FRAMES, 1, x, y);
  for (int f = 0; f < FRAMES; f++) run(session, 1, 1, x + f * INPUTS, z + f * OUTPUTS);
  CHECK(memcmp(y, z, sizeof y) == 0); /* frames together or apart */
  const float *inputs[] = {x};
  size_t input_counts[] = {FRAMES * INPUTS};
  CHECK(arcuate_session_run(session, FRAMES, inputs, input_counts, NULL, NULL) == ARCUATE_SUCCESS);

  CHECK(arcuate_probe_steps(spikes) == 3 * FRAMES * 10 && arcuate_probe_missed(spikes) == 0);
  CHECK(arcuate_probe_size(spikes) == 128);
  size_t count = arcuate_probe_count(spikes);
  CHECK(count == arcuate_probe_steps(spikes) * 128);
  float *recorded = malloc(count * sizeof(float));
  CHECK(arcuate_probe_read(spikes, recorded, count - 1, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_probe_read(spikes, recorded, count, NULL) == ARCUATE_SUCCESS);
  double emitted = 0;
  for (size_t i = 0; i < count; i++) emitted += recorded[i];
  free(recorded);
  float last[100];
  CHECK(arcuate_probe_steps(membranes) == 10);
  CHECK(arcuate_probe_missed(membranes) == 3 * FRAMES * 10 - 10);
  CHECK(arcuate_probe_read(membranes, last, 100, NULL) == ARCUATE_SUCCESS);
  CHECK(memcmp(last + 90, y, sizeof(float) * OUTPUTS) == 0);

  arcuate_counters counters;
  memset(&counters, 0, sizeof counters);
  counters.struct_size = sizeof counters;
  int64_t node = arcuate_plan_find_node(plan, "if1");
  CHECK(arcuate_session_counters(session, node, -1, &counters) == ARCUATE_SUCCESS);
  CHECK((double)counters.spikes == emitted && emitted > 0);
  CHECK(arcuate_session_counters(session, -1, 0, &counters) == ARCUATE_SUCCESS);
  CHECK(counters.macs == 3u * FRAMES * INPUTS * 128 && counters.acs > 0);
  char kernels[512];
  size_t length = arcuate_session_kernels(session, kernels, sizeof kernels);
  CHECK(length == strlen(kernels) && strstr(kernels, "neuron-step") != NULL);
  CHECK(arcuate_session_kernels(session, kernels, 4) == length && strlen(kernels) == 3);
  CHECK(arcuate_session_clear_counters(session) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_counters(session, -1, -1, &counters) == ARCUATE_SUCCESS);
  CHECK(counters.rows == 0);

  CHECK(arcuate_probe_clear(membranes) == ARCUATE_SUCCESS && arcuate_probe_steps(membranes) == 0);
  /* Freed in another order than made. */
  arcuate_probe_free(membranes);
  arcuate_plan_free(plan);
  run(session, FRAMES, 1, x, z);
  CHECK(memcmp(y, z, sizeof y) == 0);
  arcuate_session_free(session);
  CHECK(arcuate_probe_steps(spikes) > 0);
  arcuate_probe_free(spikes);
}

/* One step at a time keeps the state, so that it can be saved, restored and cloned on the way. */
static void states(void) {
  enum { STEPS = 20 };
  float x[INPUTS], y[STEPS][OUTPUTS], z[OUTPUTS];
  draw(x, INPUTS, 2);
  arcuate_plan *plan = compile_digits(path, 1, 1);
  arcuate_session *session = NULL, *twin = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  const float *inputs[] = {x};
  float *outputs[1];
  size_t input_counts[] = {INPUTS}, output_counts[] = {OUTPUTS};
  size_t size = arcuate_session_snapshot_size(session);
  void *snapshot = malloc(size);
  for (int s = 0; s < STEPS; s++) {
    outputs[0] = y[s];
    if (s == STEPS / 2) {
      CHECK(arcuate_session_save(session, snapshot, size - 1, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
      CHECK(arcuate_session_save(session, snapshot, size, NULL) == ARCUATE_SUCCESS);
      CHECK(arcuate_session_clone(session, &twin, NULL) == ARCUATE_SUCCESS);
    }
    CHECK(arcuate_session_step(session, inputs, input_counts, outputs, output_counts) ==
          ARCUATE_SUCCESS);
  }
  outputs[0] = z;
  for (int round = 0; round < 2; round++) {
    for (int s = STEPS / 2; s < STEPS; s++) {
      CHECK(arcuate_session_step(twin, inputs, input_counts, outputs, output_counts) ==
            ARCUATE_SUCCESS);
      CHECK(memcmp(y[s], z, sizeof z) == 0);
    }
    CHECK(arcuate_session_restore(twin, snapshot, size, NULL) == ARCUATE_SUCCESS);
  }
  CHECK(arcuate_session_restore(twin, snapshot, size - 1, NULL) == ARCUATE_ERROR_INVALID_STATE);
  ((unsigned char *)snapshot)[size - 5] ^= 0x10;
  arcuate_error *error = NULL;
  CHECK(arcuate_session_restore(twin, snapshot, size, &error) == ARCUATE_ERROR_INVALID_STATE);
  CHECK(strstr(arcuate_error_message(error), "checksum") != NULL);
  arcuate_error_free(error);
  memset(snapshot, 0x5A, 32);
  CHECK(arcuate_session_restore(twin, snapshot, size, NULL) == ARCUATE_ERROR_INVALID_STATE);

  CHECK(arcuate_session_reset(twin) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_reset_stream(twin, 0) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_reset_stream(twin, 1) == ARCUATE_ERROR_INVALID_ARGUMENT);
  for (int s = 0; s < STEPS; s++) {
    CHECK(arcuate_session_step(twin, inputs, input_counts, outputs, output_counts) ==
          ARCUATE_SUCCESS);
    CHECK(memcmp(y[s], z, sizeof z) == 0);
  }
  free(snapshot);
  arcuate_session_free(twin);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
}

/* The same input as events, in pieces that the room for output allows. */
static void events(void) {
  enum { STEPS = 7, BATCH = 2 };
  static float dense[STEPS][BATCH][OUTPUTS], x[BATCH * INPUTS];
  static arcuate_event in[STEPS * BATCH * INPUTS], out[BATCH * OUTPUTS * 2];
  arcuate_plan *plan = compile_digits(path, BATCH, 1);
  arcuate_session *a = NULL, *b = NULL;
  CHECK(arcuate_session_create(plan, &a, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_clone(a, &b, NULL) == ARCUATE_SUCCESS);
  size_t count = 0;
  for (uint32_t s = 0; s < STEPS; s++) {
    draw(x, BATCH * INPUTS, s + 1);
    const float *inputs[] = {x};
    float *outputs[] = {dense[s][0]};
    size_t input_counts[] = {BATCH * INPUTS}, output_counts[] = {BATCH * OUTPUTS};
    CHECK(arcuate_session_step(a, inputs, input_counts, outputs, output_counts) == ARCUATE_SUCCESS);
    for (uint32_t i = 0; i < BATCH * INPUTS; i++) {
      arcuate_event event = {0, 0, 0, 0, 0};
      event.step = s;
      event.stream = (uint16_t)(i / INPUTS);
      event.index = i % INPUTS;
      event.value = x[i];
      in[count++] = event;
    }
  }
  size_t done = 0, used = 0;
  while (done < STEPS) {
    size_t steps = 0, consumed = 0, written = 0;
    for (size_t i = used; i < count; i++) in[i].step -= done ? (uint32_t)1 : 0;
    CHECK(arcuate_session_run_events(b, in + used, count - used, STEPS - done, out, BATCH * OUTPUTS,
                                     &steps, &consumed, &written) == ARCUATE_SUCCESS);
    CHECK(steps == 1); /* there is room for one */
    for (size_t i = 0; i < written; i++) {
      CHECK(dense[done][out[i].stream][out[i].index] == out[i].value);
    }
    size_t nonzero = 0;
    for (size_t i = 0; i < BATCH * OUTPUTS; i++) nonzero += dense[done][0][i] != 0;
    CHECK(written == nonzero);
    done += steps;
    used += consumed;
  }
  CHECK(used == count);
  CHECK(arcuate_session_run_events(b, NULL, 0, 3, out, 1, NULL, NULL, NULL) ==
        ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_session_run_events(b, NULL, 0, 0, NULL, 0, NULL, NULL, NULL) == ARCUATE_SUCCESS);
  in[0].index = INPUTS;
  CHECK(arcuate_session_run_events(b, in, 1, 1, out, BATCH * OUTPUTS, NULL, NULL, NULL) ==
        ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(arcuate_session_last_error(b), "event 0") != NULL);
  arcuate_session_free(a);
  arcuate_session_free(b);
  arcuate_plan_free(plan);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  path = arguments[1];
  folder = arguments[2];
  CHECK(arcuate_version() ==
        ARCUATE_VERSION_MAJOR * 1000000 + ARCUATE_VERSION_MINOR * 1000 + ARCUATE_VERSION_PATCH);
  models();
  plans();
  sessions();
  states();
  events();
  puts("conformance holds");
  return 0;
}
