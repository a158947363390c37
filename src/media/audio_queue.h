/* Audio packets on their way from a reader to a writer, which may run in different threads and end
 * in any order. */
#ifndef MEDIA_AUDIO_QUEUE_H
#define MEDIA_AUDIO_QUEUE_H

#include <libavcodec/packet.h>

#include <stdbool.h>

#include "base/errors.h"

struct media_audio;
struct AVCodecParameters;

/* With one reference. `start_us` is subtracted from the packets' times. Errors: ENOMEMORY. */
int media_audio_open(struct media_audio **out, const struct AVCodecParameters *parameters,
                     AVRational time_base, int64_t start_us);
struct media_audio *media_audio_keep(struct media_audio *audio);
/* Drops a reference. NULL allowed; sets NULL. */
void media_audio_close(struct media_audio **audio);

const struct AVCodecParameters *media_audio_parameters(const struct media_audio *audio);
AVRational media_audio_time_base(const struct media_audio *audio);

/* Takes the packet over. When nobody has taken any for long, the oldest goes. */
void media_audio_push(struct media_audio *audio, AVPacket *packet);
/* The source has reached its end: all its packets belong to the video. */
void media_audio_end(struct media_audio *audio);

/* Moves the oldest packet out if it begins before `time_us`, or, with `rest`, if the source has
 * ended; its times are in the queue's time base, from the start of the video. */
bool media_audio_pop(struct media_audio *audio, AVPacket *packet, int64_t time_us, bool rest);

#endif
