/* Runs small workloads through the C interface, each once to settle and once more to be counted.
 *
 *     valgrind --tool=callgrind --instr-atstart=no --combine-dumps=yes count DIGITS.nir [NAME]
 *
 * Prints a line for each: name, what is done most of and how often, kernels that have run.
 * Callgrind dumps the instructions of the second run under the workload's name.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "network.h"

enum { WIDTH = 256, WIDE = 640, SIDE = 34 };

/* ---- Networks ---- */

static arcuate_model *dense(element type) {
  network *net = new_network(1);
  append(net, "input", "Input", ",'shape':[%d]", WIDTH);
  append_linear(net, "weights", type, 0, 127, 10, WIDTH, WIDTH);
  append(net, "output", "Output", ",'shape':[%d]", WIDTH);
  return open_network(net);
}

/* What comes in is how often the first neurons fire; the second fire about as often. */
static arcuate_model *spiking_of(int width, element type) {
  network *net = new_network(2);
  append(net, "input", "Input", ",'shape':[%d]", width);
  append_if(net, "neurons0");
  append_linear(net, "weights0", type, 2048 / width, 64, 11, (size_t)width, (size_t)width);
  append_if(net, "neurons1");
  append_linear(net, "weights1", type, 0, 127, 10, (size_t)width, (size_t)width);
  append(net, "output", "Output", ",'shape':[%d]", width);
  return open_network(net);
}

static arcuate_model *spiking(element type) { return spiking_of(WIDTH, type); }
/* Weights that kernels take to be far away, and ask for in time. */
static arcuate_model *far(element type) { return spiking_of(WIDE, type); }

static arcuate_model *recurrent(element type) {
  network *net = new_network(3);
  append(net, "input", "Input", ",'shape':[%d]", WIDTH);
  append_linear(net, "weights", type, 2, 40, 9, 128, WIDTH);
  append_lif(net, "hidden");
  append_linear(net, "readout", type, 4, 60, 9, 20, 128);
  append_lif(net, "answers");
  append(net, "output", "Output", ",'shape':[20]");
  /* Beside the chain: the hidden neurons among themselves. */
  net->last[0] = 0;
  append_linear(net, "recurrent", type, 0, 60, 10, 128, 128);
  connect(net, "hidden", "recurrent");
  connect(net, "recurrent", "hidden");
  return open_network(net);
}

static arcuate_model *convolution(element type) {
  const char *plain = ",'stride':[1,1],'padding':'valid','dilation':[1,1],'groups':1";
  const char *halved = ",'kernel_size':[2,2],'stride':[2,2],'padding':[0,0]";
  network *net = new_network(4);
  append(net, "input", "Input", ",'shape':[2,%d,%d]", SIDE, SIDE);
  append_weights(net, "convolution0", "Conv2d", type, 20, 80, 9, 4, (size_t[]){12, 2, 5, 5}, plain);
  append_if(net, "neurons0");
  append(net, "pooling0", "SumPool2d", halved);
  append_weights(net, "convolution1", "Conv2d", type, 3, 60, 11, 4, (size_t[]){16, 12, 5, 5},
                 plain);
  append_if(net, "neurons1");
  append(net, "pooling1", "SumPool2d", halved);
  append(net, "flatten", "Flatten", ",'start_dim':0,'end_dim':-1,'input_shape':[16,5,5]");
  append_linear(net, "weights", type, 0, 127, 10, 10, 400);
  append(net, "output", "Output", ",'shape':[10]");
  return open_network(net);
}

static arcuate_model *neurons(element type) {
  (void)type;
  network *net = new_network(5);
  append(net, "input", "Input", ",'shape':[1024]");
  append_lif(net, "neurons");
  append(net, "output", "Output", ",'shape':[1024]");
  return open_network(net);
}

/* Almost nothing: what a call costs. */
static arcuate_model *call(element type) {
  (void)type;
  network *net = new_network(6);
  append(net, "input", "Input", ",'shape':[8]");
  append_if(net, "neurons");
  append(net, "output", "Output", ",'shape':[8]");
  return open_network(net);
}

static const char *digits_path;

static arcuate_model *digits(element type) {
  (void)type;
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_open(digits_path, NULL, &model, &error))
    refuse(digits_path, arcuate_error_message(error));
  return model;
}

/* ---- Workloads ---- */

/* How the numbers of an input are drawn: from -1 to 1; from 0 to twice a rate, at most 1; or ones
 * with that probability among zeros. */
typedef enum { VALUES, RATES, SPIKES } drawing;
typedef enum { RUN, STEP, EVENTS } way;
typedef enum { OPERATIONS, UPDATES, CALLS } unit;

typedef struct {
  const char *name;
  arcuate_model *(*open)(element);
  element type;
  drawing drawing;
  double rate;
  way way;
  int32_t steps, batch;
  size_t frames; /* or calls, or steps of the one call with events */
  unit unit;
  int32_t numerics; /* exact unless said */
} workload;

static const workload workloads[] = {
    {"dense-float32", dense, FLOAT32, VALUES, 0, RUN, 1, 4, 16, OPERATIONS, 0},
    {"dense-bfloat16", dense, BFLOAT16, VALUES, 0, RUN, 1, 4, 16, OPERATIONS, 0},
    {"dense-int8", dense, INT8, VALUES, 0, RUN, 1, 4, 16, OPERATIONS, 0},
    {"dense-fast", dense, FLOAT32, VALUES, 0, RUN, 1, 4, 16, OPERATIONS, ARCUATE_NUMERICS_FAST},
    {"events-float32", spiking, FLOAT32, RATES, 0.08, STEP, 1, 1, 80, OPERATIONS, 0},
    {"events-bfloat16", spiking, BFLOAT16, RATES, 0.08, STEP, 1, 1, 80, OPERATIONS, 0},
    {"events-int8", spiking, INT8, RATES, 0.08, STEP, 1, 1, 80, OPERATIONS, 0},
    {"frames-float32", spiking, FLOAT32, RATES, 0.08, RUN, 10, 1, 8, OPERATIONS, 0},
    {"frames-bfloat16", spiking, BFLOAT16, RATES, 0.08, RUN, 10, 1, 8, OPERATIONS, 0},
    {"frames-int8", spiking, INT8, RATES, 0.08, RUN, 10, 1, 8, OPERATIONS, 0},
    {"frames-full", spiking, FLOAT32, RATES, 1, RUN, 10, 1, 8, OPERATIONS, 0},
    {"batch-float32", spiking, FLOAT32, RATES, 0.08, RUN, 10, 24, 2, OPERATIONS, 0},
    {"batch-bfloat16", spiking, BFLOAT16, RATES, 0.08, RUN, 10, 24, 2, OPERATIONS, 0},
    {"batch-int8", spiking, INT8, RATES, 0.08, RUN, 10, 24, 2, OPERATIONS, 0},
    {"far-events", far, FLOAT32, RATES, 0.08, STEP, 1, 1, 40, OPERATIONS, 0},
    {"far-float32", far, FLOAT32, RATES, 0.08, RUN, 10, 1, 4, OPERATIONS, 0},
    {"far-bfloat16", far, BFLOAT16, RATES, 0.08, RUN, 10, 1, 4, OPERATIONS, 0},
    {"far-int8", far, INT8, RATES, 0.08, RUN, 10, 1, 4, OPERATIONS, 0},
    {"far-batch", far, FLOAT32, RATES, 0.08, RUN, 10, 16, 1, OPERATIONS, 0},
    {"recurrent", recurrent, FLOAT32, SPIKES, 0.05, STEP, 1, 1, 100, OPERATIONS, 0},
    {"recurrent-batch", recurrent, FLOAT32, SPIKES, 0.05, RUN, 1, 16, 20, OPERATIONS, 0},
    {"convolution", convolution, FLOAT32, SPIKES, 0.02, EVENTS, 1, 1, 10, OPERATIONS, 0},
    {"convolution-full", convolution, FLOAT32, SPIKES, 1, EVENTS, 1, 1, 10, OPERATIONS, 0},
    {"neurons", neurons, FLOAT32, VALUES, 0, RUN, 10, 1, 8, UPDATES, 0},
    {"digits", digits, FLOAT32, VALUES, 0, RUN, 10, 1, 16, OPERATIONS, 0},
    {"call", call, FLOAT32, RATES, 0.08, STEP, 1, 1, 100, CALLS, 0},
};

static float *draw_input(const workload *work, size_t count) {
  uint32_t seed = 7;
  float *values = malloc(count * sizeof *values);
  if (!values) refuse(work->name, "there is no memory");
  for (size_t i = 0; i < count; i++) {
    float part = (float)draw(&seed, 65536) / 65536.0f, rate = (float)work->rate;
    if (work->drawing == VALUES) values[i] = 2 * part - 1;
    if (work->drawing == RATES) values[i] = rate < 1 ? 2 * rate * part : 1;
    if (work->drawing == SPIKES) values[i] = part < rate ? 1 : 0;
  }
  return values;
}

/* All events of the input [steps][size] of one stream. */
static arcuate_event *list_events(const float *x, size_t steps, size_t size, size_t *count) {
  arcuate_event *events = malloc(steps * size * sizeof *events);
  if (!events) refuse("events", "there is no memory");
  *count = 0;
  for (size_t i = 0; i < steps * size; i++)
    if (x[i] != 0)
      events[(*count)++] = (arcuate_event){(uint32_t)(i / size), 0, 0, (uint32_t)(i % size), x[i]};
  return events;
}

static void measure(const workload *work) {
  arcuate_compile_options options;
  arcuate_compile_options_init(&options);
  options.steps_per_frame = work->steps;
  options.batch = work->batch;
  options.numerics = work->numerics;
  arcuate_model *model = work->open(work->type);
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  arcuate_error *error = NULL;
  if (arcuate_plan_create(model, &options, &plan, &error) ||
      arcuate_session_create(plan, &session, &error))
    refuse(work->name, arcuate_error_message(error));

  size_t in = (size_t)work->batch * arcuate_plan_input_size(plan, 0);
  size_t out = (size_t)work->batch * arcuate_plan_output_size(plan, 0);
  float *x = draw_input(work, work->frames * in), *y = malloc(work->frames * out * sizeof *y);
  size_t event_count = 0, room = work->frames * out;
  arcuate_event *events = list_events(x, work->frames, in, &event_count);
  arcuate_event *answers = malloc(room * sizeof *answers);
  if (!y || !answers) refuse(work->name, "there is no memory");

  for (int round = 0; round < 2; round++) {
    arcuate_session_clear_counters(session);
    arcuate_status status = 0;
    if (round) CALLGRIND_START_INSTRUMENTATION;
    if (work->way == RUN)
      status = arcuate_session_run(session, work->frames, (const float *[]){x},
                                   (size_t[]){work->frames * in}, (float *[]){y},
                                   (size_t[]){work->frames * out});
    for (size_t i = 0; work->way == STEP && i < work->frames && !status; i++)
      status = arcuate_session_step(session, (const float *[]){x + i * in}, (size_t[]){in},
                                    (float *[]){y + i * out}, (size_t[]){out});
    if (work->way == EVENTS)
      status = arcuate_session_run_events(session, events, event_count, work->frames, answers, room,
                                          NULL, NULL, NULL);
    if (round) CALLGRIND_STOP_INSTRUMENTATION;
    if (status) refuse(work->name, arcuate_session_last_error(session));
  }
  CALLGRIND_DUMP_STATS_AT(work->name);

  arcuate_counters counters = {.struct_size = sizeof counters};
  char kernels[512];
  if (arcuate_session_counters(session, -1, -1, &counters))
    refuse(work->name, arcuate_session_last_error(session));
  arcuate_session_kernels(session, kernels, sizeof kernels);
  for (char *at = kernels; *at; at++)
    if (*at == ' ') *at = ',';
  uint64_t units[] = {counters.macs + counters.acs, counters.neuron_updates, work->frames};
  static const char *const names[] = {"operations", "updates", "calls"};
  printf("%s %s %" PRIu64 " %s\n", work->name, names[work->unit], units[work->unit], kernels);

  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_model_free(model);
  free(answers);
  free(events);
  free(x);
  free(y);
}

int main(int count, char **arguments) {
  if (count < 2) refuse("count", "say where examples/digits/digits.nir is");
  digits_path = arguments[1];
  int measured = 0;
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
    if (count > 2 && strcmp(arguments[2], workloads[i].name)) continue;
    measure(&workloads[i]);
    measured++;
  }
  if (!measured) refuse(arguments[2], "there is no such workload");
  return 0;
}
