/* A check that stays in release builds, and what most programs begin with. */
#ifndef CHECK_H
#define CHECK_H

#include <arcuate.h>
#include <arcuate.h> /* can be included twice */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                      \
    }                                                                               \
  } while (0)

enum { INPUTS = 143, OUTPUTS = 10 };

/* The network of spoken digits: 143 inputs, two hidden layers of integrate-and-fire, 10 outputs. */
static inline arcuate_model *open_digits(const char *path) {
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_open(path, NULL, &model, &error)) {
    fprintf(stderr, "%s\n", arcuate_error_message(error));
    exit(1);
  }
  return model;
}

static inline arcuate_plan *compile_digits(const char *path, int32_t batch, int32_t threads) {
  arcuate_model *model = open_digits(path);
  arcuate_compile_options options;
  arcuate_compile_options_init(&options);
  options.steps_per_frame = 10;
  options.frame_state = ARCUATE_FRAME_STATE_RESET;
  options.batch = batch;
  options.threads = threads;
  arcuate_plan *plan = NULL;
  CHECK(arcuate_plan_create(model, &options, &plan, NULL) == ARCUATE_SUCCESS);
  arcuate_model_free(model);
  return plan;
}

/* Numbers about as large as the network's features, the same for the same seed. */
static inline void draw(float *values, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    values[i] = (float)(seed >> 8) / 8388608.0f * 20.0f - 20.0f;
  }
}

#endif
