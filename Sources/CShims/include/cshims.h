#ifndef ARCUATE_CSHIMS_H
#define ARCUATE_CSHIMS_H

#include <stdbool.h>
#include <stdint.h>

/// Whether this processor has every instruction the library was compiled for.
bool cshims_cpu_is_supported(void);

#endif
