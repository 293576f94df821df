/* The C interface for Swift, which implements it: nonnull would make arguments non-optional, so
 * that they could not be checked. */
#define ARCUATE_NONNULL(...)
#define ARCUATE_NODISCARD
#include "../../include/arcuate.h"
