/* Version, status values and error objects. See arcuate.h for an overview. */
#ifndef ARCUATE_STATUS_H
#define ARCUATE_STATUS_H

#include <stddef.h>
#include <stdint.h>

/* Attributes of declarations; define any of them before including a header to replace it. */
#ifndef ARCUATE_API
#if defined(__GNUC__)
#define ARCUATE_API __attribute__((visibility("default")))
#else
#define ARCUATE_API
#endif
#endif
/* The result must be used. */
#ifndef ARCUATE_NODISCARD
#if defined(__GNUC__)
#define ARCUATE_NODISCARD __attribute__((warn_unused_result))
#else
#define ARCUATE_NODISCARD
#endif
#endif
/* These arguments, counted from 1, must not be NULL. The library still checks them. */
#ifndef ARCUATE_NONNULL
#if defined(__GNUC__)
#define ARCUATE_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define ARCUATE_NONNULL(...)
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ARCUATE_VERSION_MAJOR 0
#define ARCUATE_VERSION_MINOR 2
#define ARCUATE_VERSION_PATCH 0

/* Version of the library at run time: major * 1000000 + minor * 1000 + patch. */
ARCUATE_API int32_t arcuate_version(void);

typedef int32_t arcuate_status;

#define ARCUATE_SUCCESS ((arcuate_status)0)
/* An argument is invalid. */
#define ARCUATE_ERROR_INVALID_ARGUMENT ((arcuate_status)-100)
#define ARCUATE_ERROR_SHAPE_MISMATCH ((arcuate_status)-101)
#define ARCUATE_ERROR_NOT_FOUND ((arcuate_status)-102)
#define ARCUATE_ERROR_BUFFER_SIZE ((arcuate_status)-103)
/* A file or block of bytes cannot be used. */
#define ARCUATE_ERROR_CANNOT_OPEN ((arcuate_status)-200)
#define ARCUATE_ERROR_CANNOT_WRITE ((arcuate_status)-201)
#define ARCUATE_ERROR_TRUNCATED ((arcuate_status)-202)
#define ARCUATE_ERROR_MALFORMED ((arcuate_status)-203)
#define ARCUATE_ERROR_UNSUPPORTED_FORMAT ((arcuate_status)-204)
#define ARCUATE_ERROR_LIMIT_EXCEEDED ((arcuate_status)-205)
/* A model is inconsistent, or a file format cannot express it. */
#define ARCUATE_ERROR_INVALID_MODEL ((arcuate_status)-300)
#define ARCUATE_ERROR_NOT_REPRESENTABLE ((arcuate_status)-301)
/* A model cannot be compiled. */
#define ARCUATE_ERROR_CANNOT_COMPILE ((arcuate_status)-400)
#define ARCUATE_ERROR_UNSUPPORTED_PROCESSOR ((arcuate_status)-401)
/* The object is not in a state that permits the call. */
#define ARCUATE_ERROR_INVALID_STATE ((arcuate_status)-500)
/* The call ended early, as requested (cancel.h). Since: 0.2. */
#define ARCUATE_ERROR_CANCELED ((arcuate_status)-501)
#define ARCUATE_ERROR_OUT_OF_MEMORY ((arcuate_status)-600)

/* Short name of a status, such as "not found"; "unknown status" for other values, never NULL. The
 * string is static. */
ARCUATE_API const char *arcuate_status_name(arcuate_status status);

/* Severity of a log message, or of a finding about a model. */
typedef int32_t arcuate_severity;
#define ARCUATE_SEVERITY_NOTE ((arcuate_severity)0)
/* Something was missing or inconsistent and has been repaired. */
#define ARCUATE_SEVERITY_REPAIR ((arcuate_severity)1)
#define ARCUATE_SEVERITY_ERROR ((arcuate_severity)2)

typedef struct arcuate_error arcuate_error;

/* Status of an error; ARCUATE_SUCCESS for NULL. */
ARCUATE_API arcuate_status arcuate_error_status(const arcuate_error *error);
/* Message of an error, which names the file, node or location; "" for NULL. */
ARCUATE_API const char *arcuate_error_message(const arcuate_error *error);
/* Frees an error and its message. NULL is ignored. */
ARCUATE_API void arcuate_error_free(arcuate_error *error);

#ifdef __cplusplus
}
#endif

#endif
