/* A streaming host: classifies frames of speech one by one with a spiking network, and prints the
 * spoken digit at the end of each utterance.
 *
 *     stream digits.nir digits.ark truth.txt
 *
 * The network uses five frames on each side, so the output for a frame comes five frames later: the
 * latency of the host. examples/python/stream.py does the same; the summaries have the same bits.
 */
#include <arcuate.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

enum { CONTEXT = 5, WINDOW = 2 * CONTEXT + 1, FEATURES = 13, DIGITS = 10 };

/* Totals over all utterances. */
typedef struct score {
  int utterances, right;
  uint64_t frames;
  uint32_t checksum;
} score;

static void fail(arcuate_error *error) {
  fprintf(stderr, "stream: %s\n", arcuate_error_message(error));
  exit(1);
}

/* A plan with the model's own options: its metadata states the steps per frame. */
static arcuate_plan *load(const char *path) {
  arcuate_error *error = NULL;
  arcuate_model *model = NULL;
  if (arcuate_model_open(path, NULL, &model, &error)) fail(error);

  arcuate_plan *plan = NULL;
  if (arcuate_plan_create(model, NULL, &plan, &error)) fail(error);
  arcuate_model_free(model);
  if (arcuate_plan_input_size(plan, 0) != WINDOW * FEATURES ||
      arcuate_plan_output_size(plan, 0) != DIGITS) {
    fprintf(stderr, "stream: %s is not a network of spoken digits\n", path);
    exit(1);
  }
  return plan;
}

/* Advances the window by one frame and, if `runs`, runs the network on it. */
static void push(arcuate_session *session, float window[WINDOW][FEATURES], const float *frame,
                 int runs, double sums[DIGITS], score *score) {
  memmove(window[0], window[1], (WINDOW - 1) * sizeof window[0]);
  memcpy(window[WINDOW - 1], frame, sizeof window[0]);
  if (!runs) return;

  float output[DIGITS];
  const float *inputs[] = {window[0]};
  float *outputs[] = {output};
  const size_t input_counts[] = {WINDOW * FEATURES}, output_counts[] = {DIGITS};
  if (arcuate_session_run(session, 1, inputs, input_counts, outputs, output_counts)) {
    fprintf(stderr, "stream: %s\n", arcuate_session_last_error(session));
    exit(1);
  }
  score->frames++;
  for (size_t i = 0; i < sizeof output; i++) {
    score->checksum = (score->checksum ^ ((const unsigned char *)output)[i]) * 16777619u;
  }
  /* Log-softmax, summed over the utterance. */
  double top = output[0], total = 0;
  for (int d = 1; d < DIGITS; d++) top = output[d] > top ? output[d] : top;
  for (int d = 0; d < DIGITS; d++) total += exp(output[d] - top);
  for (int d = 0; d < DIGITS; d++) sums[d] += output[d] - top - log(total);
}

static int recognize(arcuate_session *session, const utterance *u, score *score) {
  float window[WINDOW][FEATURES];
  double sums[DIGITS] = {0};
  /* The first frame is repeated before the utterance, the last one after it. */
  for (int i = 0; i < WINDOW; i++) memcpy(window[i], u->frames, sizeof window[i]);
  for (int t = 0; t < u->rows + CONTEXT; t++) {
    int arrived = t < u->rows ? t : u->rows - 1;
    push(session, window, u->frames + (size_t)arrived * FEATURES, t >= CONTEXT, sums, score);
  }
  int best = 0;
  for (int d = 1; d < DIGITS; d++) best = sums[d] > sums[best] ? d : best;
  return best;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: stream MODEL ARCHIVE TRUTH\n");
    return 2;
  }
  arcuate_plan *plan = load(arguments[1]);
  arcuate_session *session = NULL;
  arcuate_error *error = NULL;
  if (arcuate_session_create(plan, &session, &error)) fail(error);

  FILE *archive = fopen(arguments[2], "rb"), *truth = fopen(arguments[3], "r");
  if (!archive || !truth) {
    fprintf(stderr, "stream: %s cannot be opened\n", arguments[archive ? 3 : 2]);
    return 1;
  }
  score score = {0, 0, 0, 2166136261u};
  utterance u = {"", 0, 0, NULL};
  int more;
  while ((more = archive_next(archive, &u)) > 0) {
    char key[256];
    int digit;
    if (fscanf(truth, "%255s %d", key, &digit) != 2 || strcmp(key, u.key) != 0 ||
        u.columns != FEATURES || u.rows == 0) {
      fprintf(stderr, "stream: %s: %d frames of %d, and truth about %s\n", u.key, u.rows, u.columns,
              key);
      return 1;
    }
    int heard = recognize(session, &u, &score);
    score.utterances++;
    score.right += heard == digit;
    printf("%s  recognized %d  truth %d%s\n", u.key, heard, digit,
           heard == digit ? "" : "   <- wrong");
  }
  if (more < 0 || score.frames == 0) {
    fprintf(stderr, "stream: %s is not an archive of float matrices\n", arguments[2]);
    return 1;
  }

  arcuate_counters counters;
  counters.struct_size = sizeof counters;
  if (arcuate_session_counters(session, -1, -1, &counters)) {
    fprintf(stderr, "stream: the counters cannot be read\n");
    return 1;
  }
  double frames = (double)score.frames;
  printf("utterances %d of %d right\n", score.right, score.utterances);
  printf("spikes per frame %.2f\n", (double)counters.spikes / frames);
  printf("operations per frame %.2f MAC + %.2f AC\n", (double)counters.macs / frames,
         (double)counters.acs / frames);
  printf("log-posterior checksum 0x%08x\n", (unsigned)score.checksum);

  free(u.frames);
  fclose(archive);
  fclose(truth);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  return 0;
}
