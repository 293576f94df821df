/* For tests that pass invalid arguments. */
#ifndef REFUSED_H
#define REFUSED_H

/* NULL and unused results are intended. */
#define ARCUATE_NONNULL(...)
#define ARCUATE_NODISCARD

#include "check.h"

#define REFUSED(call) CHECK((call) == ARCUATE_ERROR_INVALID_ARGUMENT)

#endif
