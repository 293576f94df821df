/* Recordings of event cameras: a file and a stream give the same events, however they are cut. */
#include "check.h"

enum { EVENTS = 5000, WORDS = 3 * EVENTS };

static unsigned char bytes[16 + 2 * WORDS];
static size_t size;

static void word(unsigned type, unsigned content) {
  bytes[size++] = (unsigned char)content;
  bytes[size++] = (unsigned char)(type << 4 | content >> 8);
}

static int64_t t[EVENTS + 64];
static uint16_t x[EVENTS + 64], y[EVENTS + 64];
static uint8_t p[EVENTS + 64];

static void check_events(size_t count) {
  CHECK(count == EVENTS);
  for (size_t i = 0; i < count; i++) {
    CHECK(t[i] == (int64_t)(4096 + i / 8) && x[i] == i % 640 && y[i] == i / 8 % 480);
    CHECK(p[i] == i % 2);
  }
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  static const char header[] = "% evt 3.0\n";
  memcpy(bytes, header, sizeof header - 1);
  size = sizeof header - 1;
  word(8, 1);
  for (unsigned i = 0; i < EVENTS; i++) {
    if (i % 8 == 0) {
      word(6, i / 8);
      word(0, i / 8 % 480);
    }
    word(2, i % 640 | i % 2 << 11);
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/events.anything", arguments[2]);
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);

  /* A file, in parts of different sizes. */
  static const size_t capacities[] = {1, 7, 1023, 1024, 4096, EVENTS + 64};
  for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
    arcuate_events *events = NULL;
    size_t all = 0, read = 0;
    CHECK(arcuate_events_open(path, NULL, &events, NULL) == ARCUATE_SUCCESS);
    CHECK(arcuate_events_format(events) == ARCUATE_EVENTS_ANY);
    do {
      size_t capacity = capacities[i];
      if (capacity > EVENTS + 64 - all) capacity = EVENTS + 64 - all;
      CHECK(arcuate_events_read(events, t + all, x + all, y + all, p + all, capacity, &read,
                                NULL) == ARCUATE_SUCCESS);
      CHECK(read <= capacity);
      all += read;
    } while (read > 0);
    check_events(all);
    CHECK(arcuate_events_format(events) == ARCUATE_EVENTS_EVT3);
    CHECK(arcuate_events_width(events) == 0 && arcuate_events_height(events) == 0);
    CHECK(arcuate_events_progress(events) == 1);
    CHECK(arcuate_events_finding_count(events) == 0);
    arcuate_events_free(events);
  }

  /* A stream, cut everywhere; one byte is missing. */
  for (size_t part = 1; part < 100; part += 7) {
    arcuate_events *events = NULL;
    arcuate_events_options options;
    arcuate_events_options_init(&options);
    options.width = 640;
    options.height = 480;
    CHECK(arcuate_events_create(&options, &events, NULL) == ARCUATE_SUCCESS);
    size_t all = 0, read = 0, taken = 0;
    for (size_t at = 0; at < size - 1; at += taken) {
      size_t rest = size - 1 - at;
      CHECK(arcuate_events_feed(events, bytes + at, rest < part ? rest : part, &taken, NULL) ==
            ARCUATE_SUCCESS);
      CHECK(arcuate_events_read(events, t + all, x + all, y + all, p + all, EVENTS + 64 - all,
                                &read, NULL) == ARCUATE_SUCCESS);
      all += read;
    }
    CHECK(arcuate_events_feed(events, NULL, 0, &taken, NULL) == ARCUATE_SUCCESS);
    CHECK(arcuate_events_read(events, t + all, x + all, y + all, p + all, EVENTS + 64 - all, &read,
                              NULL) == ARCUATE_SUCCESS);
    all += read;
    CHECK(all == EVENTS - 1);
    t[all] = 4096 + (EVENTS - 1) / 8;
    x[all] = (EVENTS - 1) % 640;
    y[all] = (EVENTS - 1) / 8 % 480;
    p[all] = (EVENTS - 1) % 2;
    check_events(EVENTS);
    CHECK(arcuate_events_width(events) == 640 && arcuate_events_height(events) == 480);
    CHECK(arcuate_events_progress(events) == -1);
    CHECK(arcuate_events_finding_count(events) == 1);
    CHECK(arcuate_events_finding_severity(events, 0) == ARCUATE_SEVERITY_REPAIR);
    CHECK(strncmp(arcuate_events_finding_location(events, 0), "byte ", 5) == 0);
    CHECK(strstr(arcuate_events_finding_message(events, 0), "cut short") != NULL);
    CHECK(arcuate_events_finding_message(events, 1) == NULL);
    CHECK(arcuate_events_feed(events, bytes, 1, &taken, NULL) == ARCUATE_ERROR_INVALID_STATE);
    arcuate_events_free(events);
  }
  return 0;
}
