/* Trains a classifier and prints the loss and accuracy of each epoch:
 *
 *     train MODEL INPUTS LABELS OUTPUT EPOCHS BATCH STEPS [tandem]
 *
 * MODEL is a .safetensors or .nir file or a JSON list of layers, INPUTS a file of float32 vectors,
 * LABELS a file of int32 classes, OUTPUT the .safetensors file to write.
 *
 *     cc train.c $(pkg-config --cflags --libs arcuate) -o train
 */
#include <arcuate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the message of a failed call. A pointer to the error, since the call that
 * sets it is an argument, too. */
static void need(arcuate_status status, arcuate_error **error, const arcuate_trainer *trainer) {
  if (status == ARCUATE_SUCCESS) return;
  fprintf(stderr, "%s\n",
          error ? arcuate_error_message(*error) : arcuate_trainer_last_error(trainer));
  exit(1);
}

static void *content(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) {
    perror(path);
    exit(1);
  }
  *bytes = (size_t)ftell(file);
  rewind(file);
  void *data = malloc(*bytes ? *bytes : 1);
  if (!data || fread(data, 1, *bytes, file) != *bytes) {
    perror(path);
    exit(1);
  }
  fclose(file);
  return data;
}

int main(int count, char **arguments) {
  if (count < 8) {
    fprintf(stderr, "usage: train MODEL INPUTS LABELS OUTPUT EPOCHS BATCH STEPS [tandem]\n");
    return 2;
  }
  size_t input_bytes, label_bytes;
  float *inputs = content(arguments[2], &input_bytes);
  int32_t *labels = content(arguments[3], &label_bytes);
  size_t samples = label_bytes / sizeof *labels;
  arcuate_error *error = NULL;

  arcuate_model *model = NULL;
  need(arcuate_model_open(arguments[1], NULL, &model, &error), &error, NULL);

  arcuate_training_options options;
  arcuate_training_options_init(&options);
  options.batch = atoi(arguments[6]);
  options.steps = atoi(arguments[7]);
  if (count > 8 && strcmp(arguments[8], "tandem") == 0) options.mode = ARCUATE_TRAINING_TANDEM;
  options.surrogate = ARCUATE_SURROGATE_FAST_SIGMOID;
  options.surrogate_a = 25;
  arcuate_trainer *trainer = NULL;
  need(arcuate_trainer_create(model, &options, &trainer, &error), &error, NULL);
  arcuate_model_free(model);

  size_t width = arcuate_trainer_input_size(trainer, 0), batch = arcuate_trainer_batch(trainer);
  if (input_bytes != samples * width * sizeof *inputs) {
    fprintf(stderr, "%zu bytes of inputs for %zu samples of %zu\n", input_bytes, samples, width);
    return 1;
  }
  if (samples < batch) {
    fprintf(stderr, "%zu samples are fewer than a batch of %zu\n", samples, batch);
    return 1;
  }
  uint64_t *order = malloc((samples + 1) * sizeof *order);
  float *rows = malloc(batch * width * sizeof *rows);
  int32_t *classes = malloc(batch * sizeof *classes);
  if (!order || !rows || !classes) return 1;
  for (int epoch = 0; epoch < atoi(arguments[5]); epoch++) {
    need(arcuate_sample_order(samples, (uint64_t)epoch, options.seed, order), NULL, NULL);
    double loss = 0;
    size_t batches = samples / batch, correct = 0;
    for (size_t i = 0; i < batches; i++) {
      for (size_t b = 0; b < batch; b++) {
        size_t sample = (size_t)order[i * batch + b];
        memcpy(rows + b * width, inputs + sample * width, width * sizeof *rows);
        classes[b] = labels[sample];
      }
      const float *ports[] = {rows};
      size_t counts[] = {batch * width};
      arcuate_samples given = {sizeof given, batch, ports, counts, classes, NULL, 0, NULL, 0};
      arcuate_training_result result;
      result.struct_size = sizeof result;
      need(arcuate_trainer_train_step(trainer, &given, &result), NULL, trainer);
      loss += result.loss / (double)batches;
      correct += (size_t)result.correct;
    }
    printf("epoch %d: loss %.4f, %.2f %%\n", epoch + 1, loss,
           100.0 * (double)correct / (double)(batches * batch));
  }
  arcuate_model *trained = NULL;
  need(arcuate_trainer_model(trainer, &trained, &error), &error, NULL);
  need(arcuate_model_save(trained, arguments[4], &error), &error, NULL);
  arcuate_model_free(trained);
  arcuate_trainer_free(trainer);
  free(classes);
  free(rows);
  free(order);
  free(labels);
  free(inputs);
  return 0;
}
