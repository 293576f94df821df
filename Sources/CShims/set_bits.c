#include "cshims.h"

// Bit i of b, if set, stands behind as many bytes as bits are set below it.
#define POSITION(b, i) \
  ((((b) >> (i)) & 1) ? (uint64_t)(i) << (8 * __builtin_popcount((b) & ((1 << (i)) - 1))) : 0)
#define ENTRY(b)                                                                        \
  (POSITION(b, 0) | POSITION(b, 1) | POSITION(b, 2) | POSITION(b, 3) | POSITION(b, 4) | \
   POSITION(b, 5) | POSITION(b, 6) | POSITION(b, 7))
#define FOUR(b) ENTRY(b), ENTRY(b + 1), ENTRY(b + 2), ENTRY(b + 3)
#define SIXTEEN(b) FOUR(b), FOUR(b + 4), FOUR(b + 8), FOUR(b + 12)
#define SIXTY_FOUR(b) SIXTEEN(b), SIXTEEN(b + 16), SIXTEEN(b + 32), SIXTEEN(b + 48)

const uint64_t cshims_bit_positions[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128),
                                            SIXTY_FOUR(192)};
