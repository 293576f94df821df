/* Running allocates nothing: malloc and its kin are replaced by ones that count. */
#include <inttypes.h>

#include "allocation_counter.h"
#include "check.h"

static void measure(const char *path, int32_t batch, int32_t threads) {
  enum { FRAMES = 50 };
  size_t in = (size_t)(FRAMES * batch * INPUTS), out = (size_t)(FRAMES * batch * OUTPUTS);
  float *x = malloc(in * sizeof *x), *y = malloc(out * sizeof *y);
  arcuate_event *events = malloc(out * sizeof *events);
  draw(x, in, 9);
  arcuate_plan *plan = compile_digits(path, batch, threads);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  arcuate_probe *probe = NULL;
  CHECK(arcuate_probe_create(session, "if1", ARCUATE_PROBE_OUTPUT, 100, &probe, NULL) == 0);
  const float *inputs[] = {x};
  float *outputs[] = {y};
  size_t input_counts[] = {in}, output_counts[] = {out};
  size_t step_inputs[] = {(size_t)(batch * INPUTS)}, step_outputs[] = {(size_t)(batch * OUTPUTS)};
  arcuate_event event = {0, 0, 0, 3, 9};

  /* Once before: threads and the runtime's own tables come into being with their first use. */
  uint64_t before = 0;
  for (int round = 0; round < 2; round++) {
    before = allocation_counter_total();
    allocation_counter_join_all(round);
    CHECK(arcuate_session_run(session, FRAMES, inputs, input_counts, outputs, output_counts) == 0);
    CHECK(arcuate_session_step(session, inputs, step_inputs, outputs, step_outputs) == 0);
    CHECK(arcuate_session_run_events(session, &event, 1, 5, events, out, NULL, NULL, NULL) == 0);
    CHECK(arcuate_session_reset(session) == 0);
    allocation_counter_join_all(0);
  }
  uint64_t allocations = allocation_counter_total() - before;
  printf("batch %d, %d threads: %" PRIu64 " allocations in %d frames, a step and events\n",
         (int)batch, (int)threads, allocations, FRAMES);
  CHECK(allocations == 0);
  arcuate_probe_free(probe);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  free(events);
  free(x);
  free(y);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  CHECK(allocation_counter_works());
  allocation_counter_join_all(1);
  free(calloc((size_t)count, 1));
  allocation_counter_join_all(0);
  CHECK(allocation_counter_total() > 0); /* the count counts */
  measure(arguments[1], 1, 1);
  measure(arguments[1], 8, 1);
  measure(arguments[1], 8, 2);
  return 0;
}
