/* Long calls that end early. See arcuate.h for an overview. */
#ifndef ARCUATE_CANCEL_H
#define ARCUATE_CANCEL_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A request that can be made of the calls of one or more threads. Since: 0.2.
 *
 *     static arcuate_cancel *cancel;
 *     static void on_interrupt(int number) { arcuate_cancel_request(cancel); }
 *
 *     arcuate_cancel_create(NULL, NULL, &cancel, NULL);
 *     signal(SIGINT, on_interrupt);
 *     arcuate_cancel_watch(cancel);
 *     if (arcuate_trainer_train_step(trainer, &samples, NULL) == ARCUATE_ERROR_CANCELED) ...
 *
 * While a request stands, calls of the threads that watch it return ARCUATE_ERROR_CANCELED within a
 * second, usually within a tenth: those that read, write, convert, quantize, compile, run and
 * train. A canceled call has changed nothing, except that
 *   - a session is reset, as by arcuate_session_reset, and weights that a rule changes are as far
 * as they came; restore a snapshot to go on from where it was;
 *   - a trainer's gradients are those of no batch. Its parameters and its step are as before. */
typedef struct arcuate_cancel arcuate_cancel;

/* Called by a watching thread, inside its call: first about a quarter of a second after the call
 * began, then about twenty times a second. A result other than 0 makes the request. It must not use
 * what the call uses. */
typedef int32_t (*arcuate_cancel_poll)(void *context);

/* Creates a request that has not been made. poll: NULL, or a function that is called with
 * `context`. On success the caller owns *cancel. Status: INVALID_ARGUMENT. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_cancel_create(
    arcuate_cancel_poll poll, void *context, arcuate_cancel **cancel, arcuate_error **error)
    ARCUATE_NONNULL(3);
/* Frees a request, which no other thread may watch any more. NULL is ignored. Since: 0.2. */
ARCUATE_API void arcuate_cancel_free(arcuate_cancel *cancel);

/* Makes later calls of this thread watch `cancel` in place of any other; NULL: none. Since: 0.2. */
ARCUATE_API void arcuate_cancel_watch(arcuate_cancel *cancel);

/* Makes the request, or takes it back, so that later calls run. Any thread may call both at any
 * time, and so may a signal handler. NULL is ignored. Since: 0.2. */
ARCUATE_API void arcuate_cancel_request(arcuate_cancel *cancel);
ARCUATE_API void arcuate_cancel_clear(arcuate_cancel *cancel);
/* 1 while the request stands, else 0. Since: 0.2. */
ARCUATE_API int32_t arcuate_cancel_requested(const arcuate_cancel *cancel);

#ifdef __cplusplus
}
#endif

#endif
