/* A bounded ring of audio packets with a lock. */
#include <pthread.h>

#include <libavcodec/codec_par.h>
#include <libavutil/mathematics.h>

#include "base/log.h"
#include "base/memory.h"
#include "media/audio_queue.h"

/* About a minute of AAC; readers are a few frames ahead of writers. */
enum { CAPACITY = 4096 };

/* `lock` guards ring, first, count, references, ended, complained. */
struct media_audio {
    pthread_mutex_t lock;
    AVCodecParameters *parameters;
    AVRational time_base;
    int64_t start; /* in time_base */
    AVPacket *ring[CAPACITY];
    int first, count, references;
    bool ended, complained;
};

int media_audio_open(struct media_audio **out, const struct AVCodecParameters *parameters,
                     AVRational time_base, int64_t start_us)
{
    *out = NULL;
    struct media_audio *audio = base_alloc_zero(1, sizeof *audio);
    if (!audio)
        return base_error_memory(sizeof *audio, "a queue of audio packets");
    pthread_mutex_init(&audio->lock, NULL);
    audio->references = 1;
    audio->time_base = time_base;
    audio->start = av_rescale_q(start_us, (AVRational){1, 1000000}, time_base);
    audio->parameters = avcodec_parameters_alloc();
    if (!audio->parameters || avcodec_parameters_copy(audio->parameters, parameters) < 0) {
        media_audio_close(&audio);
        return base_error_memory(sizeof *parameters, "the parameters of an audio stream");
    }
    *out = audio;
    return 0;
}

struct media_audio *media_audio_keep(struct media_audio *audio)
{
    pthread_mutex_lock(&audio->lock);
    audio->references++;
    pthread_mutex_unlock(&audio->lock);
    return audio;
}

static AVPacket *take_first(struct media_audio *audio)
{
    AVPacket *packet = audio->ring[audio->first];
    audio->first = (audio->first + 1) % CAPACITY;
    audio->count--;
    return packet;
}

void media_audio_close(struct media_audio **handle)
{
    struct media_audio *audio = *handle;
    *handle = NULL;
    if (!audio)
        return;
    pthread_mutex_lock(&audio->lock);
    bool last = --audio->references == 0;
    pthread_mutex_unlock(&audio->lock);
    if (!last)
        return;
    while (audio->count) {
        AVPacket *packet = take_first(audio);
        av_packet_free(&packet);
    }
    avcodec_parameters_free(&audio->parameters);
    pthread_mutex_destroy(&audio->lock);
    base_free(audio);
}

const struct AVCodecParameters *media_audio_parameters(const struct media_audio *audio)
{
    return audio->parameters;
}

AVRational media_audio_time_base(const struct media_audio *audio)
{
    return audio->time_base;
}

void media_audio_push(struct media_audio *audio, AVPacket *packet)
{
    AVPacket *kept = av_packet_alloc(), *oldest = NULL;
    if (kept)
        av_packet_move_ref(kept, packet);
    av_packet_unref(packet);
    if (!kept)
        return;
    if (kept->pts != AV_NOPTS_VALUE)
        kept->pts -= audio->start;
    if (kept->dts != AV_NOPTS_VALUE)
        kept->dts -= audio->start;
    pthread_mutex_lock(&audio->lock);
    bool complain = audio->count == CAPACITY && !audio->complained;
    if (audio->count == CAPACITY)
        oldest = take_first(audio);
    audio->ring[(audio->first + audio->count++) % CAPACITY] = kept;
    audio->complained |= complain;
    pthread_mutex_unlock(&audio->lock);
    av_packet_free(&oldest);
    if (complain)
        base_log(BASE_LOG_WARN, "audio packets are dropped: nothing writes them");
}

void media_audio_end(struct media_audio *audio)
{
    pthread_mutex_lock(&audio->lock);
    audio->ended = true;
    pthread_mutex_unlock(&audio->lock);
}

static int64_t microseconds(const struct media_audio *audio, const AVPacket *packet)
{
    int64_t ticks = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    return ticks == AV_NOPTS_VALUE ? INT64_MIN
                                   : av_rescale_q(ticks, audio->time_base, AV_TIME_BASE_Q);
}

bool media_audio_pop(struct media_audio *audio, AVPacket *packet, int64_t time_us, bool rest)
{
    AVPacket *first = NULL;
    pthread_mutex_lock(&audio->lock);
    if (audio->count &&
        ((rest && audio->ended) || microseconds(audio, audio->ring[audio->first]) < time_us))
        first = take_first(audio);
    pthread_mutex_unlock(&audio->lock);
    bool found = first != NULL;
    if (found)
        av_packet_move_ref(packet, first);
    av_packet_free(&first);
    return found;
}
