#include "cshims.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

void cshims_trim_memory(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}
