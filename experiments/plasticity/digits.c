/* Learns digits from a stream while it classifies them.
 *
 *     learn_digits NETWORK.safetensors IMAGES LABELS [COUNT [LEARNED.safetensors]]
 *
 * IMAGES and LABELS are IDX files (MNIST's, unpacked); NETWORK is what `stdp.py --write` makes, or
 * any network with one input for each pixel whose outputs are to be told apart.
 *
 * Weights change without labels, by spike-timing-dependent plasticity, while images arrive. Each
 * image is first answered: the class whose neurons respond most, as far as is known by then. Only
 * after that is its label looked at, and added to what each neuron has responded to. The share of
 * right answers is printed for every thousand images: it is the accuracy on images never seen.
 */
#include <arcuate.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 10, REPORT = 1000 };

static void fail(const char *what) {
  fprintf(stderr, "learn_digits: %s\n", what);
  exit(1);
}

/* The error by its place, since the call that sets it is an argument as well. */
static void check(arcuate_status status, arcuate_error *const *error) {
  if (status) fail(*error ? arcuate_error_message(*error) : arcuate_status_name(status));
}

static void refuse(const char *path) {
  fprintf(stderr, "learn_digits: %s: is not there, or no whole IDX file of bytes, unpacked\n",
          path);
  exit(1);
}

/* The bytes of an IDX file after its header; `sizes` gets up to three extents. */
static unsigned char *read_idx(const char *path, size_t sizes[3]) {
  FILE *file = fopen(path, "rb");
  unsigned char head[4], extent[4];
  size_t total = 1;
  if (!file || fread(head, 1, 4, file) != 4 || head[0] || head[1] || head[2] != 8 || head[3] < 1 ||
      head[3] > 3)
    refuse(path);
  for (int i = 0; i < 3; i++) {
    sizes[i] = 1;
    if (i < head[3]) {
      if (fread(extent, 1, 4, file) != 4) refuse(path);
      sizes[i] = (size_t)extent[0] << 24 | extent[1] << 16 | extent[2] << 8 | extent[3];
    }
    if (sizes[i] > 1u << 24 || total > ((size_t)1 << 32) / (sizes[i] + 1)) refuse(path);
    total *= sizes[i];
  }
  unsigned char *bytes = malloc(total + 1);
  if (!bytes || fread(bytes, 1, total, file) != total) refuse(path);
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 6) fail("usage: learn_digits NETWORK IMAGES LABELS [COUNT [LEARNED]]");
  size_t images[3], labels[3];
  unsigned char *pixels = read_idx(argv[2], images), *truth = read_idx(argv[3], labels);
  char *rest = "";
  size_t count = argc > 4 ? (size_t)strtoul(argv[4], &rest, 10) : images[0];
  size_t size = images[1] * images[2];
  if (*rest) fail("COUNT is a number of images");
  if (count > images[0] || count > labels[0]) fail("there are fewer images or labels than that");

  arcuate_error *error = NULL;
  arcuate_model *model = NULL;
  arcuate_plan *plan = NULL;
  arcuate_session *session = NULL;
  check(arcuate_model_open(argv[1], NULL, &model, &error), &error);
  arcuate_compile_options options;
  arcuate_compile_options_init(&options);
  options.steps_per_frame = 350; /* an image is shown for 350 ms */
  options.frame_state = ARCUATE_FRAME_STATE_RESET;
  options.frame_output = ARCUATE_FRAME_OUTPUT_SUM; /* spikes of each neuron */
  check(arcuate_plan_create(model, &options, &plan, &error), &error);
  check(arcuate_session_create(plan, &session, &error), &error);
  if (arcuate_plan_input_size(plan, 0) != size) fail("the network has another number of inputs");
  size_t neurons = arcuate_plan_output_size(plan, 0);

  float *image = malloc(size * sizeof *image), *response = malloc(neurons * sizeof *response);
  double *responses = calloc(neurons * CLASSES, sizeof *responses);
  unsigned shown[CLASSES] = {0};
  if (!image || !response || !responses) fail("out of memory");

  /* From here on nothing is allocated. */
  if (arcuate_session_set_adapting(session, 1)) fail(arcuate_session_last_error(session));
  size_t right = 0;
  for (size_t n = 0; n < count; n++) {
    for (size_t i = 0; i < size; i++) image[i] = pixels[n * size + i] / 255.0f;
    if (arcuate_session_run(session, 1, (const float *[]){image}, (size_t[]){size},
                            (float *[]){response}, (size_t[]){neurons}))
      fail(arcuate_session_last_error(session));

    /* The class of a neuron is the one with its highest mean response so far. */
    double votes[CLASSES] = {0};
    unsigned members[CLASSES] = {0};
    for (size_t i = 0; i < neurons; i++) {
      int best = -1;
      double most = 0;
      for (int c = 0; c < CLASSES; c++) {
        double mean = shown[c] ? responses[i * CLASSES + c] / shown[c] : 0;
        if (mean > most) most = mean, best = c;
      }
      if (best >= 0) votes[best] += response[i], members[best]++;
    }
    int answer = -1;
    double most = 0;
    for (int c = 0; c < CLASSES; c++) {
      if (members[c] && votes[c] / members[c] > most) most = votes[c] / members[c], answer = c;
    }
    if (truth[n] >= CLASSES) fail("a label is not within 0 ... 9");
    if (answer == truth[n]) right++;
    for (size_t i = 0; i < neurons; i++) responses[i * CLASSES + truth[n]] += response[i];
    shown[truth[n]]++;
    /* What was answered early, with other weights, counts less and less. */
    if ((n + 1) % REPORT == 0) {
      printf("images %6zu: %5.1f %% of the last %d right\n", n + 1, 100.0 * right / REPORT, REPORT);
      fflush(stdout);
      right = 0;
      for (size_t i = 0; i < neurons * CLASSES; i++) responses[i] /= 2;
      for (int c = 0; c < CLASSES; c++) shown[c] = (shown[c] + 1) / 2;
    }
  }
  if (argc > 5) {
    arcuate_model *learned = NULL;
    check(arcuate_session_adapted_model(session, &learned, &error), &error);
    check(arcuate_model_save(learned, argv[5], &error), &error);
    arcuate_model_free(learned);
  }
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_model_free(model);
  free(image), free(response), free(responses), free(pixels), free(truth);
  return 0;
}
