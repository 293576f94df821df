/* The caller's allocator gets every large block back, and a refusal is a status; messages arrive.
 */
#include "check.h"

typedef struct ledger {
  size_t blocks, bytes, most;
  int refuses;
} ledger;

static void *take(void *context, size_t size, size_t alignment) {
  ledger *l = context;
  CHECK(alignment == 64 && size % alignment == 0);
  if (l->refuses) return NULL;
  char *start = malloc(size + 2 * alignment);
  CHECK(start != NULL);
  char *block = start + alignment - (size_t)start % alignment;
  memcpy(block - sizeof start, &start, sizeof start);
  l->blocks++;
  l->bytes += size;
  if (l->bytes > l->most) l->most = l->bytes;
  return block;
}

static void give_back(void *context, void *block, size_t size) {
  ledger *l = context;
  char *start;
  memcpy(&start, (char *)block - sizeof start, sizeof start);
  l->blocks--;
  l->bytes -= size;
  free(start);
}

/* How often it was said that instructions were asked for which are not there. */
static int told = 0;

static void listen(void *context, int32_t level, const char *message) {
  CHECK(level >= ARCUATE_SEVERITY_NOTE && level <= ARCUATE_SEVERITY_ERROR && message[0] != 0);
  if (strstr(message, "ARCUATE_INSTRUCTIONS asks for nothing") != NULL) told++;
  ++*(int *)context;
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  ledger books = {0, 0, 0, 0};
  arcuate_allocator allocator = {sizeof allocator, &books, take, give_back};
  CHECK(arcuate_set_allocator(&allocator, NULL) == ARCUATE_SUCCESS);
  int heard = 0;
  arcuate_set_log(listen, &heard);

  arcuate_plan *plan = compile_digits(arguments[1], 1, 1);
  CHECK(heard > 0);
  /* The environment of this test asks for instructions called "nothing": told once, no failure. */
  CHECK(told == 1);
  CHECK(books.bytes >= 143 * 128 * 4);
  arcuate_session *session = NULL, *other = NULL;
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  books.refuses = 1;
  arcuate_error *error = NULL;
  /* A file larger than the memory left: a status, not the end of the host. */
  arcuate_model *model = NULL;
  CHECK(arcuate_model_open(arguments[1], NULL, &model, &error) == ARCUATE_ERROR_OUT_OF_MEMORY);
  CHECK(model == NULL && strstr(arcuate_error_message(error), arguments[1]) != NULL);
  arcuate_error_free(error);
  error = NULL;
  CHECK(arcuate_session_create(plan, &other, &error) == ARCUATE_ERROR_OUT_OF_MEMORY);
  CHECK(other == NULL && strstr(arcuate_error_message(error), "bytes") != NULL);
  arcuate_error_free(error);
  arcuate_probe *probe = NULL;
  CHECK(arcuate_probe_create(session, "if1", 0, 10, &probe, NULL) == ARCUATE_ERROR_OUT_OF_MEMORY);

  /* Blocks go back to where they came from, whatever is set by then. */
  CHECK(arcuate_set_allocator(NULL, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &other, NULL) == ARCUATE_SUCCESS);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  CHECK(books.blocks > 0); /* the other session keeps the plan */
  arcuate_session_free(other);
  CHECK(books.blocks == 0 && books.bytes == 0 && books.most > 0);

  arcuate_set_log(NULL, NULL);
  CHECK(told == 1);
  int before = heard;
  arcuate_plan_free(compile_digits(arguments[1], 1, 1));
  CHECK(heard == before);
  puts("hooks hold");
  return 0;
}
