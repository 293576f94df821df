/* Structs that are older or newer than the library, and layouts that other languages rely on. */
#include "check.h"

int main(int count, char **arguments) {
  CHECK(count == 3);
  CHECK(sizeof(arcuate_event) == 16 && offsetof(arcuate_event, value) == 12);
  CHECK(sizeof(arcuate_status) == 4);
  CHECK(offsetof(arcuate_compile_options, batch) == 32);

  arcuate_model *model = open_digits(arguments[1]);
  arcuate_plan *plan = NULL;
  arcuate_error *error = NULL;

  struct {
    arcuate_compile_options known;
    int64_t later;
  } newer;
  memset(&newer, 0, sizeof newer);
  arcuate_compile_options_init(&newer.known);
  newer.known.struct_size = sizeof newer;
  CHECK(arcuate_plan_create(model, &newer.known, &plan, NULL) == ARCUATE_SUCCESS);
  arcuate_plan_free(plan);
  plan = NULL;
  newer.later = 1; /* asks for what this library cannot do */
  CHECK(arcuate_plan_create(model, &newer.known, &plan, &error) == ARCUATE_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(arcuate_error_message(error), "field") != NULL);
  arcuate_error_free(error);

  static const size_t sizes[] = {0, 1, 8, sizeof(arcuate_compile_options) - 1, 5000, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    arcuate_compile_options options;
    arcuate_compile_options_init(&options);
    options.struct_size = sizes[i];
    CHECK(arcuate_plan_create(model, &options, &plan, NULL) == ARCUATE_ERROR_INVALID_ARGUMENT);
    CHECK(plan == NULL);
    arcuate_read_options reading;
    arcuate_read_options_init(&reading);
    if (sizes[i] > sizeof reading - 1 && sizes[i] < 4096) continue;
    reading.struct_size = sizes[i];
    arcuate_model *other = NULL;
    CHECK(arcuate_model_open(arguments[1], &reading, &other, NULL) ==
          ARCUATE_ERROR_INVALID_ARGUMENT);
    CHECK(other == NULL);
  }

  /* A program of a later version has more counters: only those known are written. */
  struct {
    arcuate_counters known;
    uint64_t later;
  } counters;
  memset(&counters, 0xAA, sizeof counters);
  counters.known.struct_size = sizeof counters;
  arcuate_session *session = NULL;
  CHECK(arcuate_plan_create(model, NULL, &plan, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_create(plan, &session, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_session_counters(session, -1, -1, &counters.known) == ARCUATE_SUCCESS);
  CHECK(counters.known.rows == 0 && counters.known.struct_size == sizeof counters);
  CHECK(counters.later == 0xAAAAAAAAAAAAAAAAull);
  arcuate_session_free(session);
  arcuate_plan_free(plan);
  arcuate_model_free(model);
  puts("structs hold");
  return 0;
}
