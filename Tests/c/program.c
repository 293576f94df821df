/* Neuron programs: in layer lists, in place of other neurons, with parameters, with mistakes. */
#include <math.h>

#include "check.h"

enum { NEURONS = 20, STEPS = 50 };

static const char lif[] =
    "state v\n"
    "v = (1 - dt / tau) * v + dt / tau * r * x + dt / tau * v_leak\n"
    "spike = v > v_threshold\n"
    "v = spike ? v - v_threshold : v\n";

/* A layer of neurons behind weights, as a list of layers. */
static arcuate_model *network(const char *layer) {
  char list[1000];
  snprintf(list, sizeof list,
           "{\"input\": %d, \"layers\": [{\"kind\": \"linear\", \"size\": %d}, %s], \"seed\": 1}",
           NEURONS, NEURONS, layer);
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_from_memory(list, strlen(list), NULL, &model, &error)) {
    fprintf(stderr, "%s\n", arcuate_error_message(error));
    exit(1);
  }
  return model;
}

static void run(arcuate_model *model, float *y) {
  static float x[STEPS * NEURONS];
  draw(x, STEPS * NEURONS, 7);
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  CHECK(arcuate_plan_create(model, NULL, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  const float *inputs[] = {x};
  float *outputs[] = {y};
  size_t counts[] = {STEPS * NEURONS};
  CHECK(arcuate_session_run(session, STEPS, inputs, counts, outputs, counts) == ARCUATE_SUCCESS);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
}

/* The program of a LIF neuron in place of one: the same bits. */
static void replaced(void) {
  static float y[STEPS * NEURONS], z[STEPS * NEURONS];
  const char *layer = "{\"kind\": \"lif\", \"name\": \"n\", \"tau\": 0.01, \"r\": 3}";
  arcuate_model *model = network(layer);
  run(model, y);
  float sum = 0;
  for (int i = 0; i < STEPS * NEURONS; i++) sum += y[i];
  CHECK(sum > 10);
  CHECK(arcuate_model_program(model, "n") == NULL);
  CHECK(arcuate_model_set_program(model, "n", lif, NULL) == ARCUATE_SUCCESS);
  CHECK(strcmp(arcuate_model_program(model, "n"), lif) == 0);
  CHECK(strcmp(arcuate_model_node_kind(model, 2), "NeuronProgram") == 0);
  CHECK(arcuate_model_program(model, "input") == NULL);
  CHECK(arcuate_model_program(model, "nobody") == NULL);
  run(model, z);
  CHECK(memcmp(y, z, sizeof y) == 0);

  arcuate_model *copy = arcuate_model_copy(model);
  CHECK(strcmp(arcuate_model_program(copy, "n"), lif) == 0);
  arcuate_model_free(copy);
  arcuate_model_free(model);
}

/* Each program of the library can be read, and takes the place of a neuron. */
static void library(void) {
  size_t count = 0;
  for (const char *name; (name = arcuate_library_program_name(count)) != NULL; count++) {
    arcuate_model *model = network("{\"kind\": \"lif\", \"name\": \"n\", \"tau\": 0.01}");
    const char *text = arcuate_library_program(name);
    CHECK(text != NULL && text == arcuate_library_program(name));
    CHECK(arcuate_model_set_program(model, "n", text, NULL) == ARCUATE_SUCCESS);
    arcuate_model_free(model);
  }
  CHECK(count > 70);
  CHECK(arcuate_library_program("brian") == NULL && arcuate_library_program("") == NULL);
}

/* The list of the header's comment. */
static void listed(void) {
  arcuate_model *model = NULL;
  const char *list =
      "{\"input\": 20, \"layers\": ["
      "{\"kind\": \"linear\", \"size\": 40},"
      "{\"kind\": \"neuron\", \"name\": \"hidden\", \"tau\": 0.02,"
      "\"program\": \"state v\\nv = v * exp(-dt / tau) + x\\nspike = v > 1\\n"
      "v = spike ? 0 : v\"}]}";
  CHECK(arcuate_model_from_memory(list, strlen(list), NULL, &model, NULL) == ARCUATE_SUCCESS);
  CHECK(strncmp(arcuate_model_program(model, "hidden"), "state v\n", 8) == 0);
  arcuate_model_free(model);
}

static void parameters(void) {
  static float one[STEPS * NEURONS], each[STEPS * NEURONS], values[NEURONS];
  arcuate_model *model = network(
      "{\"kind\": \"neuron\", \"name\": \"n\", \"gain\": 2, \"program\": \"value = gain * x\"}");
  float two = 2;
  run(model, one);
  for (int i = 0; i < NEURONS; i++) values[i] = (float)i;
  CHECK(arcuate_model_set_parameter(model, "n", "gain", values, NEURONS, NULL) == ARCUATE_SUCCESS);
  run(model, each);
  for (int i = 0; i < STEPS * NEURONS; i++) {
    /* Exact, as 2 is a power of two. */
    CHECK(each[i] == one[i] / 2 * (float)(i % NEURONS));
  }

  /* A program whose parameter has no value yet: a finding, until it is set. */
  size_t findings = arcuate_model_finding_count(model);
  CHECK(arcuate_model_set_program(model, "n", "value = factor * x", NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_finding_count(model) == findings + 1);
  CHECK(strstr(arcuate_model_finding_message(model, findings), "\"factor\"") != NULL);
  arcuate_plan *plan = NULL;
  CHECK(arcuate_plan_create(model, NULL, &plan, NULL) == ARCUATE_ERROR_INVALID_MODEL);
  CHECK(arcuate_model_set_parameter(model, "n", "factor", values, NEURONS, NULL) == 0);
  CHECK(arcuate_model_set_parameter(model, "n", "factor", &two, 1, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_finding_count(model) == findings);
  run(model, each);
  CHECK(memcmp(one, each, sizeof one) == 0);
  arcuate_model_free(model);
}

/* Hostile arguments and texts: a status and a message, and an unchanged model. */
static void refused(void) {
  static const struct {
    const char *program, *message;
    arcuate_status status;
  } wrong[] = {
      {"state v\nv = v + x @ 2", "line 2, column 11", ARCUATE_ERROR_MALFORMED},
      {"value = ((x", "line 1, column 12", ARCUATE_ERROR_MALFORMED},
      {"value = sin(x)", "line 1, column 9", ARCUATE_ERROR_MALFORMED},
      {"spike = x", "line 1, column 9", ARCUATE_ERROR_MALFORMED},
      {"\r\n\t\x01", "line 2, column 2", ARCUATE_ERROR_MALFORMED},
      {"", "emits", ARCUATE_ERROR_MALFORMED},
      {"input a, b, c, d, e, f, g, h, i\nvalue = a", "line 1, column 31",
       ARCUATE_ERROR_LIMIT_EXCEEDED},
  };
  arcuate_model *model =
      network("{\"kind\": \"neuron\", \"name\": \"n\", \"a\": 1, \"program\": \"value = a * x\"}");
  arcuate_error *error = NULL;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK(arcuate_model_set_program(model, "n", wrong[i].program, &error) == wrong[i].status);
    CHECK(strstr(arcuate_error_message(error), wrong[i].message) != NULL);
    arcuate_error_free(error);
  }
  /* A text longer than programs may be. */
  char *text = malloc(100001);
  CHECK(text != NULL);
  memset(text, '#', 100000);
  text[100000] = 0;
  CHECK(arcuate_model_set_program(model, "n", text, NULL) == ARCUATE_ERROR_LIMIT_EXCEEDED);
  free(text);
  CHECK(arcuate_model_set_program(model, "m", "value = x", NULL) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_model_set_program(model, "input", "value = x", NULL) ==
        ARCUATE_ERROR_INVALID_ARGUMENT);

  float values[NEURONS] = {0};
  static const size_t counts[] = {0, 2, NEURONS - 1, NEURONS + 1, (size_t)1 << 60};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK(arcuate_model_set_parameter(model, "n", "a", values, counts[i], &error) ==
          ARCUATE_ERROR_SHAPE_MISMATCH);
    CHECK(strstr(arcuate_error_message(error), "one number or 20") != NULL);
    arcuate_error_free(error);
  }
  CHECK(arcuate_model_set_parameter(model, "n", "b", values, 1, NULL) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_model_set_parameter(model, "m", "a", values, 1, NULL) == ARCUATE_ERROR_NOT_FOUND);
  CHECK(arcuate_model_set_parameter(model, "input", "a", values, 1, NULL) ==
        ARCUATE_ERROR_INVALID_ARGUMENT);
  values[3] = HUGE_VALF;
  CHECK(arcuate_model_set_parameter(model, "n", "a", values, NEURONS, NULL) ==
        ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strcmp(arcuate_model_program(model, "n"), "value = a * x") == 0);
  static float y[STEPS * NEURONS];
  run(model, y);
  CHECK(y[0] != 0);
  arcuate_model_free(model);
}

int main(void) {
  replaced();
  library();
  listed();
  parameters();
  refused();
  puts("programs are read, replaced and refused");
  return 0;
}
