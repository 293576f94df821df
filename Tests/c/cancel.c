/* Long calls end within a second of work after a request: by another thread, by a signal handler
 * and by a function that is asked; and leave behind what the header says.
 *
 *     cancel MODEL FOLDER [sessions]     the last word: without reading, training and converting */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "check.h"

enum { EVENTS = 1000000 };

static size_t most_frames = 400000;

static arcuate_cancel *cancel;
static volatile double requested; /* when the request was made */

/* Seconds of the process, which on a busy machine are fewer than those of the clock. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void request(int number) {
  (void)number;
  requested = now();
  arcuate_cancel_request(cancel);
}

/* A signal a third of a second from now. */
static void alarm_soon(void) {
  struct itimerval timer = {{0, 0}, {0, 300000}};
  requested = 0;
  CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

static void *request_soon(void *unused) {
  struct timespec pause = {0, 300000000};
  nanosleep(&pause, NULL);
  request(0);
  return unused;
}

/* The call was canceled, and not later than a second after the request. Prints the time for the
 * log. */
static void expect(arcuate_status status, const char *what) {
  double took = now() - requested;
  printf("%-40s %6.3f s\n", what, took);
  CHECK(status == ARCUATE_ERROR_CANCELED);
  CHECK(requested > 0 && took < 1);
  CHECK(arcuate_cancel_requested(cancel) == 1);
  arcuate_cancel_clear(cancel);
  CHECK(arcuate_cancel_requested(cancel) == 0);
}

static const char large[] =
    "{\"input\": 3000, \"layers\": [{\"kind\": \"linear\", \"size\": 3000}, {\"kind\": "
    "\"batch_norm\"}, {\"kind\": \"relu\"}, {\"kind\": \"linear\", \"size\": 3000}, {\"kind\": "
    "\"relu\"}, {\"kind\": \"linear\", \"size\": 10}], \"dt_s\": 1e-3, \"seed\": 3}";

static arcuate_model *read_layers(const char *text) {
  arcuate_model *model = NULL;
  CHECK(arcuate_model_from_memory(text, strlen(text), NULL, &model, NULL) == ARCUATE_SUCCESS);
  return model;
}

/* Reading: drawing 10^8 weights. */
static void initial_weights(void) {
  static const char text[] =
      "{\"input\": 10000, \"layers\": [{\"kind\": \"linear\", \"size\": 10000}, {\"kind\": "
      "\"linear\", \"size\": 10000}, {\"kind\": \"linear\", \"size\": 10000}], \"dt_s\": 1e-3}";
  arcuate_model *model = NULL;
  alarm_soon();
  expect(arcuate_model_from_memory(text, strlen(text), NULL, &model, NULL), "drawing weights");
  CHECK(model == NULL);
  /* Canceled before it begins. */
  request(0);
  expect(arcuate_model_from_memory(large, strlen(large), NULL, &model, NULL), "at once");
}

/* Running: the session is at rest afterwards. how: 0 a signal, 1 a thread, 2 events, 3 a step. */
static void session(const char *digits, int32_t threads, int32_t batch, int how) {
  arcuate_plan *plan = compile_digits(digits, batch, threads);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  const size_t frames = most_frames, few = 5, size = (size_t)batch;
  float *x = calloc(frames * size * INPUTS, sizeof *x);
  float *first = malloc(few * size * OUTPUTS * sizeof *first);
  float *again = malloc(few * size * OUTPUTS * sizeof *again);
  CHECK(x && first && again);
  draw(x, few * size * INPUTS, 5);
  const float *inputs[] = {x};
  float *outputs[] = {first};
  const size_t all[] = {frames * size * INPUTS}, some[] = {few * size * INPUTS};
  const size_t counts[] = {few * size * OUTPUTS}, one[] = {size * INPUTS};
  CHECK(arcuate_session_run(session, few, inputs, some, outputs, counts) == ARCUATE_SUCCESS);
  pthread_t thread;
  requested = 0;
  if (how == 1) {
    CHECK(pthread_create(&thread, NULL, request_soon, NULL) == 0);
  } else {
    alarm_soon();
  }
  char what[64];
  sprintf(what, "running: %d threads, batch %d, %d", (int)threads, (int)batch, how);
  /* Again and again, since machines differ. */
  arcuate_status status = ARCUATE_SUCCESS;
  arcuate_event *out = malloc(EVENTS * sizeof *out);
  CHECK(out != NULL);
  while (status == ARCUATE_SUCCESS && (requested == 0 || now() - requested < 1)) {
    if (how == 2) {
      size_t done, consumed, written;
      status = arcuate_session_run_events(session, NULL, 0, EVENTS / OUTPUTS / size, out, EVENTS,
                                          &done, &consumed, &written);
    } else if (how == 3) {
      status = arcuate_session_step(session, inputs, one, NULL, NULL);
    } else {
      status = arcuate_session_run(session, frames, inputs, all, NULL, NULL);
    }
  }
  free(out);
  expect(status, what);
  CHECK(strstr(arcuate_session_last_error(session), "canceled") != NULL);
  if (how == 1) CHECK(pthread_join(thread, NULL) == 0);
  outputs[0] = again;
  CHECK(arcuate_session_run(session, few, inputs, some, outputs, counts) == ARCUATE_SUCCESS);
  CHECK(memcmp(first, again, few * size * OUTPUTS * sizeof *first) == 0);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  free(x), free(first), free(again);
}

static arcuate_trainer *trainer_of(const arcuate_model *model, int32_t batch, int32_t threads) {
  arcuate_training_options options;
  arcuate_training_options_init(&options);
  options.batch = batch;
  options.threads = threads;
  arcuate_trainer *trainer = NULL;
  CHECK(arcuate_trainer_create(model, &options, &trainer, NULL) == ARCUATE_SUCCESS);
  return trainer;
}

/* The loss by parameters and running statistics: it tells whether any has changed. */
static double loss_of(arcuate_trainer *trainer, const arcuate_samples *samples) {
  arcuate_training_result result = {.struct_size = sizeof result};
  CHECK(arcuate_trainer_evaluate(trainer, samples, &result) == ARCUATE_SUCCESS);
  return result.loss;
}

/* Training: nothing has changed. */
static void training(int32_t threads) {
  const int32_t batch = 1500;
  arcuate_model *model = read_layers(large);
  arcuate_trainer *one = trainer_of(model, batch, threads);
  const size_t count = (size_t)batch * 3000;
  float *x = malloc(count * sizeof *x), *y = malloc((size_t)batch * 10 * sizeof *y);
  int32_t *labels = malloc((size_t)batch * sizeof *labels);
  CHECK(x && y && labels);
  draw(x, count, 9);
  for (int32_t i = 0; i < batch; i++) labels[i] = i % 10;
  const float *inputs[] = {x};
  float *outputs[] = {y};
  const size_t counts[] = {count}, output_counts[] = {(size_t)batch * 10};
  arcuate_samples samples = {
      sizeof samples, (size_t)batch, inputs, counts, labels, NULL, 0, NULL, 0};
  char what[64];
  static const double pauses[] = {0.05, 0.3, 0.8};
  for (int i = 0; i < 3; i++) {
    struct itimerval timer = {{0, 0}, {0, (int)(pauses[i] * 1e6)}};
    requested = 0;
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    sprintf(what, "training: %d threads, after %.2f s", (int)threads, pauses[i]);
    arcuate_status status = arcuate_trainer_train_step(one, &samples, NULL);
    /* A fast machine may have ended the step: then it is no test. */
    if (requested == 0) {
      printf("the step took less than %.2f s\n", pauses[i]);
      return;
    }
    expect(status, what);
    CHECK(arcuate_trainer_step(one) == 0);
  }
  alarm_soon();
  expect(arcuate_trainer_gradients(one, &samples, NULL), "gradients");
  alarm_soon();
  expect(arcuate_trainer_evaluate(one, &samples, NULL), "evaluating");
  alarm_soon();
  expect(arcuate_trainer_predict(one, &samples, outputs, output_counts), "predicting");
  double canceled = loss_of(one, &samples);
  arcuate_trainer_free(one);
  arcuate_trainer *other = trainer_of(model, batch, threads);
  CHECK(loss_of(other, &samples) == canceled);
  arcuate_trainer_free(other);
  arcuate_model_free(model);
  free(x), free(y), free(labels);
}

/* Converting and quantizing, on frames. */
static void conversion(void) {
  arcuate_model *model = read_layers(large), *made = NULL;
  const size_t frames = 15000, count = frames * 3000;
  float *x = malloc(count * sizeof *x);
  CHECK(x != NULL);
  draw(x, count, 11);
  const float *inputs[] = {x};
  const size_t counts[] = {count};
  arcuate_conversion_options convert;
  arcuate_conversion_options_init(&convert);
  convert.frames = frames;
  convert.inputs = inputs;
  convert.input_counts = counts;
  alarm_soon();
  expect(arcuate_model_convert(model, &convert, &made, NULL), "converting");
  arcuate_quantization_options quantize;
  arcuate_quantization_options_init(&quantize);
  quantize.frames = frames;
  quantize.inputs = inputs;
  quantize.input_counts = counts;
  alarm_soon();
  expect(arcuate_model_quantize(model, &quantize, &made, NULL), "quantizing");
  CHECK(made == NULL);
  arcuate_model_free(model);
  free(x);
}

static int asked;
static int32_t after_three(void *context) {
  CHECK(context == &asked);
  requested = now();
  return ++asked == 3;
}

/* A function that is asked, first after a while. */
static void poll(const char *digits) {
  arcuate_cancel *other = cancel;
  CHECK(arcuate_cancel_create(after_three, &asked, &cancel, NULL) == ARCUATE_SUCCESS);
  arcuate_cancel_watch(cancel);
  arcuate_plan *plan = compile_digits(digits, 1, 1);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  const size_t frames = 2 * most_frames;
  float *x = calloc(frames, INPUTS * sizeof *x);
  const float *inputs[] = {x};
  const size_t counts[] = {frames * INPUTS}, one[] = {INPUTS};
  CHECK(arcuate_session_run(session, 1, inputs, one, NULL, NULL) == ARCUATE_SUCCESS);
  CHECK(asked == 0);
  expect(arcuate_session_run(session, frames, inputs, counts, NULL, NULL), "a function");
  CHECK(asked == 3);
  free(x);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_cancel_free(cancel); /* which is watched by this thread */
  cancel = other;
  arcuate_cancel_watch(cancel);
}

int main(int count, char **arguments) {
  CHECK(count == 3 || count == 4);
  const int is_whole = count == 3;
  if (!is_whole) most_frames = 20000;
  CHECK(arcuate_cancel_create(NULL, NULL, &cancel, NULL) == ARCUATE_SUCCESS);
  CHECK(strcmp(arcuate_status_name(ARCUATE_ERROR_CANCELED), "canceled") == 0);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = request;
  CHECK(sigaction(SIGPROF, &action, NULL) == 0);
  arcuate_cancel_watch(cancel);
  if (is_whole) initial_weights();
  for (int32_t threads = 1; threads <= 4; threads *= 2) {
    session(arguments[1], threads, 1, 0);
    session(arguments[1], threads, 8, 1);
    session(arguments[1], threads, 1, 2);
    session(arguments[1], threads, 8, 3);
  }
  if (is_whole) {
    training(1);
    training(2);
    conversion();
  }
  poll(arguments[1]);
  /* Threads that do not watch are not canceled. */
  request(0);
  arcuate_cancel_watch(NULL);
  arcuate_model_free(open_digits(arguments[1]));
  arcuate_cancel_free(cancel);
  return 0;
}
