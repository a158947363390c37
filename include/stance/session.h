/* Sessions: a model made ready to run on a device.
 *
 * Threads: a session belongs to one thread at a time; sessions do not disturb each other. A session
 * with threads > 1 owns a pool of threads - 1 workers. Results are the same for every number of
 * threads, and batch n gives the same bits as n times batch 1. */
#ifndef STANCE_SESSION_H
#define STANCE_SESSION_H

#include "stance/model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_session;

/* Processor tiers for stance_session_options.tier. */
enum stance_tier {
    STANCE_TIER_AUTO = -1,  /* the best one, or what STANCE_CPU=ref|avx2|avx512|neon says */
    STANCE_TIER_REF = 0,    /* plain C, on every processor */
    STANCE_TIER_AVX2 = 1,   /* x86-64: AVX2 and FMA */
    STANCE_TIER_AVX512 = 2, /* x86-64: AVX-512 F, BW, DQ, VL */
    STANCE_TIER_NEON = 3,   /* aarch64: Advanced SIMD */
};

struct stance_session_options {
    uint32_t struct_size; /* sizeof this struct; filled by stance_session_options_default() */
    const char *device;   /* "cpu" (also when NULL) */
    int32_t threads;      /* computing threads, the caller's included; 0: 1 */
    int32_t tier;         /* enum stance_tier */
    int32_t profile;      /* not 0: measure every operator, see stance_session_profile() */
    int32_t any_size; /* not 0: pictures (inputs of four dims) may be of another height and width
                             than the file declares, where its operators allow it: convolutions do,
                             matrix products and constants made for one size do not (ESHAPE) */
};

STANCE_API void stance_session_options_default(struct stance_session_options *options);

/* `options` NULL: the defaults. Errors: EDEVICE (what was asked for is not to be had here),
 * EARGUMENT, ELIMIT (more than 64 inputs or outputs), ENOMEMORY. */
STANCE_API int stance_session_open(struct stance_session **out, struct stance_model *model,
                                   const struct stance_session_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_session_close(struct stance_session **session);

/* Prepares for input shapes (one tensor per model input; data is not read): plans memory, packs
 * weights. stance_session_run() does it by itself when shapes are new; the last few plans are kept.
 * Errors: EARGUMENT (number of inputs; an attribute or index out of range), ESHAPE, ETYPE,
 * EUNSUPPORTED, ELIMIT, ENOMEMORY. */
STANCE_API int stance_session_prepare(struct stance_session *session,
                                      const struct stance_tensor *inputs, int count);

/* Runs the network. `inputs`: one per model input, in the model's order, with its declared type.
 * `outputs` receives one view per model output, into memory of the session that is valid until the
 * next call on it. Once prepared, running allocates nothing.
 * A model exported for batch 1 also takes batch n; where its operators do not allow that it is run
 * n times, see stance_session_loops().
 * Errors: as stance_session_prepare(). */
STANCE_API int stance_session_run(struct stance_session *session,
                                  const struct stance_tensor *inputs, int input_count,
                                  struct stance_tensor *outputs, int output_count);

/* Bytes of the workspace of the present plan (activations and scratch); weights not counted. */
STANCE_API size_t stance_session_memory(const struct stance_session *session);

/* Multiply-adds of one run of the present plan; 0 before the first. */
STANCE_API int64_t stance_session_multiply_adds(const struct stance_session *session);

/* How many of these multiply 8-bit integers: those of a quantised network's convolutions. */
STANCE_API int64_t stance_session_int8_multiply_adds(const struct stance_session *session);

/* Whether the present plan runs the images of a batch one after another. */
STANCE_API int stance_session_loops(const struct stance_session *session);

/* Multiply-adds that this processor tier does at most with the session's threads, measured now by a
 * loop that touches no memory: GFLOP/s (two operations a multiply-add). Takes about 30 ms. */
STANCE_API double stance_session_peak(struct stance_session *session);

/* What the processor can do at most with the session's tier and threads, measured now by loops that do
 * nothing else. Set struct_size before. Takes about a quarter of a second and 128 MiB.
 * Errors: ENOMEMORY. */
struct stance_limits {
    uint32_t struct_size; /* sizeof this struct */
    double float_gflops;  /* as stance_session_peak() */
    double byte_gops; /* products of 8-bit numbers summed in 32 bits: 10⁹ operations a second, two
                             for each multiply-add */
    double cache_gb_s; /* copying within the second-level cache: 10⁹ bytes a second, those read and
                             those written */
    double memory_gb_s; /* copying what no cache holds */
};

STANCE_API int stance_session_limits(struct stance_session *session, struct stance_limits *out);

/* One line for logs: "cpu (AMD EPYC), avx512, 2 threads, float32". The precision is that of the
 * multiply-adds: "float32", "int8", or "int8 and float32"; before the first plan it is what the
 * file's weights let expect. Valid until the next call on the session. */
STANCE_API const char *stance_session_describe(const struct stance_session *session);

/* One operator of the present plan, in running order; times are sums over `runs` runs. */
struct stance_profile_step {
    const char *type;   /* "Conv" */
    const char *name;   /* the node's name in the file; may be "" */
    const char *method; /* which kernel; may be "" */
    char shape[64];     /* of the first output */
    int64_t nanoseconds;
    int64_t multiply_adds; /* per run */
    int64_t bytes;         /* read and written per run, weights included */
};

/* Number of steps and runs measured since the plan was made; 0 without options.profile. */
STANCE_API int stance_session_profile_count(const struct stance_session *session, int64_t *runs);
/* Errors: EARGUMENT. */
STANCE_API int stance_session_profile(const struct stance_session *session, int i,
                                      struct stance_profile_step *out);

/* Devices this build can use here: "cpu". NULL when i is too large. Static. */
STANCE_API const char *stance_device_name(int i);
/* One line about device i: processor, cores, tiers. Valid until the thread's next call. */
STANCE_API const char *stance_device_describe(int i);

#ifdef __cplusplus
}
#endif
#endif
