/* Prints the bits of what a network computes, and of a network that is trained: processors.sh
 * compares them from processor to processor. processors FILE.nir */
#include "check.h"

static uint64_t hash = 0xCBF29CE484222325u;

static void add(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    hash = (hash ^ bits) * 0x100000001B3u;
  }
}

static void run(const char *path, int32_t batch) {
  enum { FRAMES = 6, MOST = 5 };
  static float x[FRAMES * MOST * INPUTS], y[FRAMES * MOST * OUTPUTS];
  arcuate_plan *plan = compile_digits(path, batch, 1);
  arcuate_session *session = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  const float *inputs[] = {x};
  float *outputs[] = {y};
  const size_t in[] = {FRAMES * (size_t)batch * INPUTS};
  const size_t out[] = {FRAMES * (size_t)batch * OUTPUTS};
  draw(x, in[0], 3);
  CHECK(arcuate_session_run(session, FRAMES, inputs, in, outputs, out) == ARCUATE_SUCCESS);
  add(y, out[0]);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
}

/* Convolution, batch normalization, spikes, recurrence, int8 weights. */
static void train(void) {
  static const char layers[] =
      "{\"input\": [2, 9, 9], \"layers\": [{\"kind\": \"convolution\", \"channels\": 5, "
      "\"kernel\": 3}, {\"kind\": \"batch_norm\"}, {\"kind\": \"lif\", \"beta\": 0.9}, {\"kind\": "
      "\"flatten\"}, {\"kind\": \"linear\", \"size\": 33}, {\"kind\": \"lif\", \"beta\": 0.8, "
      "\"recurrent\": true}, {\"kind\": \"gru\", \"size\": 7}, {\"kind\": \"linear\", \"size\": "
      "10}], \"dt_s\": 1e-3, \"seed\": 3}";
  enum { SAMPLES = 6, SIZE = 162, STEPS = 4 };
  static float x[SAMPLES * SIZE], y[SAMPLES * STEPS * 10];
  draw(x, SAMPLES * SIZE, 5);
  arcuate_model *model = NULL, *trained = NULL, *narrow = NULL;
  CHECK(arcuate_model_from_memory(layers, strlen(layers), NULL, &model, NULL) == ARCUATE_SUCCESS);
  arcuate_training_options options;
  arcuate_training_options_init(&options);
  options.batch = SAMPLES;
  options.steps = STEPS;
  arcuate_trainer *trainer = NULL;
  CHECK(arcuate_trainer_create(model, &options, &trainer, NULL) == ARCUATE_SUCCESS);
  const float *inputs[] = {x};
  float *outputs[] = {y};
  const size_t in[] = {SAMPLES * SIZE}, out[] = {SAMPLES * STEPS * 10}, once[] = {SIZE},
               ten[] = {10};
  const int32_t labels[SAMPLES] = {1, 2, 3, 4, 5, 6};
  arcuate_samples samples = {sizeof samples, SAMPLES, inputs, in, labels, NULL, 0};
  for (int i = 0; i < 3; i++) {
    CHECK(arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_SUCCESS);
  }
  CHECK(arcuate_trainer_predict(trainer, &samples, outputs, out) == ARCUATE_SUCCESS);
  add(y, out[0]);
  CHECK(arcuate_trainer_model(trainer, &trained, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_model_quantize(trained, NULL, &narrow, NULL) == ARCUATE_SUCCESS);
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  CHECK(arcuate_plan_create(narrow, NULL, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  for (int i = 0; i < SAMPLES; i++) {
    const float *sample[] = {x + i * SIZE};
    CHECK(arcuate_session_run(session, 1, sample, once, outputs, ten) == ARCUATE_SUCCESS);
    add(y, 10);
  }
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_model_free(narrow);
  arcuate_model_free(trained);
  arcuate_trainer_free(trainer);
  arcuate_model_free(model);
}

int main(int count, char **arguments) {
  CHECK(count >= 2);
  run(arguments[1], 1);
  run(arguments[1], 5);
  train();
  printf("%016llx", (unsigned long long)hash);
  arcuate_plan *plan = compile_digits(arguments[1], 1, 1);
  const char *set = strstr(arcuate_plan_explain(plan), "processor");
  CHECK(set != NULL);
  printf(" %.*s\n", (int)strcspn(set + 9, "\n"), set + 9);
  arcuate_plan_free(plan);
  return 0;
}
