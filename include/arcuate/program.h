/* Neuron programs: neurons whose step is a text, which neuron-programs.md describes.
 *
 * A program replaces the neurons of a node:
 *
 *     status = arcuate_model_set_program(model, "hidden",
 *                                        "state v, w\n"
 *                                        "v = v * exp(-dt / tau) + x - w\n"
 *                                        "spike = v > v_threshold\n"
 *                                        "v = spike ? 0 : v\n"
 *                                        "w = 0.99 * w + 0.1 * spike\n",
 *                                        &error);
 *
 * or is part of a new network, a list of layers (layer-list.md):
 *
 *     const char *list = "{\"input\": 20, \"layers\": ["
 *                        "{\"kind\": \"linear\", \"size\": 40},"
 *                        "{\"kind\": \"neuron\", \"name\": \"hidden\", \"tau\": 0.02,"
 *                        "\"program\": \"state v\\nv = v * exp(-dt / tau) + x\\nspike = v > 1\\n"
 *                        "v = spike ? 0 : v\"}]}";
 *     status = arcuate_model_from_memory(list, strlen(list), NULL, &model, &error);
 *
 * Since: 0.2. */
#ifndef ARCUATE_PROGRAM_H
#define ARCUATE_PROGRAM_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the neurons of a node another step. The node is of kind "NeuronProgram" or a neuron of NIR,
 * such as "LIF". Parameters that the new program has by the same names keep their values; those of
 * NIR are named as in its files, such as "tau" and "v_threshold". As long as a parameter has
 * neither a value nor a default, a finding of the model says so.
 * Status: MALFORMED or LIMIT_EXCEEDED for the program, with line and column; NOT_FOUND;
 * INVALID_ARGUMENT for a node of another kind. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_set_program(
    arcuate_model *model, const char *node, const char *program, arcuate_error **error)
    ARCUATE_NONNULL(1, 2, 3);

/* Program of a node of the outermost graph; NULL if there is no such node, or it has none. */
ARCUATE_API const char *arcuate_model_program(const arcuate_model *model, const char *node);

/* Sets a parameter of a program to one number (count 1), or to one for each neuron in row-major
 * order.
 * Status: NOT_FOUND for a node or a parameter; INVALID_ARGUMENT for a node without a program, and
 * for numbers that are not finite; SHAPE_MISMATCH if there are not `count` neurons; INVALID_MODEL
 * if an error of the model hides how many there are. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_model_set_parameter(
    arcuate_model *model, const char *node, const char *name, const float *values, size_t count,
    arcuate_error **error) ARCUATE_NONNULL(1, 2, 3, 4);

/* Programs of common neurons and of other libraries' neurons (neuron-library.md): their names in
 * ascending order, such as "adex" or "snntorch-leaky-zero"; NULL from the end on. */
ARCUATE_API const char *arcuate_library_program_name(size_t index);
/* Text of a program of this name; NULL if there is none. */
ARCUATE_API const char *arcuate_library_program(const char *name);

#ifdef __cplusplus
}
#endif

#endif
