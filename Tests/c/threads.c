/* One plan, eight sessions on eight threads, and threads inside a session: the same bits. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "check.h"

enum { THREADS = 8, FRAMES = 40, BATCH = 6 };

static arcuate_plan *plan;
static float x[THREADS][FRAMES * INPUTS], alone[THREADS][FRAMES * OUTPUTS];

static void run(arcuate_session *session, size_t frames, size_t batch, const float *in,
                float *out) {
  const float *inputs[] = {in};
  float *outputs[] = {out};
  size_t input_counts[] = {frames * batch * INPUTS}, output_counts[] = {frames * batch * OUTPUTS};
  CHECK(arcuate_session_run(session, frames, inputs, input_counts, outputs, output_counts) == 0);
}

static void *stream(void *argument) {
  size_t k = (size_t)(float(*)[FRAMES * INPUTS]) argument;
  float out[FRAMES * OUTPUTS];
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  for (int f = 0; f < FRAMES; f++) run(session, 1, 1, x[k] + f * INPUTS, out + f * OUTPUTS);
  CHECK(memcmp(out, alone[k], sizeof out) == 0);
  arcuate_session_free(session);
  return NULL;
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  plan = compile_digits(arguments[1], 1, 1);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  for (uint32_t k = 0; k < THREADS; k++) {
    draw(x[k], FRAMES * INPUTS, k + 1);
    run(session, FRAMES, 1, x[k], alone[k]);
  }
  arcuate_session_free(session);
  pthread_t threads[THREADS];
  for (size_t k = 0; k < THREADS; k++)
    CHECK(pthread_create(threads + k, NULL, stream, (void *)k) == 0);
  for (size_t k = 0; k < THREADS; k++) CHECK(pthread_join(threads[k], NULL) == 0);
  arcuate_plan_free(plan);

  /* The streams of a batch are [frames][batch][shape]. */
  static float together[FRAMES * BATCH * INPUTS], out[FRAMES * BATCH * OUTPUTS];
  for (int f = 0; f < FRAMES; f++) {
    for (int b = 0; b < BATCH; b++) {
      memcpy(together + (f * BATCH + b) * INPUTS, x[b] + f * INPUTS, INPUTS * sizeof(float));
    }
  }
  for (int32_t n = 1; n <= 4; n *= 2) {
    plan = compile_digits(arguments[1], BATCH, n);
    CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
    run(session, FRAMES, BATCH, together, out);
    for (int f = 0; f < FRAMES; f++) {
      for (int b = 0; b < BATCH; b++) {
        CHECK(memcmp(out + (f * BATCH + b) * OUTPUTS, alone[b] + f * OUTPUTS,
                     OUTPUTS * sizeof(float)) == 0);
      }
    }
    arcuate_session_free(session);
    arcuate_plan_free(plan);
  }
  puts("threads agree");
  return 0;
}
