/* An acoustic model in a C program: a Kaldi archive of features in, one of the network's outputs
 * out.
 *
 *     acoustic MODEL FEATURES.ark OUTPUTS.ark
 *
 * Each frame is spliced with five on each side, starts from rest and lasts ten steps; it enters at
 * the first. same_bits.py compares what comes out with Python and with `arcuate compute`.
 */
#include <arcuate.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../examples/c/archive.h"

enum { CONTEXT = 5, WINDOW = 2 * CONTEXT + 1, STEPS = 10 };

static void fail(const char *message) {
  fprintf(stderr, "acoustic: %s\n", message);
  exit(1);
}

static arcuate_plan *load(const char *path) {
  arcuate_error *error = NULL;
  arcuate_model *model = NULL;
  arcuate_plan *plan = NULL;
  arcuate_compile_options options;
  arcuate_compile_options_init(&options);
  options.steps_per_frame = STEPS;
  options.frame_state = ARCUATE_FRAME_STATE_RESET;
  options.frame_input = ARCUATE_FRAME_INPUT_FIRST;
  if (arcuate_model_open(path, NULL, &model, &error) ||
      arcuate_plan_create(model, &options, &plan, &error)) {
    fail(arcuate_error_message(error));
  }
  arcuate_model_free(model);
  return plan;
}

/* Frames with their neighbours; the first and the last are repeated at the edges. */
static float *splice(const utterance *u) {
  size_t width = (size_t)u->columns;
  float *spliced = malloc((size_t)u->rows * WINDOW * width * sizeof(float));
  if (!spliced) fail("out of memory");
  for (int t = 0; t < u->rows; t++) {
    for (int i = 0; i < WINDOW; i++) {
      int from = t + i - CONTEXT;
      from = from < 0 ? 0 : from >= u->rows ? u->rows - 1 : from;
      memcpy(spliced + ((size_t)t * WINDOW + (size_t)i) * width, u->frames + (size_t)from * width,
             width * sizeof(float));
    }
  }
  return spliced;
}

static void put_size(FILE *file, size_t value) {
  unsigned char bytes[5] = {4, (unsigned char)value, (unsigned char)(value >> 8),
                            (unsigned char)(value >> 16), (unsigned char)(value >> 24)};
  fwrite(bytes, 1, sizeof bytes, file);
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: acoustic MODEL FEATURES OUTPUTS\n");
    return 2;
  }
  arcuate_plan *plan = load(arguments[1]);
  arcuate_error *error = NULL;
  arcuate_session *session = NULL;
  if (arcuate_session_create(plan, &session, &error)) fail(arcuate_error_message(error));
  size_t wide = arcuate_plan_input_size(plan, 0), narrow = arcuate_plan_output_size(plan, 0);
  FILE *in = fopen(arguments[2], "rb"), *out = fopen(arguments[3], "wb");
  if (!in || !out) fail("the archives cannot be opened");

  utterance u = {"", 0, 0, NULL};
  int more;
  size_t frames = 0;
  while ((more = archive_next(in, &u)) > 0) {
    if ((size_t)u.columns * WINDOW != wide || u.rows == 0) fail("features of another width");
    size_t rows = (size_t)u.rows;
    float *spliced = splice(&u), *outputs = malloc(rows * narrow * sizeof(float));
    if (!outputs) fail("out of memory");
    if (arcuate_session_run(session, rows, (const float *[]){spliced}, (size_t[]){rows * wide},
                            (float *[]){outputs}, (size_t[]){rows * narrow})) {
      fail(arcuate_session_last_error(session));
    }
    fprintf(out, "%s ", u.key);
    fwrite("\0BFM ", 1, 5, out);
    put_size(out, rows);
    put_size(out, narrow);
    fwrite(outputs, sizeof(float), rows * narrow, out);
    frames += rows;
    free(spliced);
    free(outputs);
  }
  if (more < 0) fail("this is not an archive of float matrices");
  if (fclose(out)) fail("the outputs cannot be written");
  arcuate_counters counters;
  counters.struct_size = sizeof counters;
  arcuate_session_counters(session, -1, -1, &counters);
  printf("%zu frames, %.1f spikes and %.1f operations each\n", frames,
         (double)counters.spikes / (double)frames,
         (double)(counters.macs + counters.acs) / (double)frames);
  free(u.frames);
  fclose(in);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  return 0;
}
