/* Memory, descriptors and threads stay as they are for as many steps as are asked for:
 *
 *     soak MODEL FOLDER [STEPS]      200,000 steps by default
 *
 * Rounds of frames, events and single steps, with sessions, plans and models opened and closed,
 * resets, copies, snapshots and refused calls between them. Every round gives the same bits. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { FRAMES = 4, STEPS = 10, BATCH = 3, EVENTS = 60, EVENT_STEPS = 30, ROOM = 4096 };
enum { ALL = FRAMES * BATCH };

static float x[ALL * INPUTS], wanted[ALL * OUTPUTS], y[ALL * OUTPUTS];
static arcuate_event events[EVENTS], wanted_events[ROOM], out[ROOM];
static size_t wanted_count;
static unsigned long long done;

#ifdef __linux__
/* Entries of a folder of /proc/self. */
static int entries(const char *path) {
  DIR *folder = opendir(path);
  CHECK(folder != NULL);
  int count = 0;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static int descriptors(void) { return entries("/proc/self/fd"); }
static int threads(void) { return entries("/proc/self/task"); }

/* Resident bytes of the process. */
static double resident(void) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return 1; /* a sanitizer's own memory grows; it looks for leaks itself */
#endif
#endif
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long size, pages;
  CHECK(file != NULL && fscanf(file, "%lu %lu", &size, &pages) == 2);
  fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}
#else
static int descriptors(void) { return 0; }
static int threads(void) { return 0; }
static double resident(void) { return 0; }
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static arcuate_session *session_of(const arcuate_plan *plan) {
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  return session;
}

static void frames(arcuate_session *session, int32_t batch, float *to) {
  const float *inputs[] = {x};
  float *outputs[] = {to};
  const size_t size = FRAMES * (size_t)batch;
  const size_t counts[] = {size * INPUTS}, output_counts[] = {size * OUTPUTS};
  CHECK(arcuate_session_run(session, FRAMES, inputs, counts, outputs, output_counts) ==
        ARCUATE_SUCCESS);
  done += FRAMES * STEPS;
}

static size_t event_steps(arcuate_session *session, arcuate_event *to) {
  size_t steps, consumed, written;
  CHECK(arcuate_session_run_events(session, events, EVENTS, EVENT_STEPS, to, ROOM, &steps,
                                   &consumed, &written) == ARCUATE_SUCCESS);
  CHECK(steps == EVENT_STEPS && consumed == EVENTS);
  done += steps;
  return written;
}

/* What a session remembers comes back with a snapshot, and lives on in a copy. */
static void snapshots(arcuate_session *session, int32_t batch, void *data, size_t size) {
  static float first[OUTPUTS * BATCH], again[OUTPUTS * BATCH];
  const float *inputs[] = {x};
  float *outputs[] = {first};
  const size_t counts[] = {(size_t)batch * INPUTS}, output_counts[] = {(size_t)batch * OUTPUTS};
  arcuate_session *copy = NULL;
  CHECK(arcuate_session_step(session, inputs, counts, NULL, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_save(session, data, size, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_clone(session, &copy, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_step(session, inputs, counts, outputs, output_counts) == ARCUATE_SUCCESS);
  outputs[0] = again;
  CHECK(arcuate_session_step(copy, inputs, counts, outputs, output_counts) == ARCUATE_SUCCESS);
  CHECK(memcmp(first, again, sizeof *first * output_counts[0]) == 0);
  CHECK(arcuate_session_restore(session, data, size, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_step(session, inputs, counts, outputs, output_counts) == ARCUATE_SUCCESS);
  CHECK(memcmp(first, again, sizeof *first * output_counts[0]) == 0);
  arcuate_session_free(copy);
  done += 4;
}

/* Calls that are refused keep nothing either. */
static void refused(arcuate_session *session, const arcuate_plan *plan, void *data, size_t size) {
  const float *inputs[] = {x};
  const size_t counts[] = {1};
  arcuate_error *error = NULL;
  arcuate_model *model = NULL;
  arcuate_probe *probe = NULL;
  CHECK(arcuate_session_run(session, 1, inputs, counts, NULL, NULL) == ARCUATE_ERROR_BUFFER_SIZE);
  CHECK(arcuate_model_from_memory("{\"input\": ", 10, NULL, &model, &error) < 0);
  arcuate_error_free(error);
  error = NULL;
  memset(data, 7, size);
  CHECK(arcuate_session_restore(session, data, size, &error) == ARCUATE_ERROR_INVALID_STATE);
  arcuate_error_free(error);
  CHECK(arcuate_probe_create(session, "nobody", ARCUATE_PROBE_OUTPUT, 1, &probe, NULL) ==
        ARCUATE_ERROR_NOT_FOUND);
  CHECK(strstr(arcuate_plan_explain(plan), "hidden1") != NULL);
}

/* A model that is opened, compiled, run on threads, observed and closed. */
static void whole(const char *path, int32_t count) {
  arcuate_plan *plan = compile_digits(path, BATCH, count);
  arcuate_session *session = session_of(plan);
  arcuate_probe *probe = NULL;
  CHECK(arcuate_probe_create(session, "if1", ARCUATE_PROBE_OUTPUT, 100, &probe, NULL) ==
        ARCUATE_SUCCESS);
  frames(session, BATCH, y);
  CHECK(memcmp(y, wanted, sizeof y) == 0);
  arcuate_session_free(session);
  CHECK(arcuate_probe_steps(probe) == FRAMES * STEPS);
  arcuate_probe_free(probe);
  arcuate_plan_free(plan);
}

int main(int count, char **arguments) {
  CHECK(count == 3 || count == 4);
  const unsigned long long steps = count == 4 ? strtoull(arguments[3], NULL, 10) : 200000;
  CHECK(steps >= 1000);
  const char *path = arguments[1];
  draw(x, sizeof x / sizeof *x, 3);
  for (uint32_t i = 0; i < EVENTS; i++) {
    events[i] = (arcuate_event){i / 2, (uint16_t)(i % BATCH), 0, i * 37 % INPUTS, x[i] * 0.1f};
  }
  arcuate_plan *plan = compile_digits(path, BATCH, 1);
  arcuate_session *session = session_of(plan);
  const size_t size = arcuate_session_snapshot_size(session);
  void *snapshot = malloc(size), *spoiled = malloc(size);
  CHECK(snapshot != NULL && spoiled != NULL);
  frames(session, BATCH, wanted);
  CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
  wanted_count = event_steps(session, wanted_events);
  CHECK(wanted_count > 0);
  whole(path, 3);

  /* After a tenth everything has been used that will be; from then on nothing may grow. */
  double start = now(), before = 0, most = 0;
  int open_before = 0, threads_before = 0;
  unsigned long long round = 0;
  for (; done < steps; round++) {
    /* Each frame starts from rest, and so does what follows a reset. */
    frames(session, BATCH, y);
    CHECK(memcmp(y, wanted, sizeof y) == 0);
    CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
    CHECK(event_steps(session, out) == wanted_count);
    CHECK(memcmp(out, wanted_events, wanted_count * sizeof *out) == 0);
    if (round % 3 == 0) {
      for (size_t b = 0; b < BATCH; b++) {
        CHECK(arcuate_session_reset_stream(session, b) == ARCUATE_SUCCESS);
      }
    }
    if (round % 5 == 0) snapshots(session, BATCH, snapshot, size);
    if (round % 7 == 0) refused(session, plan, spoiled, size);
    if (round % 11 == 0) {
      arcuate_session_free(session);
      session = session_of(plan);
    }
    if (round % 101 == 0) whole(path, 1 + (int32_t)(round / 101 % 3));
    if (before == 0 && done >= steps / 10) {
      before = most = resident();
      open_before = descriptors();
      threads_before = threads();
    } else if (before > 0 && round % 64 == 0) {
      double here = resident();
      if (here > most) most = here;
    }
  }
  printf("%llu steps in %llu rounds, %.1f s: %.2f MB, at most %+.3f MB and at the end %+.3f MB\n",
         done, round, now() - start, before / 1e6, (most - before) / 1e6,
         (resident() - before) / 1e6);
  CHECK(most - before < 2e6);
  CHECK(descriptors() == open_before);
  /* A thread that has been waited for may be listed a moment longer. */
  for (int i = 0; i < 1000 && threads() != threads_before; i++) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
  CHECK(threads() == threads_before);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  free(snapshot), free(spoiled);
  return 0;
}
