#include "network.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void refuse(const char *what, const char *sentence) {
  fprintf(stderr, "%s: %s\n", what, sentence);
  exit(1);
}

uint32_t draw(uint32_t *seed, uint32_t count) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 16) * count >> 16;
}

/* Puts text behind what a buffer holds; every ' becomes `quote`. */
static void put(char *buffer, size_t size, const char *quote, const char *text) {
  size_t at = strlen(buffer);
  for (; *text; text++) {
    char one[2] = {*text, 0};
    const char *piece = *text == '\'' ? quote : one;
    if (at + strlen(piece) >= size) refuse(text, "there is no room for it");
    strcpy(buffer + at, piece);
    at += strlen(piece);
  }
}

network *new_network(uint32_t seed) {
  network *net = calloc(1, sizeof *net);
  if (!net) refuse("a network", "there is no memory");
  net->seed = seed;
  return net;
}

void connect(network *net, const char *from, const char *to) {
  char edge[160];
  snprintf(edge, sizeof edge, "%s['%s','%s']", net->edges[0] ? "," : "", from, to);
  put(net->edges, sizeof net->edges, "'", edge);
}

void append(network *net, const char *name, const char *kind, const char *text, ...) {
  char fields[512], node[768];
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(fields, sizeof fields, text, arguments);
  va_end(arguments);
  snprintf(node, sizeof node, "%s{'name':'%s','kind':'%s'%s}", net->nodes[0] ? "," : "", name, kind,
           fields);
  put(net->nodes, sizeof net->nodes, "'", node);
  if (net->last[0]) connect(net, net->last, name);
  snprintf(net->last, sizeof net->last, "%s", name);
}

/* Adds a tensor `node.field` to the container. */
static void tensor(network *net, const char *node, const char *field, const char *type, int rank,
                   const size_t *shape, const void *bytes, size_t size) {
  char text[320], extents[96] = "";
  for (int i = 0; i < rank; i++)
    snprintf(extents + strlen(extents), sizeof extents - strlen(extents), "%s%zu", i ? "," : "",
             shape[i]);
  snprintf(text, sizeof text, ",'%s.%s':{'dtype':'%s','shape':[%s],'data_offsets':[%zu,%zu]}", node,
           field, type, extents, net->size, net->size + size);
  put(net->tensors, sizeof net->tensors, "\"", text);
  net->data = realloc(net->data, net->size + size);
  if (!net->data) refuse("a network", "there is no memory");
  memcpy(net->data + net->size, bytes, size);
  net->size += size;
}

void append_weights(network *net, const char *name, const char *kind, element type, int mean,
                    int spread, int shift, int rank, const size_t *shape, const char *text) {
  static const char *const types[] = {"F32", "BF16", "I8"};
  static const size_t sizes[] = {4, 2, 1};
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= shape[i];
  float scale = 1.0f / (float)(1u << shift);
  uint8_t *bytes = malloc(count * sizes[type]);
  if (!bytes) refuse("weights", "there is no memory");
  for (size_t i = 0; i < count; i++) {
    int whole = mean - spread + (int)draw(&net->seed, 2 * (uint32_t)spread + 1);
    float weight = (float)whole * scale;
    uint32_t bits;
    memcpy(&bits, &weight, 4);
    if (type == INT8) bytes[i] = (uint8_t)(int8_t)whole;
    if (type == FLOAT32) memcpy(bytes + 4 * i, &bits, 4);
    if (type == BFLOAT16) {
      uint16_t upper = (uint16_t)(bits >> 16);
      memcpy(bytes + 2 * i, &upper, 2);
    }
  }
  tensor(net, name, "weight", types[type], rank, shape, bytes, count * sizes[type]);
  free(bytes);
  if (type == INT8) {
    float scales[1024];
    if (shape[0] > 1024) refuse(name, "there is no room for its scales");
    for (size_t i = 0; i < shape[0]; i++) scales[i] = scale;
    tensor(net, name, "weight.scale", "F32", 1, shape, scales, 4 * shape[0]);
  }
  append(net, name, kind, ",'weight':'%s.weight'%s", name, text);
}

void append_linear(network *net, const char *name, element type, int mean, int spread, int shift,
                   size_t post, size_t pre) {
  append_weights(net, name, "Linear", type, mean, spread, shift, 2, (size_t[]){post, pre}, "");
}

static void scalar(network *net, const char *node, const char *field, float value) {
  tensor(net, node, field, "F32", 0, NULL, &value, sizeof value);
}

void append_if(network *net, const char *name) {
  scalar(net, name, "r", 1);
  scalar(net, name, "v_threshold", 1);
  scalar(net, name, "v_reset", 0);
  append(net, name, "IF", ",'r':'%s.r','v_threshold':'%s.v_threshold','v_reset':'%s.v_reset'", name,
         name, name);
}

void append_lif(network *net, const char *name) {
  scalar(net, name, "tau", 16.0f / 1024);
  scalar(net, name, "r", 16);
  scalar(net, name, "v_leak", 0);
  scalar(net, name, "v_threshold", 1);
  scalar(net, name, "v_reset", 0);
  append(net, name, "LIF",
         ",'tau':'%s.tau','r':'%s.r','v_leak':'%s.v_leak','v_threshold':'%s.v_threshold',"
         "'v_reset':'%s.v_reset'",
         name, name, name, name, name);
  snprintf(net->step, sizeof net->step, "'dt_s':0.0009765625,");
}

arcuate_model *open_network(network *net) {
  static char graph[16384], header[32768];
  snprintf(graph, sizeof graph,
           "{%s'nodes':[%s],'edges':[%s],'semantics':{'clamps_below':'0','comparison':'>=',"
           "'feedback_start':'zero','integrator':'euler','integrator_gain':'%s','multi_spike':'0',"
           "'reset':'subtract','reset_timing':'same_step','spike_timing':'same_step'}}",
           net->step, net->nodes, net->edges, net->step[0] ? "dt_r" : "r");
  memset(header, 0, sizeof header);
  put(header, sizeof header, "\"", "{'__metadata__':{'arcuate.format':'1','arcuate.model':'");
  put(header, sizeof header, "\\\"", graph);
  put(header, sizeof header, "\"", "'}");
  put(header, sizeof header, "\"", net->tensors);
  put(header, sizeof header, "\"", "}");
  while (strlen(header) % 64 != 56) put(header, sizeof header, "'", " ");

  uint64_t length = strlen(header);
  size_t size = 8 + (size_t)length + net->size;
  uint8_t *file = malloc(size);
  if (!file) refuse("a network", "there is no memory");
  for (int i = 0; i < 8; i++) file[i] = (uint8_t)(length >> 8 * i);
  memcpy(file + 8, header, (size_t)length);
  if (net->size) memcpy(file + 8 + length, net->data, net->size);
  arcuate_model *model = NULL;
  arcuate_error *error = NULL;
  if (arcuate_model_from_memory(file, size, NULL, &model, &error))
    refuse("a drawn network", arcuate_error_message(error));
  free(file);
  free(net->data);
  free(net);
  return model;
}
