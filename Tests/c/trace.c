/* Learning to learn from C: a small network with fast weights is trained by gradient through its
 * episodes, and then learns classes that it never met by its rule alone, as its equations say.
 *
 * Every class is a pattern of signs in half of the elements; the other half is louder and says
 * nothing. What training finds is which half counts. */
#include <math.h>

#include "check.h"

enum { WAYS = 3, WIDTH = 12, HALF = WIDTH / 2, FEATURES = 16, QUESTIONS = 3, BATCH = 16 };
enum { STEPS = WAYS + QUESTIONS, NUMBERS = FEATURES * WIDTH + 2 * WAYS * FEATURES + WAYS };

/* A number from -1 to 1. */
static float drawn(void) {
  static uint32_t state = 20;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1;
}

/* A .safetensors file in memory: the length of the head, the head, the numbers. */
static arcuate_model *network(void) {
  static const char graph[] =
      "{'nodes': [{'name': 'in', 'kind': 'Input', 'shape': [12]},"
      "{'name': 'label', 'kind': 'Input', 'shape': [3]},"
      "{'name': 'embed', 'kind': 'Linear', 'weight': 'e'}, {'name': 'x', 'kind': 'Tanh'},"
      "{'name': 'fast', 'kind': 'PlasticLinear', 'weight': 'w', 'alpha': 'a', 'rule': {'post': 'y',"
      "'decay': {'oja': 0.8}, 'terms': [{'event': 'step', 'pre': 'value', 'post': 'value',"
      "'rate': 0.8}]}}, {'name': 'clamp', 'kind': 'Scale', 'scale': 's'},"
      "{'name': 'y', 'kind': 'Softmax'}, {'name': 'out', 'kind': 'Output', 'shape': [3]}],"
      "'edges': [['in', 'embed'], ['embed', 'x'], ['x', 'fast'], ['label', 'clamp'],"
      "['fast', 'y'], ['clamp', 'y'], ['y', 'out']], 'dt_s': 0.001}";
  static const struct {
    const char *name;
    int rows, columns;
  } tensors[] = {{"e", FEATURES, WIDTH}, {"w", WAYS, FEATURES}, {"a", WAYS, FEATURES}};
  static unsigned char file[8192 + 4 * NUMBERS];
  char *head = (char *)file + 8;
  size_t at =
      (size_t)sprintf(head, "{\"__metadata__\": {\"arcuate.format\": \"1\", \"arcuate.model\": \"");
  for (const char *c = graph; *c; c++) {
    if (*c == '\'') head[at++] = '\\';
    head[at++] = *c == '\'' ? '"' : *c;
  }
  at += (size_t)sprintf(head + at, "\"}");
  int bytes = 0;
  for (int i = 0; i < 3; i++) {
    int end = bytes + 4 * tensors[i].rows * tensors[i].columns;
    at += (size_t)sprintf(
        head + at,
        ", \"%s\": {\"dtype\": \"F32\", \"shape\": [%d, %d], \"data_offsets\": [%d, %d]}",
        tensors[i].name, tensors[i].rows, tensors[i].columns, bytes, end);
    bytes = end;
  }
  at += (size_t)sprintf(
      head + at, ", \"s\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [%d, %d]}}",
      bytes, bytes + 4 * WAYS);
  while (at % 8) head[at++] = ' ';
  for (int i = 0; i < 8; i++) file[i] = (unsigned char)(at >> 8 * i & 255);
  float numbers[NUMBERS];
  for (int i = 0; i < NUMBERS; i++)
    numbers[i] = i < FEATURES * WIDTH                   ? 0.3f * drawn()
                 : i < NUMBERS - WAYS - WAYS * FEATURES ? 0.01f * drawn()
                 : i < NUMBERS - WAYS                   ? 0.2f + 0.1f * drawn()
                                                        : 1000;
  memcpy(head + at, numbers, sizeof numbers);
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_from_memory(file, 8 + at + sizeof numbers, NULL, &model, &error)) {
    fprintf(stderr, "%s\n", arcuate_error_message(error));
    exit(1);
  }
  return model;
}

/* An episode: each class once with its label, then questions about them; answers are their classes.
 */
static void episode(float inputs[STEPS][WIDTH], float labels[STEPS][WAYS], int answers[QUESTIONS]) {
  float classes[WAYS][HALF];
  for (int c = 0; c < WAYS; c++)
    for (int i = 0; i < HALF; i++) classes[c][i] = drawn() < 0 ? -1.0f : 1.0f;
  memset(labels, 0, sizeof(float) * STEPS * WAYS);
  for (int t = 0; t < STEPS; t++) {
    int class = t % WAYS;
    if (t < WAYS) labels[t][class] = 1;
    if (t >= WAYS) answers[t - WAYS] = class;
    for (int i = 0; i < WIDTH; i++)
      inputs[t][i] = i < HALF ? classes[class][i] + 0.3f * drawn() : 3 * drawn();
  }
}

static arcuate_session *session_of(const arcuate_model *model) {
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  CHECK(arcuate_plan_create(model, NULL, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  arcuate_plan_free(plan);
  return session;
}

static const size_t counts[] = {WIDTH, WAYS}, rooms[] = {WAYS};

static void step(arcuate_session *session, const float *input, const float *label, float *answer) {
  const float *ports[] = {input, label};
  float *outputs[] = {answer};
  CHECK(arcuate_session_step(session, ports, counts, outputs, rooms) == ARCUATE_SUCCESS);
}

/* The questions of new classes that a session answers right after seeing each class once. */
static int right_of(const arcuate_model *model, int episodes) {
  arcuate_session *session = session_of(model);
  int right = 0;
  for (int e = 0; e < episodes; e++) {
    float inputs[STEPS][WIDTH], labels[STEPS][WAYS], answer[WAYS];
    int answers[QUESTIONS];
    episode(inputs, labels, answers);
    CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
    for (int t = 0; t < STEPS; t++) {
      CHECK(arcuate_session_set_adapting(session, t < WAYS) == ARCUATE_SUCCESS);
      step(session, inputs[t], labels[t], answer);
      if (t < WAYS) continue;
      int said = 0;
      for (int c = 1; c < WAYS; c++)
        if (answer[c] > answer[said]) said = c;
      right += said == answers[t - WAYS];
    }
  }
  arcuate_session_free(session);
  return right;
}

static void parameter(const arcuate_trainer *trainer, const char *name, float *values,
                      size_t count) {
  int64_t place = arcuate_trainer_find_parameter(trainer, name);
  CHECK(place >= 0 && arcuate_trainer_parameter_size(trainer, (size_t)place) == count);
  CHECK(arcuate_trainer_read_parameter(trainer, (size_t)place, values, count, NULL) == 0);
}

/* Every step of a session beside its equations, in double precision. */
static void follows(const arcuate_model *model, const arcuate_trainer *trainer) {
  float e[FEATURES][WIDTH], w[WAYS][FEATURES], a[WAYS][FEATURES], rate;
  parameter(trainer, "embed.weight", *e, FEATURES * WIDTH);
  parameter(trainer, "fast.weight", *w, WAYS * FEATURES);
  parameter(trainer, "fast.alpha", *a, WAYS * FEATURES);
  parameter(trainer, "fast.rate", &rate, 1);
  arcuate_session *session = session_of(model);
  CHECK(arcuate_session_set_adapting(session, 1) == ARCUATE_SUCCESS);
  for (int round = 0; round < 20; round++) {
    float inputs[STEPS][WIDTH], labels[STEPS][WAYS], answer[WAYS], trained[WAYS][FEATURES];
    int answers[QUESTIONS];
    double h[WAYS][FEATURES] = {{0}};
    episode(inputs, labels, answers);
    CHECK(arcuate_session_reset(session) == ARCUATE_SUCCESS);
    for (int t = 0; t < STEPS; t++) {
      double x[FEATURES], y[WAYS], sum = 0, top = -INFINITY;
      for (int j = 0; j < FEATURES; j++) {
        x[j] = 0;
        for (int i = 0; i < WIDTH; i++) x[j] += (double)e[j][i] * inputs[t][i];
        x[j] = tanh(x[j]);
      }
      for (int c = 0; c < WAYS; c++) {
        y[c] = 1000.0 * labels[t][c];
        for (int j = 0; j < FEATURES; j++) y[c] += x[j] * (w[c][j] + a[c][j] * h[c][j]);
        if (y[c] > top) top = y[c];
      }
      for (int c = 0; c < WAYS; c++) sum += y[c] = exp(y[c] - top);
      for (int c = 0; c < WAYS; c++) y[c] /= sum;
      for (int c = 0; c < WAYS; c++)
        for (int j = 0; j < FEATURES; j++) h[c][j] += rate * (x[j] - h[c][j] * y[c]) * y[c];
      step(session, inputs[t], labels[t], answer);
      CHECK(arcuate_session_read_adapted(session, "fast", ARCUATE_ADAPTED_FAST, *trained,
                                         WAYS * FEATURES, NULL) == ARCUATE_SUCCESS);
      for (int c = 0; c < WAYS; c++) {
        CHECK(fabs(answer[c] - y[c]) < 1e-5);
        for (int j = 0; j < FEATURES; j++) CHECK(fabs(trained[c][j] - h[c][j]) < 1e-5);
      }
    }
  }
  arcuate_session_free(session);
}

static arcuate_trainer *trainer_of(const arcuate_model *model) {
  arcuate_training_options options;
  arcuate_training_options_init(&options);
  options.batch = BATCH;
  options.steps = STEPS;
  options.input = ARCUATE_SAMPLE_INPUT_EVERY;
  options.plastic_steps = WAYS;
  options.rate = 1e-2f;
  static const char *const frozen[] = {"clamp"};
  options.frozen_nodes = frozen;
  options.frozen_node_count = 1;
  arcuate_training_loss loss = {
      sizeof loss, 0, ARCUATE_LOSS_BINARY_CROSS_ENTROPY, ARCUATE_READOUT_EVERY, 1, WAYS, 0};
  options.losses = &loss;
  options.loss_count = 1;
  arcuate_trainer *trainer = NULL;
  CHECK(arcuate_trainer_create(model, &options, &trainer, NULL) == ARCUATE_SUCCESS);
  return trainer;
}

static void learn(arcuate_trainer *trainer) {
  static float inputs[BATCH][STEPS][WIDTH], labels[BATCH][STEPS][WAYS], targets[BATCH][STEPS][WAYS];
  int answers[QUESTIONS];
  for (int b = 0; b < BATCH; b++) {
    episode(inputs[b], labels[b], answers);
    memset(targets[b], 0, sizeof targets[b]);
    for (int q = 0; q < QUESTIONS; q++) targets[b][WAYS + q][answers[q]] = 1;
  }
  const float *ports[] = {**inputs, **labels};
  const size_t sizes[] = {BATCH * STEPS * WIDTH, BATCH * STEPS * WAYS};
  arcuate_samples samples = {sizeof samples,       BATCH, ports, sizes, NULL, **targets,
                             BATCH * STEPS * WAYS, NULL,  0};
  CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_SUCCESS);
}

int main(void) {
  arcuate_model *model = network(), *trained = NULL;
  arcuate_trainer *trainer = trainer_of(model);
  follows(model, trainer);
  int before = right_of(model, 200);
  for (int i = 0; i < 300; i++) learn(trainer);
  CHECK(arcuate_trainer_model(trainer, &trained, NULL) == ARCUATE_SUCCESS);
  follows(trained, trainer);
  int after = right_of(trained, 200), all = 200 * QUESTIONS;
  printf("new classes right: %d of %d before, %d after learning to learn\n", before, all, after);
  CHECK(before < all * 7 / 10 && after > all * 9 / 10);
  arcuate_trainer_free(trainer);
  arcuate_model_free(trained);
  arcuate_model_free(model);
  return 0;
}
