/* Event recordings with NULL, invalid sizes and options: a status, never a crash. */
#include "refused.h"

static void nulls(void) {
  arcuate_events *events = NULL;
  arcuate_error *error = NULL;
  int64_t t;
  uint16_t x, y;
  uint8_t p;
  size_t count = 7;
  arcuate_events_options_init(NULL);
  REFUSED(arcuate_events_open(NULL, NULL, &events, &error));
  CHECK(strstr(arcuate_error_message(error), "path") != NULL && events == NULL);
  arcuate_error_free(error);
  REFUSED(arcuate_events_open("x", NULL, NULL, NULL));
  REFUSED(arcuate_events_open("\xff\xfe", NULL, &events, NULL));
  CHECK(arcuate_events_open("", NULL, &events, NULL) == ARCUATE_ERROR_CANNOT_OPEN);
  CHECK(arcuate_events_open("/", NULL, &events, NULL) == ARCUATE_ERROR_CANNOT_OPEN);
  REFUSED(arcuate_events_create(NULL, NULL, NULL));
  arcuate_events_free(NULL);
  REFUSED(arcuate_events_feed(NULL, "x", 1, &count, NULL));
  REFUSED(arcuate_events_read(NULL, &t, &x, &y, &p, 1, &count, NULL));
  CHECK(arcuate_events_format(NULL) == ARCUATE_EVENTS_ANY);
  CHECK(arcuate_events_width(NULL) == 0 && arcuate_events_height(NULL) == 0);
  CHECK(arcuate_events_progress(NULL) == -1);
  CHECK(arcuate_events_finding_count(NULL) == 0);
  CHECK(arcuate_events_finding_severity(NULL, 0) == -1);
  CHECK(arcuate_events_finding_location(NULL, 0) == NULL);
  CHECK(arcuate_events_finding_message(NULL, 0) == NULL);

  CHECK(arcuate_events_create(NULL, &events, NULL) == ARCUATE_SUCCESS && events != NULL);
  REFUSED(arcuate_events_feed(events, NULL, 1, &count, NULL));
  REFUSED(arcuate_events_feed(events, "x", 1, NULL, NULL));
  REFUSED(arcuate_events_feed(events, "x", SIZE_MAX, &count, NULL));
  REFUSED(arcuate_events_read(events, NULL, &x, &y, &p, 1, &count, NULL));
  REFUSED(arcuate_events_read(events, &t, NULL, &y, &p, 1, &count, NULL));
  REFUSED(arcuate_events_read(events, &t, &x, NULL, &p, 1, &count, NULL));
  REFUSED(arcuate_events_read(events, &t, &x, &y, NULL, 1, &count, NULL));
  REFUSED(arcuate_events_read(events, &t, &x, &y, &p, 1, NULL, NULL));
  REFUSED(arcuate_events_read(events, &t, &x, &y, &p, 0, &count, NULL));
  REFUSED(arcuate_events_read(events, &t, &x, &y, &p, SIZE_MAX, &count, NULL));
  CHECK(count == 7);
  CHECK(arcuate_events_read(events, &t, &x, &y, &p, 1, &count, NULL) == ARCUATE_SUCCESS);
  CHECK(count == 0);
  CHECK(arcuate_events_finding_severity(events, SIZE_MAX) == -1);
  /* A stream of no bytes has no format. */
  CHECK(arcuate_events_feed(events, NULL, 0, &count, NULL) == ARCUATE_SUCCESS);
  CHECK(arcuate_events_read(events, &t, &x, &y, &p, 1, &count, NULL) == ARCUATE_ERROR_TRUNCATED);
  arcuate_events_free(events);
}

static void options(void) {
  arcuate_events *events = NULL;
  arcuate_events_options options;
#define REFUSED_WITH(field, value)       \
  arcuate_events_options_init(&options); \
  options.field = (value);               \
  REFUSED(arcuate_events_create(&options, &events, NULL))
  static const size_t sizes[] = {0, 1, sizeof options - 1, 5000, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    REFUSED_WITH(struct_size, sizes[i]);
  }
  static const int32_t numbers[] = {-1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    REFUSED_WITH(kind, numbers[i]);
    REFUSED_WITH(origin, numbers[i]);
    REFUSED_WITH(file_rows, numbers[i]);
    REFUSED_WITH(camera, numbers[i]);
    REFUSED_WITH(width, numbers[i]);
    REFUSED_WITH(height, numbers[i]);
    REFUSED_WITH(address_bytes, numbers[i]);
    REFUSED_WITH(tick_ns, numbers[i]);
  }
  REFUSED_WITH(kind, ARCUATE_EVENTS_HDF5 + 1);
  REFUSED_WITH(origin, ARCUATE_EVENTS_ORIGIN_OFFSET + 1);
  REFUSED_WITH(camera, 4);
  REFUSED_WITH(file_rows, 2);
  REFUSED_WITH(width, 32769);
  REFUSED_WITH(address_bytes, 3);
  CHECK(events == NULL);

  /* The ends of the range of times neither trap nor fail. */
  static const int64_t times[] = {INT64_MIN, INT64_MAX};
  for (int i = 0; i < 2; i++) {
    arcuate_events_options_init(&options);
    options.kind = ARCUATE_EVENTS_NMNIST;
    options.origin = ARCUATE_EVENTS_ORIGIN_OFFSET;
    options.offset_us = times[i];
    CHECK(arcuate_events_create(&options, &events, NULL) == ARCUATE_SUCCESS);
    size_t taken, count;
    int64_t t[4];
    uint16_t x[4], y[4];
    uint8_t p[4];
    CHECK(arcuate_events_feed(events, "abcdefghijklmno", 15, &taken, NULL) == ARCUATE_SUCCESS);
    CHECK(arcuate_events_read(events, t, x, y, p, 4, &count, NULL) == ARCUATE_SUCCESS);
    CHECK(taken == 15 && count == 3);
    arcuate_events_free(events);
    events = NULL;
  }
}

int main(int count, char **arguments) {
  (void)arguments;
  CHECK(count == 3);
  nulls();
  options();
  puts("nonsense is refused");
  return 0;
}
