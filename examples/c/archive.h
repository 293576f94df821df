/* Reads a Kaldi archive of binary float matrices, one utterance at a time. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdio.h>

typedef struct utterance {
  char key[256];
  int rows, columns;
  float *frames; /* [rows][columns] */
} utterance;

/* Reads the next utterance, reusing the memory of the one before (all zeros at first). Returns 1, 0
 * at the end of the file, or -1 where it is not such an archive. */
int archive_next(FILE *file, utterance *out);

#endif
