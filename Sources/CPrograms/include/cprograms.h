#ifndef CPROGRAMS_H
#define CPROGRAMS_H

#include <stddef.h>

/// The neuron programs of the folder `programs`, in ascending order of their names: the name of a
/// file without its ending, and the text. NULL from the end on.
const char *cprograms_name(size_t index);
const char *cprograms_text(size_t index);

#endif
