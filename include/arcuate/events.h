/* Recordings of event cameras: files, pipes and live streams as columns of events.
 *
 *     arcuate_events *events = NULL;
 *     if (arcuate_events_open("driving.raw", NULL, &events, &error) == ARCUATE_SUCCESS) {
 *       size_t count;
 *       while (arcuate_events_read(events, t, x, y, p, 65536, &count, &error) == ARCUATE_SUCCESS &&
 *              count > 0)
 *         use(t, x, y, p, count);
 *     }
 *     arcuate_events_free(events);
 *
 * An event has a time t in microseconds, a column x from the left, a row y from the top, and a
 * polarity p, 1 for brighter and 0 for darker. Events keep the order of the file, also where its
 * times step back. */
#ifndef ARCUATE_EVENTS_H
#define ARCUATE_EVENTS_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A recording that is being read. */
typedef struct arcuate_events arcuate_events;

/* File format of a recording. Since: 0.2. */
typedef int32_t arcuate_events_kind;
/* Detected from the content. */
#define ARCUATE_EVENTS_ANY ((arcuate_events_kind)0)
/* Prophesee EVT 2.0, 2.1 and 3.0. */
#define ARCUATE_EVENTS_EVT2 ((arcuate_events_kind)1)
#define ARCUATE_EVENTS_EVT21 ((arcuate_events_kind)2)
#define ARCUATE_EVENTS_EVT3 ((arcuate_events_kind)3)
/* Prophesee DAT. */
#define ARCUATE_EVENTS_DAT ((arcuate_events_kind)4)
/* Event Stream. */
#define ARCUATE_EVENTS_ES ((arcuate_events_kind)5)
/* N-MNIST and N-Caltech101, without a header. */
#define ARCUATE_EVENTS_NMNIST ((arcuate_events_kind)6)
/* AEDAT 2.0 and 2.1, 3.1, 4. */
#define ARCUATE_EVENTS_AEDAT2 ((arcuate_events_kind)7)
#define ARCUATE_EVENTS_AEDAT3 ((arcuate_events_kind)8)
#define ARCUATE_EVENTS_AEDAT4 ((arcuate_events_kind)9)
/* Addresses of a silicon cochlea, without a header: x and y are the lower and upper 16 bits. */
#define ARCUATE_EVENTS_COCHLEA ((arcuate_events_kind)10)
/* Lines of text. */
#define ARCUATE_EVENTS_CSV ((arcuate_events_kind)11)
/* NumPy .npy and .npz. */
#define ARCUATE_EVENTS_NPZ ((arcuate_events_kind)12)
/* HDF5, also with the codec of Prophesee. */
#define ARCUATE_EVENTS_HDF5 ((arcuate_events_kind)13)

/* Which time is 0. Since: 0.2. */
typedef int32_t arcuate_events_origin;
/* As in the file. */
#define ARCUATE_EVENTS_ORIGIN_FILE ((arcuate_events_origin)0)
/* The first event. */
#define ARCUATE_EVENTS_ORIGIN_FIRST ((arcuate_events_origin)1)
/* The first word of the camera's clock; EVT 2 and 3 only, others as in the file. */
#define ARCUATE_EVENTS_ORIGIN_CLOCK ((arcuate_events_origin)2)
/* offset_us. */
#define ARCUATE_EVENTS_ORIGIN_OFFSET ((arcuate_events_origin)3)

/* How a recording is read. Since: 0.2. */
typedef struct arcuate_events_options {
  size_t struct_size;
  arcuate_events_kind kind;
  arcuate_events_origin origin;
  /* The time of the file that becomes 0, for ARCUATE_EVENTS_ORIGIN_OFFSET. */
  int64_t offset_us;
  /* 0: rows count from the top, and those of files that count from the bottom are turned;
   * 1: as in the file. */
  int32_t file_rows;
  /* Camera of an AEDAT 2 file: 0 as its header says, else DVS128; 1 DVS128; 2 DAVIS240;
   * 3 DAVIS346. */
  int32_t camera;
  /* Size of the sensor in place of the file's; 0 for the file's. */
  int32_t width;
  int32_t height;
  /* Bytes of an address of a silicon cochlea, 2 or 4; 0: detected from the content. */
  int32_t address_bytes;
  /* Unit of its clock; 0 and 1000 leave times as they are. */
  int32_t tick_ns;
} arcuate_events_options;

/* Sets the defaults, all 0. NULL is ignored. Since: 0.2. */
ARCUATE_API void arcuate_events_options_init(arcuate_events_options *options);

/* Opens a recording for reading; "-" is the standard input. options may be NULL. Nothing is read
 * yet. On success the caller owns *events.
 * Status: CANNOT_OPEN, INVALID_ARGUMENT, OUT_OF_MEMORY. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_events_open(
    const char *path, const arcuate_events_options *options, arcuate_events **events,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
/* Creates a recording whose bytes the caller feeds, such as those of a socket. options may be NULL.
 * On success the caller owns *events. Status: INVALID_ARGUMENT, OUT_OF_MEMORY. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_events_create(
    const arcuate_events_options *options, arcuate_events **events, arcuate_error **error)
    ARCUATE_NONNULL(2);
/* Frees a recording and closes its file. NULL is ignored. Since: 0.2. */
ARCUATE_API void arcuate_events_free(arcuate_events *events);

/* Feeds the next bytes, cut anywhere, and sets *taken to the number taken: fewer than count if
 * decoded events must be read first. The events do not depend on the cuts. count 0 says that no
 * bytes follow.
 * Status: INVALID_STATE for a recording with a file, or after the end; UNSUPPORTED_FORMAT,
 * MALFORMED, TRUNCATED, LIMIT_EXCEEDED for a header that cannot be read; INVALID_ARGUMENT.
 * Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_events_feed(
    arcuate_events *events, const void *bytes, size_t count, size_t *taken, arcuate_error **error)
    ARCUATE_NONNULL(1, 4);
/* Reads up to `capacity` events into four arrays, at least 1, and sets *count. 0 events: the file
 * has ended, or more bytes must be fed. Elements behind *count may be overwritten.
 * Status: that of arcuate_events_feed; CANCELED; INVALID_ARGUMENT. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_events_read(
    arcuate_events *events, int64_t *t, uint16_t *x, uint16_t *y, uint8_t *p, size_t capacity,
    size_t *count, arcuate_error **error) ARCUATE_NONNULL(1, 2, 3, 4, 5, 7);

/* Format; ARCUATE_EVENTS_ANY before it is known, which is after the first read, and for NULL.
 * Since: 0.2. */
ARCUATE_API arcuate_events_kind arcuate_events_format(const arcuate_events *events);
/* Size of the sensor; 0 if neither the file nor the options state it. Since: 0.2. */
ARCUATE_API size_t arcuate_events_width(const arcuate_events *events);
ARCUATE_API size_t arcuate_events_height(const arcuate_events *events);
/* Part of a regular file that was read, 0 to 1; -1 otherwise. Since: 0.2. */
ARCUATE_API double arcuate_events_progress(const arcuate_events *events);

/* Number of findings so far: what was odd, by kind, each with its first position. A file that is
 * cut short has one. 0 for NULL. Since: 0.2. */
ARCUATE_API size_t arcuate_events_finding_count(arcuate_events *events);
/* Severity of a finding; -1 if the index is out of range. Since: 0.2. */
ARCUATE_API arcuate_severity
arcuate_events_finding_severity(const arcuate_events *events, size_t index);
/* Byte or event a finding is about; NULL if the index is out of range. Valid until
 * arcuate_events_finding_count is called again. Since: 0.2. */
ARCUATE_API const char *arcuate_events_finding_location(const arcuate_events *events, size_t index);
/* Message of a finding; NULL if the index is out of range. Valid as above. Since: 0.2. */
ARCUATE_API const char *arcuate_events_finding_message(const arcuate_events *events, size_t index);

#ifdef __cplusplus
}
#endif

#endif
