/* After fork() a child frees sessions and trainers with threads, is refused to run them, and makes
 * its own from the plan and the model of its parent. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { BATCH = 6, FRAMES = 5, LABELS = 4 };

static float x[FRAMES * BATCH * INPUTS], wanted[FRAMES * BATCH * OUTPUTS];

static arcuate_status run(arcuate_session *session, int32_t batch, float *out) {
  const float *inputs[] = {x};
  float *outputs[] = {out};
  size_t input_counts[] = {FRAMES * (size_t)batch * INPUTS};
  size_t output_counts[] = {FRAMES * (size_t)batch * OUTPUTS};
  return arcuate_session_run(session, FRAMES, inputs, input_counts, outputs, output_counts);
}

static arcuate_session *session_of(const arcuate_plan *plan) {
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  return session;
}

/* Waits for the child that `pid` is, or ends it: it must not hang, die or find something wrong. */
static void join(pid_t pid) {
  int status = 0;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t child(void) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) alarm(20);
  return pid;
}

/* threads, and whether the session ran before the fork. */
static void sessions(const char *path, int32_t batch, int32_t threads, int has_run) {
  arcuate_plan *plan = compile_digits(path, batch, threads);
  arcuate_session *session = session_of(plan);
  float out[FRAMES * BATCH * OUTPUTS];
  if (has_run) CHECK(run(session, batch, out) == ARCUATE_SUCCESS);
  pid_t pid = child();
  if (pid == 0) {
    arcuate_session *copy = NULL, *own = session_of(plan);
    if (threads > 1) {
      const float *inputs[] = {x};
      size_t counts[] = {(size_t)batch * INPUTS};
      size_t done, consumed, written;
      CHECK(run(session, batch, out) == ARCUATE_ERROR_INVALID_STATE);
      CHECK(strstr(arcuate_session_last_error(session), "made before fork()") != NULL);
      CHECK(arcuate_session_step(session, inputs, counts, NULL, NULL) ==
            ARCUATE_ERROR_INVALID_STATE);
      CHECK(arcuate_session_run_events(session, NULL, 0, 1, NULL, 0, &done, &consumed, &written) ==
            ARCUATE_ERROR_INVALID_STATE);
    }
    /* What one had remembered goes on in its copy. */
    CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
    CHECK(arcuate_session_clone(session, &copy, NULL) == ARCUATE_SUCCESS);
    CHECK(run(copy, batch, out) == ARCUATE_SUCCESS);
    CHECK(memcmp(out, wanted, sizeof *out * FRAMES * (size_t)batch * OUTPUTS) == 0);
    arcuate_session_free(session);
    CHECK(run(own, batch, out) == ARCUATE_SUCCESS);
    CHECK(memcmp(out, wanted, sizeof *out * FRAMES * (size_t)batch * OUTPUTS) == 0);
    /* A child's own may have children, too. */
    pid_t grandchild = child();
    if (grandchild == 0) {
      if (threads > 1) CHECK(run(own, batch, out) == ARCUATE_ERROR_INVALID_STATE);
      arcuate_session_free(own);
      _exit(0);
    }
    join(grandchild);
    arcuate_session_free(own);
    arcuate_session_free(copy);
    arcuate_plan_free(plan);
    _exit(0);
  }
  join(pid);
  /* The parent's is what it was. */
  CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
  CHECK(run(session, batch, out) == ARCUATE_SUCCESS);
  CHECK(memcmp(out, wanted, sizeof *out * FRAMES * (size_t)batch * OUTPUTS) == 0);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
}

static const char layers[] =
    "{\"input\": 4, \"layers\": [{\"kind\": \"linear\", \"size\": 5}, {\"kind\": \"lif\", "
    "\"beta\": "
    "0.9}], \"dt_s\": 1e-3}";

static arcuate_trainer *trainer_of(const arcuate_model *model, int32_t threads) {
  arcuate_training_options options;
  arcuate_training_options_init(&options);
  options.batch = LABELS;
  options.steps = 3;
  options.threads = threads;
  arcuate_trainer *trainer = NULL;
  CHECK(arcuate_trainer_create(model, &options, &trainer, NULL) == ARCUATE_SUCCESS);
  return trainer;
}

static void trainers(int32_t threads) {
  arcuate_model *model = NULL;
  CHECK(arcuate_model_from_memory(layers, strlen(layers), NULL, &model, NULL) == ARCUATE_SUCCESS);
  arcuate_trainer *trainer = trainer_of(model, threads);
  const float *inputs[] = {x};
  const size_t counts[] = {LABELS * 4};
  const int32_t labels[LABELS] = {0, 1, 2, 3};
  arcuate_samples samples = {sizeof samples, LABELS, inputs, counts, labels, NULL, 0, NULL, 0};
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_SUCCESS);
  pid_t pid = child();
  if (pid == 0) {
    float out[LABELS * 3 * 5], *outputs[] = {out};
    const size_t output_counts[] = {LABELS * 3 * 5};
    arcuate_status status = threads > 1 ? ARCUATE_ERROR_INVALID_STATE : ARCUATE_SUCCESS;
    CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == status);
    CHECK(arcuate_trainer_gradients(trainer, &samples, NULL) == status);
    CHECK(arcuate_trainer_evaluate(trainer, &samples, NULL) == status);
    CHECK(arcuate_trainer_predict(trainer, &samples, outputs, output_counts) == status);
    if (threads > 1) {
      CHECK(strstr(arcuate_trainer_last_error(trainer), "made before fork()") != NULL);
    }
    /* What it has learned can be had. */
    arcuate_model *trained = NULL;
    CHECK(arcuate_trainer_model(trainer, &trained, NULL) == ARCUATE_SUCCESS);
    arcuate_trainer_free(trainer);
    arcuate_trainer *own = trainer_of(trained, threads);
    CHECK(arcuate_trainer_train_step(own, &samples, NULL) == ARCUATE_SUCCESS);
    arcuate_trainer_free(own);
    arcuate_model_free(trained);
    arcuate_model_free(model);
    _exit(0);
  }
  join(pid);
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_SUCCESS);
  arcuate_trainer_free(trainer);
  arcuate_model_free(model);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  draw(x, sizeof x / sizeof *x, 7);
  for (int32_t batch = 1; batch <= BATCH; batch += BATCH - 1) {
    arcuate_plan *plan = compile_digits(arguments[1], batch, 1);
    arcuate_session *session = session_of(plan);
    CHECK(run(session, batch, wanted) == ARCUATE_SUCCESS);
    arcuate_session_free(session);
    arcuate_plan_free(plan);
    for (int32_t threads = 1; threads <= 8; threads *= 2) {
      sessions(arguments[1], batch, threads, 0);
      sessions(arguments[1], batch, threads, 1);
    }
  }
  for (int32_t threads = 1; threads <= 8; threads *= 2) trainers(threads);
  return 0;
}
