/* Networks for counting: described in a few lines, drawn, and opened from memory.
 *
 * Weights are small integers times a power of two, so that float32, bfloat16 and int8 hold the same
 * ones and the same neurons fire. Numbers come from integers alone: they are the same everywhere.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <arcuate.h>
#include <stdint.h>

typedef enum { FLOAT32, BFLOAT16, INT8 } element;

/* A uniform whole number of 0 ... count - 1, for count up to 65536. */
uint32_t draw(uint32_t *seed, uint32_t count);

typedef struct {
  char nodes[8192], edges[2048], tensors[8192];
  char last[64]; /* the node that the next one follows */
  char step[64]; /* "'dt_s':0.001," or nothing */
  uint8_t *data;
  size_t size;
  uint32_t seed;
} network;

/* An empty network whose weights are drawn from `seed`; open_network frees what it takes. */
network *new_network(uint32_t seed);

/* Appends a node after the last one. text: its fields as JSON with ' for ", after a comma. */
void append(network *net, const char *name, const char *kind, const char *text, ...);
/* A further edge. */
void connect(network *net, const char *from, const char *to);

/* Appends weights (mean +- spread) * 2^-shift of this shape [post, pre...]; text as of append. */
void append_weights(network *net, const char *name, const char *kind, element type, int mean,
                    int spread, int shift, int rank, const size_t *shape, const char *text);
/* Appends linear weights [post, pre]. */
void append_linear(network *net, const char *name, element type, int mean, int spread, int shift,
                   size_t post, size_t pre);
/* Appends neurons of threshold 1: they keep all of their membrane, or 15/16 of it in a step. */
void append_if(network *net, const char *name);
void append_lif(network *net, const char *name);

/* The network as a model. Ends the program if it is refused. */
arcuate_model *open_network(network *net);

/* Ends the program with the sentence of an error. */
void refuse(const char *what, const char *sentence);

#endif
