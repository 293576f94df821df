/*
 * Arcuate runs spiking, artificial and hybrid neural networks inside other programs.
 *
 *     arcuate_model    a network, from a file or from memory
 *     arcuate_plan     a model compiled for one use; immutable, shared by any number of threads
 *     arcuate_session  the state of one or more streams
 *
 * Example: run one frame of a model with one input port and one output port.
 *
 *     arcuate_error *error = NULL;
 *     arcuate_model *model = NULL;
 *     arcuate_plan *plan = NULL;
 *     arcuate_session *session = NULL;
 *     arcuate_status status = arcuate_model_open("digits.nir", NULL, &model, &error);
 *     if (status == ARCUATE_SUCCESS) status = arcuate_plan_create(model, NULL, &plan, &error);
 *     if (status == ARCUATE_SUCCESS) status = arcuate_session_create(plan, &session, &error);
 *     if (status == ARCUATE_SUCCESS) {
 *       float frame[143] = {0}, scores[10];
 *       const float *inputs[] = {frame};
 *       float *outputs[] = {scores};
 *       const size_t input_counts[] = {143}, output_counts[] = {10};
 *       status = arcuate_session_run(session, 1, inputs, input_counts, outputs, output_counts);
 *       if (status != ARCUATE_SUCCESS) puts(arcuate_session_last_error(session));
 *     } else {
 *       puts(arcuate_error_message(error));
 *     }
 *     arcuate_error_free(error);
 *     arcuate_session_free(session);
 *     arcuate_plan_free(plan);
 *     arcuate_model_free(model);
 *
 * Headers. Each can be included on its own.
 *
 *     arcuate/status.h        version, status values, error objects
 *     arcuate/hooks.h         memory allocator, log
 *     arcuate/cancel.h        long calls that end early
 *     arcuate/model.h         read, write and inspect models
 *     arcuate/program.h       neurons whose step is a text
 *     arcuate/plan.h          compile options, ports and nodes of a plan
 *     arcuate/session.h       run frames, steps and events; state; counters
 *     arcuate/probe.h         record nodes
 *     arcuate/quantization.h  models with int8 or bfloat16 weights
 *     arcuate/conversion.h    artificial networks converted to spiking ones
 *     arcuate/plasticity.h    rules that change weights while a session runs
 *     arcuate/training.h      training by gradient
 *     arcuate/events.h        recordings of event cameras
 *
 * Status values. Functions that can fail return one of these.
 *
 *     ARCUATE_SUCCESS                          0  the call succeeded
 *     ARCUATE_ERROR_INVALID_ARGUMENT        -100  an argument is invalid
 *     ARCUATE_ERROR_SHAPE_MISMATCH          -101  an array has the wrong shape
 *     ARCUATE_ERROR_NOT_FOUND               -102  nothing has that name
 *     ARCUATE_ERROR_BUFFER_SIZE             -103  a buffer has the wrong size
 *     ARCUATE_ERROR_CANNOT_OPEN             -200  a file cannot be opened or read
 *     ARCUATE_ERROR_CANNOT_WRITE            -201  a file cannot be written
 *     ARCUATE_ERROR_TRUNCATED               -202  a file or block ends too early
 *     ARCUATE_ERROR_MALFORMED               -203  a file or block is malformed
 *     ARCUATE_ERROR_UNSUPPORTED_FORMAT      -204  a format, or a feature of it, is not supported
 *     ARCUATE_ERROR_LIMIT_EXCEEDED          -205  a size exceeds a limit
 *     ARCUATE_ERROR_INVALID_MODEL           -300  a model is inconsistent
 *     ARCUATE_ERROR_NOT_REPRESENTABLE       -301  a file format cannot express a model
 *     ARCUATE_ERROR_CANNOT_COMPILE          -400  a model cannot be compiled with these options
 *     ARCUATE_ERROR_UNSUPPORTED_PROCESSOR   -401  not returned by this version
 *     ARCUATE_ERROR_INVALID_STATE           -500  the state of the object does not permit the call
 *     ARCUATE_ERROR_CANCELED                -501  the call was canceled
 *     ARCUATE_ERROR_OUT_OF_MEMORY           -600  memory could not be allocated
 *
 * Errors. Most functions that can fail take an arcuate_error ** as their last argument, which may
 * be NULL. On failure it receives an error with a message, which the caller frees; other outputs
 * are not written. Functions on sessions and trainers that are called for every frame or batch take
 * no error object: they store the message in the session (arcuate_session_last_error) or the
 * trainer (arcuate_trainer_last_error). A function that stores no message says so.
 *
 * Ownership. An object is freed by the function named after it (arcuate_model_free frees an
 * arcuate_model), which ignores NULL. Objects may be freed in any order: a session keeps what it
 * needs of its plan, a plan what it needs of its model. A returned string belongs to the object it
 * was requested from and is valid until that object is changed or freed. Data buffers belong to the
 * caller and are not used after the call returns.
 *
 * Threads. A pointer to const may be used by any number of threads at the same time, any other
 * pointer by one thread at a time. Different objects are independent.
 *
 * Processes. In a child of fork(), models, plans, and sessions and trainers with one thread can be
 * used, unless another thread was inside a call with them. The threads of the others do not exist
 * there: calls that run them return ARCUATE_ERROR_INVALID_STATE; they can be read, cloned and
 * freed, and new ones can be made from their plan or model.
 *
 * Memory. A session allocates when it is created and when a probe is added, and not while it runs.
 *
 * Options. An options struct begins with struct_size. Call its _init function, or set every field
 * to zero and struct_size to the size of the struct. Functions that fill a struct write all fields
 * of this header: structs do not grow within a minor version, which has a soname of its own. In
 * arcuate_compile_options a zero means "use the model's value, or the
 * default".
 *
 * Processors. Any x86-64 processor. AVX2 with FMA, AVX-512 and, on Linux, AMX tiles are used if
 * the processor has them; without AVX2 ("baseline") the library is several times slower. With exact
 * numerics the results have the same bits. The environment variable ARCUATE_INSTRUCTIONS
 * ("baseline", "avx2", "avx512" or "amx"), read on first use, limits the instruction sets;
 * unsupported ones are ignored, and a message is logged. arcuate_plan_explain names those in use.
 * For AMX the library requests tile permission for the process, which enlarges the frames of its
 * signal handlers by 8 kB; if the process has a smaller alternate signal stack, AMX is not used.
 *
 * Data. Numbers are IEEE 754 floats in the byte order of the machine, arrays are row-major and
 * channel-first, text is UTF-8 and null-terminated.
 *
 * Versions. "Since" gives the first version with a declaration; the others date from 0.1.
 * Before version 1.0, a minor version may change the interface; CHANGELOG.md, installed beside the
 * documentation, lists the changes.
 */
#ifndef ARCUATE_H
#define ARCUATE_H

#include "arcuate/status.h"
#include "arcuate/cancel.h"
#include "arcuate/model.h"
#include "arcuate/program.h"
#include "arcuate/plan.h"
#include "arcuate/session.h"
#include "arcuate/probe.h"
#include "arcuate/quantization.h"
#include "arcuate/conversion.h"
#include "arcuate/plasticity.h"
#include "arcuate/training.h"
#include "arcuate/events.h"
#include "arcuate/hooks.h"

#endif
