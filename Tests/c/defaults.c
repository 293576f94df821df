/* A plan without options runs a model as its metadata states: the README's program gives the
 * outputs that `arcuate run` gives. */
#include <math.h>

#include "check.h"

static void run(const arcuate_plan *plan, const float *frame, float *scores) {
  arcuate_session *session = NULL;
  const float *inputs[] = {frame};
  float *outputs[] = {scores};
  const size_t input_counts[] = {INPUTS}, output_counts[] = {OUTPUTS};
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_run(session, 1, inputs, input_counts, outputs, output_counts) ==
        ARCUATE_SUCCESS);
  arcuate_session_free(session);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  char path[4096];
  snprintf(path, sizeof path, "%s/frame.f32", arguments[2]);
  float frame[INPUTS], scores[OUTPUTS], other[OUTPUTS];
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL && fread(frame, sizeof *frame, INPUTS, file) == INPUTS);
  fclose(file);

  /* The outputs of `arcuate run` for this frame. */
  static const float expected[OUTPUTS] = {-8.78659f, -11.788f, -6.37532f, 12.5434f,  -23.9696f,
                                          -5.53403f, 1.25683f, -22.6419f, -8.36886f, 10.0324f};
  arcuate_model *model = open_digits(arguments[1]);
  arcuate_plan *plan = NULL;
  CHECK(arcuate_plan_create(model, NULL, &plan, NULL) == ARCUATE_SUCCESS);
  run(plan, frame, scores);
  for (int i = 0; i < OUTPUTS; i++) CHECK(fabsf(scores[i] - expected[i]) < 1e-4f);
  const char *words = arcuate_plan_explain(plan);
  CHECK(strstr(words, "steps per frame  10 (model metadata)") != NULL);
  CHECK(strstr(words, "batch            1 (default)") != NULL);

  /* What the plan says, and what the model says, is the same; giving it changes nothing. */
  arcuate_compile_options stated, used;
  memset(&stated, 0xAA, sizeof stated);
  CHECK(arcuate_compile_options_from_model(model, &stated, NULL) == ARCUATE_SUCCESS);
  used.struct_size = sizeof used;
  CHECK(arcuate_plan_options(plan, &used, NULL) == ARCUATE_SUCCESS);
  CHECK(stated.steps_per_frame == 10 && used.steps_per_frame == 10);
  CHECK(stated.frame_state == ARCUATE_FRAME_STATE_RESET && used.frame_state == stated.frame_state);
  CHECK(stated.frame_input == ARCUATE_FRAME_INPUT_HOLD && used.frame_input == stated.frame_input);
  CHECK(stated.frame_output == ARCUATE_FRAME_OUTPUT_LAST &&
        used.frame_output == stated.frame_output);
  CHECK(stated.batch == 1 && used.batch == 1 && stated.threads == 1 && used.threads == 1);
  arcuate_plan_free(plan);
  CHECK(arcuate_plan_create(model, &stated, &plan, NULL) == ARCUATE_SUCCESS);
  run(plan, frame, other);
  CHECK(memcmp(scores, other, sizeof scores) == 0);
  CHECK(strstr(arcuate_plan_explain(plan), "steps per frame  10 (given)") != NULL);
  arcuate_plan_free(plan);

  /* What is set overrides the model; what is not set follows it. */
  memset(&stated, 0, sizeof stated);
  stated.struct_size = sizeof stated;
  stated.steps_per_frame = 1;
  CHECK(arcuate_plan_create(model, &stated, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_plan_steps_per_frame(plan) == 1);
  CHECK(arcuate_plan_options(plan, &used, NULL) == ARCUATE_SUCCESS);
  CHECK(used.frame_state == ARCUATE_FRAME_STATE_RESET);
  run(plan, frame, other);
  CHECK(memcmp(scores, other, sizeof scores) != 0);
  arcuate_plan_free(plan);
  arcuate_model_free(model);
  puts("plans follow their models");
  return 0;
}
