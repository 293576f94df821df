#include "archive.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int read_size(FILE *file, int *value) {
  unsigned char bytes[5];
  if (fread(bytes, 1, 5, file) != 5 || bytes[0] != 4) return -1;
  *value = (int)(bytes[1] | bytes[2] << 8 | bytes[3] << 16 | (uint32_t)bytes[4] << 24);
  return *value < 0 || *value > 1 << 24 ? -1 : 0;
}

int archive_next(FILE *file, utterance *out) {
  size_t length = 0;
  int c;
  while ((c = getc(file)) != EOF && c != ' ') {
    if (length + 1 >= sizeof out->key) return -1;
    out->key[length++] = (char)c;
  }
  if (c == EOF) return length == 0 ? 0 : -1;
  out->key[length] = 0;

  char kind[5];
  if (fread(kind, 1, 5, file) != 5 || memcmp(kind, "\0BFM ", 5) != 0) return -1;
  if (read_size(file, &out->rows) || read_size(file, &out->columns)) return -1;
  size_t count = (size_t)out->rows * (size_t)out->columns;
  if (count > (size_t)1 << 28) return -1;
  float *frames = realloc(out->frames, (count ? count : 1) * sizeof(float));
  if (!frames) return -1;
  out->frames = frames;
  return fread(frames, sizeof(float), count, file) == count ? 1 : -1;
}
